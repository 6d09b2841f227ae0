// Finds the best of many patterns for a name without trying them all.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "skep/fabric/routes.h"

namespace skep::fabric {

// Patterns with ranks; the lowest rank that matches wins. Exact names by hash, prefixes by a trie
// of their dot-separated fields, globs one after the other in order of rank. Built once, then only
// asked.
class PatternIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  void add(const Pattern& pattern, std::uint32_t rank);  // ranks ascend from call to call
  [[nodiscard]] std::uint32_t best(std::string_view full_name) const;
  [[nodiscard]] bool empty() const { return empty_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Field {
    std::uint32_t rank = kNone;
    std::map<std::string, std::unique_ptr<Field>, std::less<>> next;
  };
  struct Glob {
    std::uint32_t rank;
    std::string text;
  };
  [[nodiscard]] std::uint32_t best_prefix(std::string_view full_name, std::uint32_t best) const;

  bool empty_ = true;
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> exact_;
  Field prefixes_;
  std::vector<Glob> globs_;
};

// What a kPrefix pattern begins with: "AI.sop" of "AI.sop.*".
std::string_view prefix_stem(std::string_view text);
// How much a pattern says: bytes of an exact name or a prefix's stem, characters of a glob that are
// no '*'.
std::size_t pattern_length(const Pattern& pattern);

}  // namespace skep::fabric
