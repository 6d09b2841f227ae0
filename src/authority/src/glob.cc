#include "glob.h"

#include <algorithm>
#include <deque>
#include <set>
#include <string>

#include "skep/base/text.h"

namespace skep::authority {
namespace {

// Pairs of readings that glob_covers() looks at; ordinary patterns need some dozens.
constexpr std::size_t kPairsMax = 1'000;

// "." or ".." between separators leads somewhere else than it says. A backslash is one, too, for
// whoever reads the value next.
bool has_dot_segment(std::string_view value) {
  while (true) {
    const std::size_t end = value.find_first_of("/\\");
    const std::string_view segment = value.substr(0, end);
    if (segment == "." || segment == "..") return true;
    if (end == std::string_view::npos) return false;
    value.remove_prefix(end + 1);
  }
}

// Every byte that the two patterns tell apart, and one that neither names.
std::string alphabet(std::string_view a, std::string_view b) {
  std::set<char> named(a.begin(), a.end());
  named.insert(b.begin(), b.end());
  named.insert({'/', '.'});
  for (int c = 1; c < 256; ++c) {
    if (named.insert(static_cast<char>(c)).second) break;
  }
  return {named.begin(), named.end()};
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  if (pattern.contains('/')) {
    add_segments(pattern);
  } else {
    add_text(pattern, pattern.contains('.') ? '.' : '\0');
  }
}

void Glob::add_text(std::string_view text, char border) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '*') {
      tokens_.push_back({Token::Kind::kLiteral, text[i], 0});
    } else if (i == 0 || text[i - 1] != '*') {
      tokens_.push_back({Token::Kind::kRun, border, 0});
    }
  }
}

// `**` takes one separator along, so that it can stand for no segment at all.
void Glob::add_segments(std::string_view pattern) {
  std::vector<std::string_view> segments = split(pattern, '/');
  const auto same = std::ranges::unique(
      segments, [](std::string_view a, std::string_view b) { return a == "**" && b == "**"; });
  segments.erase(same.begin(), same.end());
  const Token separator{Token::Kind::kLiteral, '/', 0};
  const Token anything{Token::Kind::kRun, '\0', 0};
  const Token optional{Token::Kind::kOptional, 0, 2};
  if (segments.size() == 1) return tokens_.push_back(anything);  // "**/**"
  bool separated = true;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool deep = segments[i] == "**";
    const bool last = i + 1 == segments.size();
    if (deep && last) {
      tokens_.insert(tokens_.end(), {optional, separator, anything});
      continue;
    }
    if (!separated) tokens_.push_back(separator);
    if (deep) {
      tokens_.insert(tokens_.end(), {optional, anything, separator});
    } else {
      add_text(segments[i], '/');
    }
    separated = deep;
  }
}

// Every token leads forward, so one pass is enough.
Glob::States Glob::closure(States states) const {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (!states.test(i) || tokens_[i].kind == Token::Kind::kLiteral) continue;
    states.set(i + 1);
    if (tokens_[i].kind == Token::Kind::kOptional) states.set(i + 1 + tokens_[i].tokens);
  }
  return states;
}

Glob::States Glob::after(const States& states, char c) const {
  States next;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (!states.test(i)) continue;
    const Token& token = tokens_[i];
    if (token.kind == Token::Kind::kLiteral && token.c == c) next.set(i + 1);
    if (token.kind == Token::Kind::kRun && (token.c == '\0' || token.c != c)) next.set(i);
  }
  return closure(next);
}

bool glob_match(std::string_view pattern, std::string_view value) {
  if (pattern == "*") return true;
  if (pattern.size() > pattern_bytes_max || has_dot_segment(value)) return false;
  if (pattern == value) return true;
  const Glob glob(pattern);
  Glob::States states = glob.start();
  for (char c : value) {
    states = glob.after(states, c);
    if (states.none()) return false;
  }
  return glob.accepts(states);
}

// Reads both at once, every text that `inner` can be: where `inner` accepts, `outer` has to.
bool glob_covers(std::string_view outer, std::string_view inner) {
  if (outer == "*") return true;
  if (inner == "*" || outer.size() > pattern_bytes_max || inner.size() > pattern_bytes_max)
    return false;
  const Glob wide(outer), narrow(inner);
  const std::string symbols = alphabet(outer, inner);
  using Pair = std::pair<Glob::States, Glob::States>;
  std::deque<Pair> open{{narrow.start(), wide.start()}};
  std::set<std::string> seen;
  while (!open.empty()) {
    const auto [in, out] = open.front();
    open.pop_front();
    if (narrow.accepts(in) && !wide.accepts(out)) return false;
    for (char c : symbols) {
      Pair next{narrow.after(in, c), wide.after(out, c)};
      if (next.first.none()) continue;
      if (!seen.insert(next.first.to_string() + next.second.to_string()).second) continue;
      if (seen.size() > kPairsMax) return false;
      open.push_back(std::move(next));
    }
  }
  return true;
}

}  // namespace skep::authority
