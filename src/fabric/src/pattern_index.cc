#include "pattern_index.h"

#include <algorithm>

#include "glob.h"

namespace skep::fabric {

std::string_view prefix_stem(std::string_view text) {
  while (text.ends_with(".*")) text.remove_suffix(2);
  return text;
}

std::size_t pattern_length(const Pattern& pattern) {
  switch (pattern.match) {
    case Match::kExact:
      return pattern.text.size();
    case Match::kPrefix:
      return prefix_stem(pattern.text).size();
    case Match::kGlob:
      return pattern.text.size() - static_cast<std::size_t>(std::ranges::count(pattern.text, '*'));
  }
  return 0;
}

bool Pattern::matches(std::string_view full_name) const {
  if (match == Match::kExact) return full_name == text;
  if (match == Match::kGlob) return glob_matches(text, full_name);
  const std::string_view stem = prefix_stem(text);
  return full_name.size() > stem.size() && full_name.starts_with(stem) &&
         full_name[stem.size()] == '.';
}

void PatternIndex::add(const Pattern& pattern, std::uint32_t rank) {
  empty_ = false;
  if (pattern.match == Match::kExact) {
    exact_.try_emplace(pattern.text, rank);
    return;
  }
  if (pattern.match == Match::kGlob) {
    globs_.push_back({rank, pattern.text});
    return;
  }
  Field* at = &prefixes_;
  std::string_view stem = prefix_stem(pattern.text);
  while (true) {
    const std::size_t dot = stem.find('.');
    std::unique_ptr<Field>& next = at->next[std::string(stem.substr(0, dot))];
    if (next == nullptr) next = std::make_unique<Field>();
    at = next.get();
    if (dot == std::string_view::npos) break;
    stem.remove_prefix(dot + 1);
  }
  at->rank = std::min(at->rank, rank);
}

std::uint32_t PatternIndex::best_prefix(std::string_view rest, std::uint32_t best) const {
  const Field* at = &prefixes_;
  for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
    auto next = at->next.find(rest.substr(0, dot));
    if (next == at->next.end()) break;
    at = next->second.get();
    best = std::min(best, at->rank);
    rest.remove_prefix(dot + 1);
  }
  return best;
}

std::uint32_t PatternIndex::best(std::string_view full_name) const {
  if (empty_) return kNone;
  std::uint32_t best = kNone;
  if (!exact_.empty()) {
    if (auto at = exact_.find(full_name); at != exact_.end()) best = at->second;
  }
  if (!prefixes_.next.empty()) best = best_prefix(full_name, best);
  for (const Glob& glob : globs_) {
    if (glob.rank >= best) break;
    if (glob_matches(glob.text, full_name)) return glob.rank;
  }
  return best;
}

}  // namespace skep::fabric
