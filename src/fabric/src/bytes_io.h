// Little-endian records: what regions are written in. Private to the room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skep/base/result.h"

namespace skep::fabric {

class BytesOut {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { number(value, 2); }
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  void raw(std::string_view bytes) { bytes_ += bytes; }
  // Length in two bytes, then the bytes; longer than 65,535 is cut.
  void text(std::string_view text);
  [[nodiscard]] std::string take() && { return std::move(bytes_); }
  [[nodiscard]] std::string_view view() const { return bytes_; }

 private:
  void number(std::uint64_t value, int bytes);
  std::string bytes_;
};

// After the first read past the end everything reads as zero and ok() is false. The bytes outlive
// it.
class BytesIn {
 public:
  explicit BytesIn(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  bool boolean();  // 0 or 1; anything else is not ok
  std::string_view raw(std::size_t bytes);
  std::string_view text() { return raw(u16()); }
  // A count of records of at least `record_bytes_min` each: not ok when they cannot all be there,
  // so that nothing is reserved for records that are not.
  std::uint32_t count(std::size_t record_bytes_min);
  void fail() { ok_ = false; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t number(std::size_t bytes);
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace skep::fabric
