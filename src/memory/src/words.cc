#include "words.h"

#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include <cstdlib>
#include <memory>

#include "skep/base/text.h"

namespace skep::memory {
namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string decomposed(const std::string& text) {
  std::size_t length = 0;
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> out(
      u8_normalize(UNINORM_NFKD, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                   nullptr, &length),
      &std::free);
  if (!out) return text;
  return {reinterpret_cast<const char*>(out.get()), length};
}

// Han, kana, and the scripts of South-East Asia.
bool stands_alone(ucs4_t c) {
  return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) ||
         (c >= 0x1780 && c <= 0x17FF) || (c >= 0x3040 && c <= 0x30FF) ||
         (c >= 0x3400 && c <= 0x9FFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

void words_of_ascii(std::string_view text, std::vector<std::string>& words) {
  std::string word;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (digit || (low >= 'a' && low <= 'z')) {
      word += low;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
}

class Splitter {
 public:
  explicit Splitter(std::vector<std::string>& words) : words_(words) {}
  void take(ucs4_t c, std::string_view bytes) {
    if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_M)) return;
    if (!uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N)) return end();
    if (!stands_alone(c)) {
      word_ += bytes;
      return;
    }
    end();
    words_.emplace_back(bytes);
  }
  void end() {
    if (!word_.empty()) words_.push_back(std::move(word_));
    word_.clear();
  }

 private:
  std::vector<std::string>& words_;
  std::string word_;
};

}  // namespace

std::vector<std::string> search_words(std::string_view text) {
  std::vector<std::string> words;
  if (is_ascii(text)) {
    words_of_ascii(text, words);
    return words;
  }
  const std::string folded = decomposed(fold_case(text));
  const auto* at = reinterpret_cast<const std::uint8_t*>(folded.data());
  const auto* const end = at + folded.size();
  Splitter splitter(words);
  while (at < end) {
    ucs4_t c = 0;
    const int length = u8_mbtoucr(&c, at, static_cast<std::size_t>(end - at));
    if (length <= 0) break;  // cannot be: fold_case gives UTF-8
    splitter.take(c, {reinterpret_cast<const char*>(at), static_cast<std::size_t>(length)});
    at += length;
  }
  splitter.end();
  return words;
}

}  // namespace skep::memory
