#include "html_scan.h"

#include <algorithm>
#include <array>

#include "skep/base/text.h"

namespace skep::tools {
namespace {

constexpr std::size_t kTagNameBytesMax = 64;
constexpr std::array<std::string_view, 9> kRawElements = {
    "script", "style", "iframe", "noembed", "noframes", "xmp", "noscript", "svg", "template"};
constexpr std::array<std::string_view, 2> kTextOnlyElements = {"title", "textarea"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

template <class Names>
bool one_of(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

class Scanner {
 public:
  Scanner(std::string_view html, const HtmlSink& sink) : html_(html), sink_(sink) {}

  void run() {
    while (at_ < html_.size() && !done_) {
      std::size_t open = std::min(html_.find('<', at_), html_.size());
      emit_text(html_.substr(at_, open - at_));
      at_ = open;
      if (at_ < html_.size() && !done_) markup();
    }
  }

 private:
  // At a '<'.
  void markup() {
    std::string_view rest = html_.substr(at_);
    if (rest.starts_with("<!--")) return skip_past("-->", 4);
    if (rest.starts_with("<!") || rest.starts_with("<?")) return skip_past(">", 2);
    bool end = rest.starts_with("</");
    std::size_t name = end ? 2 : 1;
    if (name < rest.size() && is_letter(rest[name])) return tag(end, at_ + name);
    if (end) return skip_past(">", 2);
    emit_text("<");
    ++at_;
  }

  void skip_past(std::string_view what, std::size_t from) {
    std::size_t found = html_.find(what, std::min(at_ + from, html_.size()));
    at_ = found == std::string_view::npos ? html_.size() : found + what.size();
  }

  void tag(bool end, std::size_t name_at) {
    at_ = name_at;
    HtmlTag tag{.end = end};
    tag.name = to_lower_ascii(take_until([](char c) {
                                return is_space(c) || c == '/' || c == '>';
                              }).substr(0, kTagNameBytesMax));
    while (at_ < html_.size() && html_[at_] != '>') attribute(tag);
    if (at_ == html_.size()) return;  // never closed: not a tag
    bool empty = html_[at_ - 1] == '/';
    ++at_;
    if (!end && !empty && one_of(kRawElements, tag.name)) return skip_element(tag.name);
    if (!sink_.tag(tag)) done_ = true;
    if (!end && one_of(kTextOnlyElements, tag.name)) text_only(tag.name);
  }

  void attribute(HtmlTag& tag) {
    take_until([](char c) { return !(is_space(c) || c == '/'); });
    if (at_ == html_.size() || html_[at_] == '>') return;
    std::size_t start = at_++;  // a name may begin with '='
    take_until([](char c) { return is_space(c) || c == '/' || c == '>' || c == '='; });
    std::string name = to_lower_ascii(html_.substr(start, std::min(at_ - start, kTagNameBytesMax)));
    take_until([](char c) { return !is_space(c); });
    std::string_view value;
    if (at_ < html_.size() && html_[at_] == '=') {
      ++at_;
      value = attribute_value();
    }
    if (tag.attributes.size() == html_attributes_max || tag.has(name)) return;
    if (value.size() > html_attribute_bytes_max) value = {};
    tag.attributes.emplace_back(std::move(name), decode_html(value));
  }

  std::string_view attribute_value() {
    take_until([](char c) { return !is_space(c); });
    if (at_ == html_.size() || html_[at_] == '>') return {};
    char quote = html_[at_];
    if (quote != '"' && quote != '\'')
      return take_until([](char c) { return is_space(c) || c == '>'; });
    ++at_;
    std::string_view value = take_until([quote](char c) { return c == quote; });
    if (at_ < html_.size()) ++at_;
    return value;
  }

  template <class Stop>
  std::string_view take_until(Stop stop) {
    std::size_t start = at_;
    while (at_ < html_.size() && !stop(html_[at_])) ++at_;
    return html_.substr(start, at_ - start);
  }

  // Where "</name" begins, else the end. `name` is one of ours, so what was searched in vain once
  // is not searched again.
  std::size_t find_end_tag(const std::string& name) {
    if (one_of(never_closed_, name)) return html_.size();
    for (std::size_t found = html_.find("</", at_); found != std::string_view::npos;
         found = html_.find("</", found + 2)) {
      std::string_view rest = html_.substr(found + 2);
      if (!starts_with_ignoring_ascii_case(rest, name)) continue;
      char after = rest.size() > name.size() ? rest[name.size()] : '>';
      if (is_space(after) || after == '>' || after == '/') return found;
    }
    never_closed_.push_back(name);
    return html_.size();
  }
  void skip_element(const std::string& name) {
    at_ = find_end_tag(name);
    if (at_ < html_.size()) skip_past(">", 2);
  }
  void text_only(const std::string& name) {
    std::size_t end = find_end_tag(name);
    emit_text(html_.substr(at_, end - at_));
    at_ = end;
  }

  void emit_text(std::string_view text) {
    if (!text.empty() && !done_ && !sink_.text(text)) done_ = true;
  }

  std::string_view html_;
  const HtmlSink& sink_;
  std::size_t at_ = 0;
  bool done_ = false;
  std::vector<std::string> never_closed_;
};

void append_utf8(std::string& out, std::uint32_t code) {
  bool allowed = code != 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  if (!allowed) code = 0xfffd;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// U+00A0 to U+00FF in order.
constexpr std::string_view kLatin1 =
    "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn "
    "sup2 sup3 acute micro para middot "
    "cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig "
    "Ccedil Egrave Eacute Ecirc Euml "
    "Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave "
    "Uacute Ucirc Uuml Yacute THORN szlig "
    "agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute "
    "icirc iuml eth ntilde ograve oacute "
    "ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

struct Named {
  std::string_view name;
  std::uint32_t code;
};
constexpr Named kOthers[] = {
    {"amp", '&'},       {"lt", '<'},        {"gt", '>'},        {"quot", '"'},
    {"apos", '\''},     {"hellip", 0x2026}, {"mdash", 0x2014},  {"ndash", 0x2013},
    {"lsquo", 0x2018},  {"rsquo", 0x2019},  {"sbquo", 0x201a},  {"ldquo", 0x201c},
    {"rdquo", 0x201d},  {"bdquo", 0x201e},  {"lsaquo", 0x2039}, {"rsaquo", 0x203a},
    {"bull", 0x2022},   {"euro", 0x20ac},   {"trade", 0x2122},  {"larr", 0x2190},
    {"uarr", 0x2191},   {"rarr", 0x2192},   {"darr", 0x2193},   {"minus", 0x2212},
    {"le", 0x2264},     {"ge", 0x2265},     {"ne", 0x2260},     {"infin", 0x221e},
    {"asymp", 0x2248},  {"thinsp", 0x2009}, {"ensp", 0x2002},   {"emsp", 0x2003},
    {"OElig", 0x152},   {"oelig", 0x153},   {"Scaron", 0x160},  {"scaron", 0x161},
    {"dagger", 0x2020}, {"permil", 0x2030}, {"prime", 0x2032},  {"Prime", 0x2033},
    {"check", 0x2713},  {"star", 0x2606}};

std::optional<std::uint32_t> named_code(std::string_view name) {
  auto other = std::ranges::find(kOthers, name, &Named::name);
  if (other != std::end(kOthers)) return other->code;
  static const std::vector<std::string_view> kNames = split(kLatin1, ' ');
  auto at = std::ranges::find(kNames, name);
  if (at == kNames.end()) return std::nullopt;
  return 0xa0 + static_cast<std::uint32_t>(at - kNames.begin());
}

std::optional<std::uint32_t> numeric_code(std::string_view digits) {
  bool hex = !digits.empty() && (digits[0] == 'x' || digits[0] == 'X');
  if (hex) digits.remove_prefix(1);
  if (digits.empty() || digits.size() > 7) return std::nullopt;
  std::uint32_t code = 0;
  for (char c : digits) {
    char lower = static_cast<char>(c | 0x20);
    bool letter = hex && lower >= 'a' && lower <= 'f';
    if (!letter && !(c >= '0' && c <= '9')) return std::nullopt;
    code = code * (hex ? 16 : 10) + static_cast<std::uint32_t>(letter ? lower - 'a' + 10 : c - '0');
  }
  return code;
}

}  // namespace

std::string_view HtmlTag::attribute(std::string_view wanted) const {
  for (const auto& [key, value] : attributes) {
    if (key == wanted) return value;
  }
  return {};
}
bool HtmlTag::has(std::string_view wanted) const {
  return std::ranges::any_of(attributes, [&](const auto& a) { return a.first == wanted; });
}

void scan_html(std::string_view html, const HtmlSink& sink) { Scanner(html, sink).run(); }

std::string decode_html(std::string_view text) {
  constexpr std::size_t kNameBytesMax = 10;
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t amp = std::min(text.find('&'), text.size());
    out += text.substr(0, amp);
    text.remove_prefix(amp);
    if (text.empty()) break;
    std::size_t end = text.substr(0, kNameBytesMax + 2).find(';');
    std::string_view name =
        end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
    auto code = name.starts_with('#') ? numeric_code(name.substr(1)) : named_code(name);
    if (code) append_utf8(out, *code);
    if (!code) out += '&';
    text.remove_prefix(code ? end + 1 : 1);
  }
  return out;
}

}  // namespace skep::tools
