#include <algorithm>
#include <cstdint>
#include <cstring>

#include "skep/base/text.h"
#include "skep/base/wider.h"

namespace skep {
namespace {

struct Sequence {
  std::size_t bytes;  // at least 1; of a broken one, as many as could have begun a character
                      // (Unicode 3.9, D93b)
  bool valid;
};

bool is_continuation(char c) { return (static_cast<std::uint8_t>(c) & 0xc0) == 0x80; }

// RFC 3629 4: which second bytes may follow a lead byte; the narrow ones keep out overlong forms
// and surrogates.
bool second_fits(std::uint8_t lead, std::uint8_t second) {
  switch (lead) {
    case 0xe0:
      return second >= 0xa0 && second <= 0xbf;
    case 0xed:
      return second >= 0x80 && second <= 0x9f;
    case 0xf0:
      return second >= 0x90 && second <= 0xbf;
    case 0xf4:
      return second >= 0x80 && second <= 0x8f;
    default:
      return second >= 0x80 && second <= 0xbf;
  }
}

// How many bytes at the front are ASCII, counted in words of eight: most text is nothing else.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t word = 0; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080) != 0) break;
  }
  return at;
}

// `text` is not empty.
Sequence first_sequence(std::string_view text) {
  auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80) return {1, true};
  if (lead < 0xc2 || lead > 0xf4) return {1, false};
  std::size_t wanted = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < 2 || !second_fits(lead, static_cast<std::uint8_t>(text[1]))) return {1, false};
  for (std::size_t i = 2; i < wanted; ++i) {
    if (i >= text.size() || !is_continuation(text[i])) return {i, false};
  }
  return {wanted, true};
}

using Stride = std::uint8_t __attribute__((ext_vector_type(32)));

// How many bytes from `at` on, in whole strides, are good as far as their own bytes and the three
// before each can tell; `at` is at least 3, and a character begins there. Every byte is asked
// whether the ones before it want a continuation, which must be so exactly where one stands; the
// rest keeps out bytes that no character has, overlong forms and surrogates.
SKEP_WIDER_TOO std::size_t good_strides(std::string_view text, std::size_t at) {
  const std::size_t from = at;
  for (; text.size() - at >= sizeof(Stride); at += sizeof(Stride)) {
    const char* here = text.data() + at;
    Stride x, first, second, third;  // the bytes, and those before each
    std::memcpy(&x, here, sizeof x);
    std::memcpy(&first, here - 1, sizeof x);
    std::memcpy(&second, here - 2, sizeof x);
    std::memcpy(&third, here - 3, sizeof x);
    if (__builtin_reduce_or(x | third) < 0x80 && __builtin_reduce_or(first) < 0x80) continue;
    const auto stands = (x & 0xc0) == 0x80;
    const auto wanted = (first >= 0xc0) | (second >= 0xe0) | (third >= 0xf0);
    const auto wrong = (stands ^ wanted) | ((x & 0xfe) == 0xc0) | (x >= 0xf5) |
                       ((first == 0xe0) & (x < 0xa0)) | ((first == 0xed) & (x > 0x9f)) |
                       ((first == 0xf0) & (x < 0x90)) | ((first == 0xf4) & (x > 0x8f));
    if (__builtin_reduce_or(wrong) != 0) break;
  }
  return at - from;
}

}  // namespace

bool is_valid_utf8(std::string_view bytes) {
  std::size_t at = ascii_prefix(bytes);
  const auto characters_to = [&](std::size_t end) {
    while (at < end) {
      const Sequence next = first_sequence(bytes.substr(at));
      if (!next.valid) return false;
      at += next.bytes;
    }
    return true;
  };
  if (!characters_to(std::min(bytes.size(), at + 3))) return false;
  if (bytes.size() - at >= sizeof(Stride)) {
    at += good_strides(bytes, at);
    while (is_continuation(bytes[at - 1])) --at;  // the last character may go on behind the strides
    --at;
  }
  return characters_to(bytes.size());
}

std::string to_valid_utf8(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    Sequence next = first_sequence(bytes);
    out.append(next.valid ? bytes.substr(0, next.bytes) : std::string_view("\xef\xbf\xbd"));
    bytes.remove_prefix(next.bytes);
  }
  return out;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && is_continuation(text[end])) --end;
  return text.substr(0, end);
}

}  // namespace skep
