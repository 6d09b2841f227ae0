#include "json_scan.h"

#include <bit>

namespace skep::fabric {
namespace {

using Bytes = unsigned char __attribute__((ext_vector_type(16)));
using Words = std::uint64_t __attribute__((ext_vector_type(2)));
using Bits = bool __attribute__((ext_vector_type(16)));

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

const char* JsonScan::plain_end(const char* from) {
  while (end_ - from >= 16) {
    Bytes bytes;
    std::memcpy(&bytes, from, 16);
    const Words words = std::bit_cast<Words>(bytes);
    high_ |= words[0] | words[1];
    const auto stops = (bytes == '"') | (bytes == '\\') | (bytes < 0x20);
    const auto bits = std::bit_cast<std::uint16_t>(__builtin_convertvector(stops, Bits));
    if (bits != 0) return from + std::countr_zero(bits);
    from += 16;
  }
  for (; from != end_; ++from) {
    const auto byte = static_cast<unsigned char>(*from);
    high_ |= byte;
    if (byte == '"' || byte == '\\' || byte < 0x20) break;
  }
  return from;
}

bool JsonScan::string(std::string_view& raw) {
  escaped_ = false;
  if (!take('"')) return false;
  const char* first = at_;
  for (;;) {
    at_ = plain_end(at_);
    if (at_ == end_) return false;
    if (*at_ == '"') break;
    if (*at_ != '\\' || !escape()) return false;
  }
  raw = {first, static_cast<std::size_t>(at_ - first)};
  ++at_;
  return true;
}

bool JsonScan::escape() {
  escaped_ = true;
  ++at_;
  if (at_ == end_) return false;
  const char c = *at_++;
  if (c == 'u') return unicode_escape();
  return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' ||
         c == 't';
}

bool JsonScan::hex4(std::uint32_t& unit) {
  if (end_ - at_ < 4) return false;
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(*at_++);
    if (digit < 0) return false;
    unit = unit << 4 | static_cast<std::uint32_t>(digit);
  }
  return true;
}

// Half a surrogate pair is no character: receivers could not turn it into UTF-8.
bool JsonScan::unicode_escape() {
  std::uint32_t unit = 0;
  if (!hex4(unit)) return false;
  if (unit < 0xD800 || unit > 0xDFFF) return true;
  if (unit > 0xDBFF || !take('\\') || !take('u') || !hex4(unit)) return false;
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

bool JsonScan::digits() {
  const char* first = at_;
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return at_ != first;
}

bool JsonScan::number() {
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (!at('e') && !at('E')) return true;
  ++at_;
  if (at('+') || at('-')) ++at_;
  return digits();
}

bool JsonScan::literal(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size()) return false;
  if (std::memcmp(at_, word.data(), word.size()) != 0) return false;
  at_ += word.size();
  return true;
}

bool JsonScan::scalar() {
  if (at_ == end_) return false;
  switch (*at_) {
    case '"': {
      std::string_view raw;
      return string(raw);
    }
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return number();
  }
}

// Bit n of `objects`: the n-th open container is an object.
bool JsonScan::value(unsigned depth) {
  const unsigned outside = depth;
  std::uint64_t objects = 0;
  bool before_value = true;
  for (;;) {
    space();
    if (before_value) {
      const bool object = at('{');
      if (!object && !at('[')) {
        if (!scalar()) return false;
      } else {
        if (depth == kDepthMax) return false;
        const std::uint64_t bit = std::uint64_t{1} << depth++;
        objects = object ? objects | bit : objects & ~bit;
        ++at_;
        space();
        if (!at(object ? '}' : ']')) {
          std::string_view key;
          if (object && (!string(key) || (space(), !take(':')))) return false;
          continue;
        }
        ++at_;
        --depth;
      }
    }
    if (depth == outside) return true;
    space();
    const bool object = (objects >> (depth - 1) & 1) != 0;
    if (take(',')) {
      before_value = true;
      if (!object) continue;
      space();
      std::string_view key;
      if (!string(key) || (space(), !take(':'))) return false;
    } else {
      if (!take(object ? '}' : ']')) return false;
      --depth;
      before_value = false;
    }
  }
}

}  // namespace skep::fabric
