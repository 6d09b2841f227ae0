#include "same_note.h"

#include <algorithm>
#include <set>

#include "skep/memory/embeddings.h"
#include "words.h"

namespace skep::memory {
namespace {

constexpr std::size_t kWordsMin = 4;   // of the content; fewer are a value
constexpr double kSameCosine = 0.95;   // of the same words in the same order, nearly
constexpr double kAddedCosine = 0.7;   // with more
constexpr std::size_t kLongerMax = 4;  // times as many bytes: too far away to be compared

using Words = std::set<std::string>;

Words words_in(std::string_view text) {
  std::vector<std::string> words = search_words(text);
  return {std::make_move_iterator(words.begin()), std::make_move_iterator(words.end())};
}

bool holds(const Words& all, const Words& some) { return std::ranges::includes(all, some); }

bool same_numbers(const Words& a, const Words& b) {
  const auto numbers = [](const Words& words) {
    Words found;
    for (const std::string& word : words) {
      const bool digit = std::ranges::any_of(word, [](char c) { return c >= '0' && c <= '9'; });
      if (digit) found.insert(word);
    }
    return found;
  };
  return numbers(a) == numbers(b);
}

double cosine(const std::string& a, const std::string& b) {
  static const Embeddings kOurs = hashed_embeddings();
  const Vector left = kOurs.local(a), right = kOurs.local(b);
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i) sum += static_cast<double>(left[i]) * right[i];
  return sum;
}

struct Said {
  Words key, content, all;
  explicit Said(const KnowledgeEntry& note)
      : key(words_in(note.key)), content(words_in(note.content)), all(key) {
    all.insert(content.begin(), content.end());
  }
};

}  // namespace

Sameness compare_notes(const KnowledgeEntry& older, const KnowledgeEntry& newer) {
  if (older.by != newer.by || older.taint != newer.taint) return Sameness::kNo;
  if (std::max(older.content.size(), newer.content.size()) >
      kLongerMax * std::min(older.content.size(), newer.content.size()))
    return Sameness::kNo;
  const Said before(older), after(newer);
  if (std::min(before.content.size(), after.content.size()) < kWordsMin ||
      !same_numbers(before.key, after.key))
    return Sameness::kNo;
  if (before.content == after.content && holds(before.all, after.key) &&
      cosine(older.content, newer.content) >= kSameCosine)
    return Sameness::kNothingNew;
  if (holds(after.all, before.all) && cosine(older.content, newer.content) >= kAddedCosine)
    return Sameness::kSaysMore;
  return Sameness::kNo;
}

}  // namespace skep::memory
