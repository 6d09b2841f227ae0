#include <algorithm>
#include <cstdint>
#include <cstring>

#include "skep/llm/model.h"

namespace skep::llm {
namespace {

// Twelfths of a token: a quarter for a byte of ASCII, 2/3 for a character of the wide scripts (1.5
// a token), and between them half a token for Cyrillic, Greek, Arabic and the like.
constexpr std::uint64_t kTwelfthsAscii = 3;
constexpr std::uint64_t kTwelfthsTwoBytes = 6;
constexpr std::uint64_t kTwelfthsWide = 8;
constexpr std::size_t kWord = sizeof(std::uint64_t);

// How many bytes in front, in whole words, are ASCII: most of what is counted, on every turn.
std::size_t ascii_run(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + kWord <= text.size(); at += kWord) {
    std::memcpy(&word, text.data() + at, kWord);
    if ((word & 0x8080808080808080) != 0) break;
  }
  return at;
}

std::uint64_t twelfths_of(std::string_view text) {
  std::uint64_t twelfths = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      twelfths += kTwelfthsAscii;
    } else if (byte >= 0xE0) {
      twelfths += kTwelfthsWide;
    } else if (byte >= 0xC0) {
      twelfths +=
          byte < 0xCA ? kTwelfthsAscii : kTwelfthsTwoBytes;  // up to U+027F: Latin with accents
    }
  }
  return twelfths;
}

}  // namespace

std::size_t estimate_tokens(std::string_view text) {
  std::uint64_t twelfths = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t plain = ascii_run(rest);
    twelfths += plain * kTwelfthsAscii;
    rest.remove_prefix(plain);
    const std::size_t piece = std::min(rest.size(), kWord);
    twelfths += twelfths_of(rest.substr(0, piece));
    rest.remove_prefix(piece);
  }
  return text.empty() ? 0 : std::max<std::uint64_t>(1, (twelfths + 11) / 12);
}

}  // namespace skep::llm
