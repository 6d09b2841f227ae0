#include <cstdint>
#include <cstring>

#include "skep/base/text.h"

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

}  // namespace

bool is_valid_utf8(std::string_view bytes) {
  for (bytes.remove_prefix(ascii_prefix(bytes)); !bytes.empty();) {
    Sequence next = first_sequence(bytes);
    if (!next.valid) return false;
    bytes.remove_prefix(next.bytes);
  }
  return true;
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
