// The frame reader: however the bytes are cut, the same frames come out; none is longer than
// allowed.
#include <cstdlib>
#include <cstring>

#include "skep/fabric/envelope.h"

namespace {

using skep::fabric::FrameReader;

std::vector<std::string> frames_of(std::string_view bytes, std::size_t step) {
  FrameReader reader;
  std::vector<std::string> out;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, step);
    std::span<char> space = reader.space(piece.size());
    if (space.size() < piece.size()) std::abort();
    std::memcpy(space.data(), piece.data(), piece.size());
    reader.filled(piece.size());
    bytes.remove_prefix(piece.size());
    for (;;) {
      skep::Result<std::string_view> next = reader.next();
      if (!next) return out;
      if (next->empty()) break;
      if (next->size() > skep::fabric::kFrameBytesMax) std::abort();
      out.emplace_back(*next);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = data[0] % 31 + 1;
  if (frames_of(bytes, bytes.size()) != frames_of(bytes, step)) std::abort();
  return 0;
}
