#include <cstdint>

#include "skep/llm/model.h"

namespace skep::llm {
namespace {

// Twelfths of a token: a quarter for a byte of ASCII, 2/3 for a character of the wide scripts (1.5
// a token), and between them half a token for Cyrillic, Greek, Arabic and the like.
constexpr std::uint64_t kTwelfthsAscii = 3;
constexpr std::uint64_t kTwelfthsTwoBytes = 6;
constexpr std::uint64_t kTwelfthsWide = 8;

}  // namespace

std::size_t estimate_tokens(std::string_view text) {
  std::uint64_t twelfths = 0;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      twelfths += kTwelfthsAscii;
    } else if (byte >= 0xE0) {
      twelfths += kTwelfthsWide;
    } else if (byte >= 0xC0) {
      twelfths +=
          byte < 0xCA ? kTwelfthsAscii : kTwelfthsTwoBytes;  // up to U+027F: Latin with accents
    }
  }
  return text.empty() ? 0 : std::max<std::uint64_t>(1, (twelfths + 11) / 12);
}

}  // namespace skep::llm
