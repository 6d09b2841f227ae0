#include "bytes_io.h"

#include <algorithm>

namespace skep::fabric {

void BytesOut::number(std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
}

void BytesOut::text(std::string_view text) {
  text = text.substr(0, 65'535);
  u16(static_cast<std::uint16_t>(text.size()));
  raw(text);
}

std::string_view BytesIn::raw(std::size_t bytes) {
  if (!ok_ || bytes > rest_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

std::uint64_t BytesIn::number(std::size_t bytes) {
  const std::string_view taken = raw(bytes);
  std::uint64_t value = 0;
  for (std::size_t i = taken.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(taken[i]);
  }
  return value;
}

bool BytesIn::boolean() {
  const std::uint8_t value = u8();
  if (value > 1) ok_ = false;
  return value == 1;
}

std::uint32_t BytesIn::count(std::size_t record_bytes_min) {
  const std::uint32_t value = u32();
  if (value > rest_.size() / std::max<std::size_t>(1, record_bytes_min)) ok_ = false;
  return ok_ ? value : 0;
}

}  // namespace skep::fabric
