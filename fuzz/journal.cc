// Recovery of a journal segment from any bytes. The first byte chooses: raw bytes; or records built
// from the input with right sums, so that the fields and their order are explored too; then one
// byte of it is damaged or the end is cut.
#include <cstdlib>

#include "../src/store/src/journal_segment.h"

namespace {

using skep::store::append_record;
using skep::store::Record;
using skep::store::RecordType;

constexpr std::uint64_t kSalt = 0x5eed;

std::string build(std::string_view input) {
  std::string segment = skep::store::segment_header(kSalt);
  while (input.size() >= 3) {
    const auto type = static_cast<RecordType>(1 + static_cast<unsigned char>(input[0]) % 4);
    const std::string_view key = input.substr(1, 1);
    const std::size_t length = static_cast<unsigned char>(input[2]);
    const std::string_view what = input.substr(3, length);
    append_record(segment, kSalt, segment.size(), Record{type, "kind", key, what});
    input.remove_prefix(3 + what.size());
  }
  return segment;
}

// What was recovered must be recovered again, alike, from the part that was kept.
void check(std::string_view segment) {
  const auto recovered = skep::store::recover_segment(segment);
  if (!recovered) return;
  if (recovered->whole_bytes > segment.size()) std::abort();
  const auto again = skep::store::recover_segment(segment.substr(0, recovered->whole_bytes));
  if (!again || again->whole_bytes != recovered->whole_bytes) std::abort();
  if (again->state.entries().size() != recovered->state.entries().size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t where = data[1] + 256u * data[2];
  std::string segment = data[0] % 4 == 0 ? std::string(input.substr(1)) : build(input.substr(3));
  if (data[0] % 4 == 2) segment[where % segment.size()] ^= static_cast<char>(data[0] | 1);
  if (data[0] % 4 == 3) segment.resize(where % (segment.size() + 1));
  check(segment);
  return 0;
}
