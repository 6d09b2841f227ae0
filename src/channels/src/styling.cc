#include "styling.h"

#include <cctype>

#include "skep/base/text.h"

namespace skep::channels {
namespace {

constexpr std::size_t kSpanBytesMax =
    1024;                     // how far a closing mark is looked for; keeps the work linear
constexpr int kDepthMax = 6;  // spans within spans

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_ascii_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_punctuation(char c) { return std::ispunct(static_cast<unsigned char>(c)) != 0; }

std::size_t run_length(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && text[end] == text[at]) ++end;
  return end - at;
}

// Part of a word for a mark of this kind: snake_case and 2*3 are no emphasis, but a mark beside an
// ideograph is.
bool joins_word(char mark, char neighbour) {
  if (is_ascii_alnum(neighbour)) return true;
  return mark == '_' && static_cast<unsigned char>(neighbour) >= 0x80;
}

// One line's spans, rewritten into `out_`.
class Inline {
 public:
  Inline(std::string_view line, int depth) : line_(line), depth_(depth) {}

  std::string run() {
    while (at_ < line_.size()) {
      if (!escape() && !code() && !link() && !autolink() && !span()) out_.push_back(line_[at_++]);
    }
    return std::move(out_);
  }

 private:
  bool escape() {
    if (line_[at_] != '\\' || at_ + 1 >= line_.size() || !is_punctuation(line_[at_ + 1]))
      return false;
    out_.push_back(line_[at_ + 1]);
    at_ += 2;
    return true;
  }

  // Where a run of exactly `length` backticks begins at or after `from`; npos when it does not
  // close.
  std::size_t find_backticks(std::size_t from, std::size_t length) const {
    const std::size_t end = std::min(line_.size(), from + kSpanBytesMax);
    while (from < end) {
      const std::size_t found = line_.find('`', from);
      if (found == std::string_view::npos || found >= end) break;
      const std::size_t run = run_length(line_, found);
      if (run == length) return found;
      from = found + run;
    }
    return std::string_view::npos;
  }

  bool code() {
    if (line_[at_] != '`') return false;
    const std::size_t length = run_length(line_, at_);
    const std::size_t close = find_backticks(at_ + length, length);
    if (close == std::string_view::npos) {
      out_.append(length, '`');
      at_ += length;
      return true;
    }
    const std::string_view inside = line_.substr(at_ + length, close - at_ - length);
    // ``x`` is the same as `x` unless x holds a backtick itself.
    const std::size_t marks = inside.find('`') == std::string_view::npos ? 1 : length;
    out_.append(marks, '`')
        .append(marks == 1 && length > 1 ? trim(inside) : inside)
        .append(marks, '`');
    at_ = close + length;
    return true;
  }

  // Index of the bracket that closes the one at `open`.
  std::size_t closing(std::size_t open, char opener, char closer) const {
    const std::size_t end = std::min(line_.size(), open + kSpanBytesMax);
    int depth = 0;
    for (std::size_t i = open; i < end; ++i) {
      if (line_[i] == '\\') {
        ++i;
      } else if (line_[i] == opener) {
        ++depth;
      } else if (line_[i] == closer && --depth == 0) {
        return i;
      }
    }
    return std::string_view::npos;
  }

  bool link() {
    const std::size_t open = line_[at_] == '!' ? at_ + 1 : at_;
    if (open >= line_.size() || line_[open] != '[') return false;
    const std::size_t close = closing(open, '[', ']');
    if (close == std::string_view::npos || close + 1 >= line_.size() || line_[close + 1] != '(')
      return false;
    const std::size_t end = closing(close + 1, '(', ')');
    if (end == std::string_view::npos) return false;
    std::string_view url = trim(line_.substr(close + 2, end - close - 2));
    url = url.substr(0, url.find_first_of(" \t"));  // a title may follow
    const std::string_view label = line_.substr(open + 1, close - open - 1);
    append_link(depth_ < kDepthMax ? Inline(label, depth_ + 1).run() : std::string(label), url);
    at_ = end + 1;
    return true;
  }

  void append_link(const std::string& label, std::string_view url) {
    if (url.empty()) {
      out_.append(label);
    } else if (label.empty() || label == url) {
      out_.append(url);
    } else {
      out_.append(label).append(" (").append(url).append(")");
    }
  }

  bool autolink() {
    const std::string_view here = line_.substr(at_);
    if (!here.starts_with("<http://") && !here.starts_with("<https://") &&
        !here.starts_with("<xmpp:") && !here.starts_with("<mailto:")) {
      return false;
    }
    const std::size_t end = here.substr(0, kSpanBytesMax).find_first_of("> \t");
    if (end == std::string_view::npos || here[end] != '>') return false;
    out_.append(here.substr(1, end - 1));
    at_ += end + 1;
    return true;
  }

  // Index of a run of exactly `length` marks that may close a span; code in between is stepped
  // over.
  std::size_t find_closer(std::size_t from, char mark, std::size_t length) const {
    const std::size_t end = std::min(line_.size(), from + kSpanBytesMax);
    for (std::size_t i = from; i < end;) {
      if (line_[i] == '\\') {
        i += 2;
      } else if (line_[i] == '`') {
        const std::size_t run = run_length(line_, i);
        const std::size_t close = find_backticks(i + run, run);
        i = close == std::string_view::npos ? i + run : close + run;
      } else if (line_[i] == mark) {
        const std::size_t run = run_length(line_, i);
        if (run == length && i > from && closes(i, run, mark)) return i;
        i += run;
      } else {
        ++i;
      }
    }
    return std::string_view::npos;
  }

  bool closes(std::size_t at, std::size_t run, char mark) const {
    if (is_space(line_[at - 1])) return false;
    const std::size_t next = at + run;
    const bool strict = mark == '_' || run == 1;
    return !strict || next >= line_.size() || !joins_word(mark, line_[next]);
  }

  bool opens(std::size_t run, char mark) const {
    const std::size_t next = at_ + run;
    if (next >= line_.size() || is_space(line_[next])) return false;
    const bool strict = mark == '_' || run == 1;
    return !strict || at_ == 0 || !joins_word(mark, line_[at_ - 1]);
  }

  // What stands around the text instead of `run` marks; empty when they mean nothing.
  static std::pair<std::string_view, std::string_view> marks_for(char mark, std::size_t run) {
    if (mark == '~') return run == 2 ? std::pair("~", "~") : std::pair("", "");
    if (run == 1) return {"_", "_"};
    if (run == 2) return {"*", "*"};
    if (run == 3) return {"*_", "_*"};
    return {"", ""};
  }

  bool span() {
    const char mark = line_[at_];
    if (mark != '*' && mark != '_' && mark != '~') return false;
    const std::size_t run = run_length(line_, at_);
    const auto [before, after] = marks_for(mark, run);
    const bool possible = !before.empty() && depth_ < kDepthMax && opens(run, mark);
    const std::size_t close = possible ? find_closer(at_ + run, mark, run) : std::string_view::npos;
    if (close == std::string_view::npos) {
      out_.append(run, mark);
      at_ += run;
      return true;
    }
    const std::string inside = Inline(line_.substr(at_ + run, close - at_ - run), depth_ + 1).run();
    out_.append(before).append(inside).append(after);
    at_ = close + run;
    return true;
  }

  std::string_view line_;
  int depth_;
  std::size_t at_ = 0;
  std::string out_;
};

std::string inline_of(std::string_view text) { return Inline(text, 0).run(); }

bool is_rule(std::string_view line) {
  const std::string_view text = trim(line);
  return text.size() >= 3 && (text[0] == '*' || text[0] == '_') &&
         text.find_first_not_of(std::string{text[0], ' '}) == std::string_view::npos;
}

// "## Title ##" -> "Title"; nullopt for no heading.
std::optional<std::string_view> heading(std::string_view line) {
  const std::size_t level = line.starts_with('#') ? run_length(line, 0) : 0;
  if (level == 0 || level > 6 || (level < line.size() && !is_space(line[level])))
    return std::nullopt;
  std::string_view title = trim(line.substr(level));
  while (title.ends_with('#')) title.remove_suffix(1);
  return trim(title);
}

std::string style_heading(std::string_view title) {
  if (title.empty()) return {};
  std::string text = inline_of(title);
  if (text.starts_with('*') && text.ends_with('*') && text.size() > 2)
    return text;  // "# **Title**"
  return "*" + text + "*";
}

// A quote's marks stay (XEP-0393 6.1.3); what it quotes is styled like any line.
std::string_view quote_marks(std::string_view line) {
  std::size_t end = 0;
  while (end < line.size() && line[end] == '>')
    end += line.substr(end + 1).starts_with(' ') ? 2 : 1;
  return line.substr(0, end);
}

std::string style_line(std::string_view line) {
  std::string out(quote_marks(line));
  line.remove_prefix(out.size());
  if (is_rule(line)) return out.append("---");
  if (auto title = heading(line)) return out.append(style_heading(*title));
  const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  out.append(line.substr(0, indent));
  line.remove_prefix(indent);
  if (line.starts_with("* ") || line.starts_with("+ ")) {
    out.append("- ");
    line.remove_prefix(2);
  }
  return out.append(inline_of(line));
}

// The fence at the start of a line, indented or not ("```cpp" or "~~~"), or empty.
std::string_view fence_mark(std::string_view line) {
  const std::string_view text = trim(line);
  if (!text.starts_with("```") && !text.starts_with("~~~")) return {};
  const std::size_t run = run_length(text, 0);
  const bool inline_code =
      text[0] == '`' && text.find('`', run) != std::string_view::npos;  // ```x``` on one line
  return inline_code ? std::string_view() : text.substr(0, run);
}

}  // namespace

std::string to_styling(std::string_view markdown) {
  std::string out;
  out.reserve(markdown.size());
  std::string_view open;  // the mark of the fence we are in
  bool first = true;
  for (std::string_view line : split(markdown, '\n')) {
    if (!std::exchange(first, false)) out.push_back('\n');
    const std::string_view mark = fence_mark(line);
    if (open.empty() && !mark.empty()) {
      open = mark;
      out.append("```").append(trim(line).substr(mark.size()));
    } else if (!open.empty() && mark.starts_with(open) && trim(line) == mark) {
      open = {};
      out.append("```");
    } else {
      out.append(open.empty() ? style_line(line) : std::string(line));
    }
  }
  return out;
}

}  // namespace skep::channels
