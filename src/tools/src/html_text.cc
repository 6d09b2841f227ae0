#include <algorithm>
#include <array>
#include <optional>

#include "html_scan.h"
#include "skep/base/text.h"
#include "skep/tools/builtin.h"
#include "url_join.h"

namespace skep::tools {
namespace {

constexpr std::size_t kListDepthMax = 32;
constexpr std::array<std::string_view, 14> kVoid = {"br",     "img",   "hr",   "input", "meta",
                                                    "link",   "area",  "base", "col",   "embed",
                                                    "source", "track", "wbr",  "param"};
constexpr std::array<std::string_view, 34> kBlocks = {
    "p",          "div",     "section", "article", "header",     "footer",   "main",
    "aside",      "nav",     "ul",      "ol",      "table",      "tr",       "form",
    "blockquote", "pre",     "figure",  "address", "figcaption", "dl",       "dt",
    "dd",         "details", "summary", "body",    "hr",         "fieldset", "caption",
    "thead",      "tbody",   "tfoot",   "center",  "option",     "textarea"};
// Ended by the next of their kind when nobody closes them.
constexpr std::array<std::string_view, 9> kSelfEnding = {"p",  "li", "td",     "th",  "tr",
                                                         "dt", "dd", "option", "body"};

template <class Set>
bool in(const Set& set, std::string_view name) {
  return std::ranges::find(set, name) != set.end();
}

// Words with one space between, lines and paragraphs; nothing pending is written at the ends.
class TextWriter {
 public:
  explicit TextWriter(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void words(std::string_view text) {
    for (char c : text) {
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
        space_ = true;
      } else {
        flush();
        out_ += c;
      }
    }
  }
  void verbatim(std::string_view text) {
    if (text.empty()) return;
    flush();
    out_ += text;
  }
  void lines(int count) {
    newlines_ = std::max(newlines_, count);
    space_ = false;
  }
  [[nodiscard]] bool full() const { return out_.size() > bytes_max_; }
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  // Where the next word will begin: after what is pending.
  std::size_t settle() {
    flush();
    return out_.size();
  }
  std::string& text() { return out_; }

 private:
  void flush() {
    if (!out_.empty()) {
      if (newlines_ > 0) {
        out_.append(static_cast<std::size_t>(newlines_), '\n');
      } else if (space_ && out_.back() != '\n') {
        out_ += ' ';
      }
    }
    newlines_ = 0;
    space_ = false;
  }

  std::size_t bytes_max_;
  std::string out_;
  int newlines_ = 0;
  bool space_ = false;
};

bool is_hidden(const HtmlTag& tag) {
  if (tag.has("hidden") || tag.attribute("aria-hidden") == "true") return true;
  std::string style = to_lower_ascii(tag.attribute("style"));
  std::erase(style, ' ');
  return style.contains("display:none") || style.contains("visibility:hidden");
}

class Converter {
 public:
  Converter(std::string_view base_url, std::size_t bytes_max)
      : base_url_(base_url), writer_(bytes_max) {}

  bool tag(const HtmlTag& tag) {
    if (skips(tag)) return true;
    tag.end ? end(tag) : start(tag);
    return !writer_.full();
  }
  bool text(std::string_view raw) {
    if (!skipped_.empty()) return true;
    std::string decoded = decode_html(raw);
    if (pre_ > 0) {
      writer_.verbatim(decoded);
    } else {
      writer_.words(replace_all(std::move(decoded), "\u00a0", " "));
    }
    return !writer_.full();
  }
  std::string& result() { return writer_.text(); }
  [[nodiscard]] bool full() const { return writer_.full(); }

 private:
  // Follows a hidden element to its end by counting tags of its name.
  bool skips(const HtmlTag& tag) {
    if (!skipped_.empty()) {
      if (tag.name != skipped_) return true;
      bool ended = tag.end ? --skip_depth_ == 0 : in(kSelfEnding, skipped_);
      if (!tag.end && !ended) ++skip_depth_;
      if (!ended) return true;
      skipped_.clear();
      if (tag.end) return true;
    }
    if (tag.end || !is_hidden(tag)) return false;
    if (!in(kVoid, tag.name)) {
      skipped_ = tag.name;
      skip_depth_ = 1;
    }
    return true;
  }

  static int heading_level(std::string_view name) {
    bool heading = name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6';
    return heading ? name[1] - '0' : 0;
  }

  void start(const HtmlTag& tag) {
    const std::string& name = tag.name;
    if (int level = heading_level(name)) return heading(level);
    if (name == "br") return writer_.lines(1);
    if (name == "title") return heading(1);
    if (name == "a") return open_link(tag);
    if (name == "img") return image(tag);
    if (name == "li") return item();
    if (name == "td" || name == "th") return cell();
    if (name == "tr") row_has_cell_ = false;
    if (name == "pre") ++pre_;
    if (name == "ul" || name == "ol") {
      if (lists_.size() < kListDepthMax) lists_.push_back(name == "ol" ? 1 : 0);
    }
    if (in(kBlocks, name)) writer_.lines(gap(name));
  }
  void end(const HtmlTag& tag) {
    const std::string& name = tag.name;
    if (heading_level(name) > 0 || name == "title") return writer_.lines(2);
    if (name == "a") return close_link();
    if (name == "pre" && pre_ > 0) --pre_;
    if ((name == "ul" || name == "ol") && !lists_.empty()) lists_.pop_back();
    if (in(kBlocks, name)) writer_.lines(gap(name));
  }

  [[nodiscard]] int gap(std::string_view name) const {
    bool tight = name == "tr" || name == "div" || name == "dt" || name == "dd" ||
                 name == "option" || name == "tbody" || name == "thead" || name == "tfoot" ||
                 lists_.size() > 1;
    return tight ? 1 : 2;
  }

  void heading(int level) {
    writer_.lines(2);
    writer_.verbatim(std::string(static_cast<std::size_t>(level), '#') + ' ');
  }
  void item() {
    writer_.lines(1);
    std::string mark = "- ";
    if (!lists_.empty() && lists_.back() > 0) mark = fmt::format("{}. ", lists_.back()++);
    std::size_t depth = lists_.empty() ? 0 : lists_.size() - 1;
    writer_.verbatim(std::string(2 * depth, ' ') + mark);
  }
  void cell() {
    if (row_has_cell_) writer_.verbatim(" | ");
    row_has_cell_ = true;
  }
  void image(const HtmlTag& tag) {
    std::string_view alt = trim(tag.attribute("alt"));
    if (alt.empty()) return;
    writer_.words(" ");
    writer_.words(fmt::format("[image: {}]", alt));
  }

  void open_link(const HtmlTag& tag) {
    close_link();
    std::string url = join_url(base_url_, trim(tag.attribute("href")));
    if (!url.empty()) link_ = Link{std::move(url), std::nullopt};
    if (link_) link_->begins = writer_.settle();
  }
  void close_link() {
    if (!link_) return;
    std::size_t begins = *link_->begins;
    std::string words(trim(std::string_view(writer_.text()).substr(begins)));
    if (!words.empty() && words != link_->url) {
      writer_.text().resize(begins);  // a space that is pending belongs behind the link
      writer_.text() += fmt::format("[{}]({})", words, link_->url);
    }
    link_.reset();
  }

  struct Link {
    std::string url;
    std::optional<std::size_t> begins;
  };

  std::string base_url_;
  TextWriter writer_;
  std::string skipped_;
  std::size_t skip_depth_ = 0;
  int pre_ = 0;
  bool row_has_cell_ = false;
  std::vector<int> lists_;  // 0: bullets, else the next number
  std::optional<Link> link_;
};

}  // namespace

std::string html_to_text(std::string_view html, std::string_view base_url, std::size_t bytes_max) {
  Converter converter(base_url, bytes_max);
  std::string clean = to_valid_utf8(html);
  scan_html(clean, {.tag = [&](const HtmlTag& tag) { return converter.tag(tag); },
                    .text = [&](std::string_view text) { return converter.text(text); }});
  std::string& text = converter.result();
  if (!converter.full()) return std::string(trim(text));
  std::string_view kept = cut_utf8(text, bytes_max);
  return fmt::format("{}\n[cut here: the first {} bytes are shown]", kept, kept.size());
}

}  // namespace skep::tools
