#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "skep/memory/embeddings.h"
#include "words.h"

namespace skep::memory {
namespace {

constexpr std::size_t kDimensions = 256;
constexpr float kShortWord = 0.3F;  // "of", "the": said everywhere
constexpr float kLetters = 0.7F;    // all threes of a word together, beside 1 for the word
constexpr float kNeighbours = 0.4F;
constexpr std::size_t kShortBytes = 3;
constexpr std::size_t kWordsMax = 2000;

std::uint64_t hash_of(std::string_view a, char kind, std::string_view b = {}) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  const auto mix = [&hash](char c) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  };
  mix(kind);
  for (const char c : a) mix(c);
  mix('\0');
  for (const char c : b) mix(c);
  return hash ^ (hash >> 29);
}

// Several numbers for a feature, so that two features seldom share all of theirs.
void add(Vector& vector, std::uint64_t hash, float weight) {
  for (int part = 0; part < 2; ++part) {
    const float sign = (hash & 1) != 0 ? weight : -weight;
    vector[(hash >> 1) % kDimensions] += sign;
    hash = hash * 0x9e3779b97f4a7c15ULL ^ (hash >> 31);
  }
}

void add_word(Vector& vector, const std::string& word, float weight) {
  if (word.size() <= kShortBytes) weight *= kShortWord;
  add(vector, hash_of(word, 'w'), weight);
  const std::string framed = "^" + word + "$";
  const auto threes = static_cast<float>(framed.size() - 2);
  for (std::size_t at = 0; at + 3 <= framed.size(); ++at)
    add(vector, hash_of(std::string_view(framed).substr(at, 3), 't'),
        weight * kLetters / std::sqrt(threes));
}

Vector embed(std::string_view text) {
  Vector vector(kDimensions);
  std::vector<std::string> words = search_words(text);
  if (words.size() > kWordsMax) words.resize(kWordsMax);
  std::map<std::string_view, int> counts;
  for (const std::string& word : words) ++counts[word];
  for (const auto& [word, count] : counts)
    add_word(vector, std::string(word), 1 + std::log(static_cast<float>(count)));
  for (std::size_t i = 1; i < words.size(); ++i) {
    const bool both_short = words[i - 1].size() <= kShortBytes && words[i].size() <= kShortBytes;
    if (!both_short) add(vector, hash_of(words[i - 1], 'n', words[i]), kNeighbours);
  }
  normalise(vector);
  return vector;
}

}  // namespace

void normalise(Vector& vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * x;
  if (!(sum > 0) || !std::isfinite(sum)) {
    std::ranges::fill(vector, 0.0F);
    return;
  }
  const auto scale = static_cast<float>(1 / std::sqrt(sum));
  for (float& x : vector) x *= scale;
}

Embeddings hashed_embeddings() {
  return {.id = "hashed-256-1",
          .described = "hashed words and letters, computed here; no language model",
          .local = embed};
}

}  // namespace skep::memory
