#include "directives.h"

#include <algorithm>
#include <array>

#include "skep/base/text.h"

namespace skep::agent {
namespace {

using std::string_view;

constexpr string_view kOpen = "[[", kClose = "]]", kReply = "reply:";
constexpr std::array<string_view, 2> kSilence = {"NO_REPLY", "[SILENT]"};

bool is_silence(string_view text) {
  return text == kSilence[0] || equals_ignoring_ascii_case(text, kSilence[1]);
}

bool may_become_silence(string_view text) {
  return std::ranges::any_of(
      kSilence, [&](string_view word) { return starts_with_ignoring_ascii_case(word, text); });
}

bool is_id(string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c != '\x7f'; });
}

// Whether what stands between the brackets is a directive; then it is noted in `out`.
bool take(string_view inside, Directives& out) {
  inside = trim(inside);
  if (inside == "silent") return out.silent = true;
  if (inside == "@current") return out.reply_to = inside, true;
  if (!inside.starts_with(kReply)) return false;
  const string_view id = trim(inside.substr(kReply.size()));
  if (!is_id(id)) return false;
  out.reply_to = id;
  return true;
}

// The text in front of `at`, and the directive that begins there; 0: none does.
std::size_t directive_length(string_view text, std::size_t at, Directives& out) {
  const string_view rest = text.substr(at, kOpen.size() + kDirectiveBytesMax + kClose.size());
  const std::size_t end = rest.find(kClose, kOpen.size());
  if (end == string_view::npos) return 0;
  return take(rest.substr(kOpen.size(), end - kOpen.size()), out) ? end + kClose.size() : 0;
}

Directives without_directives(string_view text) {
  Directives out;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find(kOpen), text.size());
    out.text += text.substr(0, at);
    text.remove_prefix(at);
    if (text.empty()) break;
    const std::size_t length = directive_length(text, 0, out);
    if (length == 0) out.text += text.front();
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

// Where the end begins that a later delta may make a directive.
std::size_t settled(string_view text) {
  for (std::size_t at = text.find('['); at != string_view::npos; at = text.find('[', at + 1)) {
    const string_view rest = text.substr(at);
    const bool open = rest == "[" || (rest.starts_with(kOpen) && !rest.contains(kClose) &&
                                      rest.size() <= kOpen.size() + kDirectiveBytesMax);
    if (open) return at;
  }
  return text.size();
}

}  // namespace

Directives directives_in(string_view text) {
  Directives out = without_directives(text);
  out.text = std::string(trim(out.text));
  if (is_silence(out.text)) out.silent = true;
  if (out.silent) out.text.clear();
  return out;
}

std::string DirectiveFilter::feed(string_view delta) {
  held_ += delta;
  if (!begun_) {
    const string_view word = trim(held_);
    if (word.empty() || is_silence(word) || may_become_silence(word)) return {};
    begun_ = true;
  }
  const std::size_t ready = settled(held_);
  Directives shown = without_directives(string_view(held_).substr(0, ready));
  held_.erase(0, ready);
  return std::move(shown.text);
}

std::string DirectiveFilter::finish() {
  if (is_silence(trim(held_)) && !begun_) return held_.clear(), std::string();
  begun_ = false;
  return without_directives(std::exchange(held_, {})).text;
}

}  // namespace skep::agent
