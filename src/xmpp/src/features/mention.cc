// Whether a text speaks of somebody.
#include <unicase.h>
#include <unictype.h>
#include <unistr.h>

#include <cstdlib>
#include <memory>

#include "skep/base/text.h"
#include "skep/xmpp/muc.h"

namespace skep::xmpp {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

const std::uint8_t* units(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// Case-folded and NFC; as it is when the library cannot.
std::string fold(std::string_view text) {
  std::size_t size = 0;
  const std::unique_ptr<std::uint8_t, Free> folded(
      u8_casefold(units(text), text.size(), nullptr, UNINORM_NFC, nullptr, &size));
  if (!folded) return std::string(text);
  return {reinterpret_cast<const char*>(folded.get()), size};
}

bool is_word_char(ucs4_t c) { return c == '_' || uc_is_alnum(c); }

bool starts_with_word_char(std::string_view text) {
  ucs4_t c = 0;
  return !text.empty() && u8_mbtouc(&c, units(text), text.size()) > 0 && is_word_char(c);
}

bool ends_with_word_char(std::string_view text) {
  ucs4_t c = 0;
  return u8_prev(&c, units(text) + text.size(), units(text)) != nullptr && is_word_char(c);
}

bool stands_in(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const bool begins = !ends_with_word_char(line.substr(0, at));
    if (begins && !starts_with_word_char(line.substr(at + word.size()))) return true;
  }
  return false;
}

}  // namespace

bool contains_word(std::string_view text, std::string_view word) {
  const std::string wanted = fold(word);
  if (trim(wanted).empty() || !is_valid_utf8(text)) return false;
  const std::string folded = fold(text);
  for (const std::string_view line : split(folded, '\n')) {
    if (!line.starts_with('>') && stands_in(line, wanted)) return true;
  }
  return false;
}

std::optional<std::string> after_address(std::string_view text, std::string_view word) {
  std::string_view rest = trim(text);
  if (rest.starts_with('@')) rest.remove_prefix(1);
  // Folding may change the length: compare as many characters as the word has.
  const std::size_t count = u8_mbsnlen(units(word), word.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count && bytes < rest.size(); ++i) {
    ucs4_t c = 0;
    const int step = u8_mbtouc(&c, units(rest) + bytes, rest.size() - bytes);
    bytes += static_cast<std::size_t>(step > 0 ? step : 1);
  }
  if (word.empty() || fold(rest.substr(0, bytes)) != fold(word)) return std::nullopt;
  rest.remove_prefix(std::min(bytes, rest.size()));
  if (starts_with_word_char(rest)) return std::nullopt;
  if (rest.starts_with(':') || rest.starts_with(',')) rest.remove_prefix(1);
  return std::string(trim(rest));
}

}  // namespace skep::xmpp
