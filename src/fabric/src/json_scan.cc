#include "json_scan.h"

#include <algorithm>
#include <cstring>

#include "skep/base/wider.h"

namespace skep::fabric {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct FarRun {
  const char* end;
  bool high;
};

// Goes over plain characters in strides of 128 bytes; ends before the stride that holds something
// else.
SKEP_WIDER_TOO FarRun plain_run(const char* from, const char* end) {
  using Wide = unsigned char __attribute__((ext_vector_type(32)));
  constexpr std::ptrdiff_t kStride = 4 * sizeof(Wide);
  Wide seen = 0;
  for (; end - from >= kStride; from += kStride) {
    Wide a, b, c, d;
    std::memcpy(&a, from, sizeof a);
    std::memcpy(&b, from + sizeof a, sizeof b);
    std::memcpy(&c, from + 2 * sizeof a, sizeof c);
    std::memcpy(&d, from + 3 * sizeof a, sizeof d);
    const auto stops = (a == '"') | (b == '"') | (c == '"') | (d == '"') | (a == '\\') |
                       (b == '\\') | (c == '\\') | (d == '\\') | (a < 0x20) | (b < 0x20) |
                       (c < 0x20) | (d < 0x20);
    if (__builtin_reduce_or(stops) != 0) break;
    seen |= a | b | c | d;
  }
  return {from, __builtin_reduce_or(seen) >= 0x80};
}

}  // namespace

PlainRun plain_prefix(std::string_view text) {
  constexpr std::size_t kFar = 128;
  std::size_t at = 0;
  bool high = false;
  if (text.size() >= kFar) {
    const FarRun far = plain_run(text.data(), text.data() + text.size());
    at = static_cast<std::size_t>(far.end - text.data());
    high = far.high;
  }
  while (text.size() >= kBlockBytes && at < text.size()) {
    at = std::min(at, text.size() - kBlockBytes);  // the last block begins in the one before
    const Block bytes = load_block(text.data() + at);
    if (bits_of(ends_plain(bytes)) != 0) break;
    high |= bits_of(not_ascii(bytes)) != 0;
    at += kBlockBytes;
  }
  for (; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '"' || byte == '\\' || byte < 0x20) break;
    high |= byte >= 0x80;
  }
  return {at, high};
}

const char* JsonScan::plain_end_far(const char* from) {
  const FarRun run = plain_run(from, end_);
  high_ |= run.high;
  for (from = run.end; end_ - from >= static_cast<std::ptrdiff_t>(kBlockBytes);
       from += kBlockBytes) {
    const Block bytes = load_block(from);
    high_ |= bits_of(not_ascii(bytes)) != 0;
    const std::uint32_t stops = bits_of(ends_plain(bytes));
    if (stops != 0) return from + std::countr_zero(stops);
  }
  return plain_end_bytewise(from);
}

const char* JsonScan::plain_end_bytewise(const char* from) {
  for (; from != end_; ++from) {
    const auto byte = static_cast<unsigned char>(*from);
    high_ |= byte >= 0x80;
    if (byte == '"' || byte == '\\' || byte < 0x20) break;
  }
  return from;
}

void JsonScan::skip_space() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

bool JsonScan::behind_escapes() {
  while (at_ != end_ && *at_ != '"') {
    if (*at_ != '\\' || !escape()) return false;
    at_ = plain_end(at_);
  }
  return at_ != end_;
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
