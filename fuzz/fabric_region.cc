// Shared memory that anybody could have written: the header, a half, and the three contents. The
// first byte chooses. What is accepted must be exactly what would have been written.
#include <cstdlib>

#include "../src/fabric/src/region_layout.h"

namespace {

using namespace skep::fabric;

template <class T>
void same_again(const skep::Result<T>& decoded, std::string_view input) {
  if (decoded && encode(*decoded) != input) std::abort();
}

void check_header(std::string_view input) {
  const auto header = decode_header(input);
  if (!header) return;
  const auto again = decode_header(encode_header(*header));
  if (header->hive.size() <= 64 && header->writer.size() <= 256 && (!again || *again != *header)) {
    std::abort();
  }
}

void check_half(std::string_view input) {
  const HalfHeader half = decode_half_header(input.substr(0, kRegionHalfHeaderBytes));
  const std::string_view content =
      input.size() < kRegionHalfHeaderBytes ? "" : input.substr(kRegionHalfHeaderBytes);
  if (half_is_whole(half, content) && half.length != content.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check_header(input);
      break;
    case 1:
      check_half(input);
      break;
    case 2:
      same_again(decode_nodes(input), input);
      break;
    case 3:
      same_again(decode_config(input), input);
      break;
    default:
      same_again(decode_lsa(input), input);
  }
  return 0;
}
