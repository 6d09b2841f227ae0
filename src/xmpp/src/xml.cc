#include "skep/xmpp/xml.h"

#include <algorithm>

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// What may stand as it is: everything but markup and the controls.
bool is_plain(unsigned char c) {
  return c >= 0x20 && c != '&' && c != '<' && c != '>' && c != '\'' && c != '"' && c != 0xEF;
}

// U+FFFE and U+FFFF (EF BF BE, EF BF BF) are well-formed UTF-8 and no XML characters.
bool is_noncharacter(std::string_view rest) {
  return rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF");
}

// Appends the character at the front of `rest` and gives its length. A carriage return is escaped
// because every parser turns a bare one into a line feed; line feed and tab, in attributes, because
// they become spaces there.
std::size_t append_special(std::string& out, std::string_view rest, bool in_attribute) {
  switch (const char c = rest.front()) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '\'':
      out += "&apos;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\r':
      out += "&#13;";
      break;
    case '\n':
    case '\t':
      if (in_attribute) {
        out += c == '\n' ? "&#10;" : "&#9;";
      } else {
        out += c;
      }
      break;
    case '\xEF':
      if (is_noncharacter(rest)) {
        out += kReplacement;
        return 3;
      }
      out += c;
      break;
    default:
      out += kReplacement;
  }
  return 1;
}

void append_escaped(std::string& out, std::string_view text, bool in_attribute) {
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = to_valid_utf8(text);
    text = repaired;
  }
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && is_plain(static_cast<unsigned char>(text[run]))) ++run;
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (!text.empty()) text.remove_prefix(append_special(out, text, in_attribute));
  }
}

void append_quoted(std::string& out, std::string_view value) {
  out += "='";
  append_escaped(out, value, true);
  out += '\'';
}

// "{uri}local" needs a prefix of its own, declared on the same element.
void append_attribute(std::string& out, const std::string& key, const std::string& value,
                      int number) {
  const std::size_t end = key.starts_with('{') ? key.rfind('}') : std::string::npos;
  out += ' ';
  if (end == std::string::npos) {
    out += key;
  } else {
    const std::string prefix = fmt::format("n{}", number);
    out += "xmlns:" + prefix;
    append_quoted(out, std::string_view(key).substr(1, end - 1));
    out += ' ' + prefix + ':';
    out.append(key, end + 1);
  }
  append_quoted(out, value);
}

using Attributes = std::vector<std::pair<std::string, std::string>>;

bool same_attributes(const Attributes& a, const Attributes& b) {
  return a.size() == b.size() && std::ranges::is_permutation(a, b);
}

}  // namespace

std::string_view Element::attribute(std::string_view key) const {
  for (const auto& [k, value] : attributes) {
    if (k == key) return value;
  }
  return {};
}

bool Element::has_attribute(std::string_view key) const {
  return std::ranges::any_of(attributes, [&](const auto& entry) { return entry.first == key; });
}

Element& Element::set(std::string key, std::string value) {
  for (auto& [k, old] : attributes) {
    if (k != key) continue;
    old = std::move(value);
    return *this;
  }
  attributes.emplace_back(std::move(key), std::move(value));
  return *this;
}

Element& Element::text(std::string value) {
  content.emplace_back(std::move(value));
  return *this;
}

Element& Element::add(Element child) {
  content.emplace_back(std::move(child));
  return *this;
}

const Element* Element::child(std::string_view child_name, std::string_view child_ns) const {
  for (const Node& node : content) {
    const auto* element = std::get_if<Element>(&node);
    if (element && element->name == child_name && element->ns == child_ns) return element;
  }
  return nullptr;
}

const Element* Element::first_child() const {
  for (const Node& node : content) {
    if (const auto* element = std::get_if<Element>(&node)) return element;
  }
  return nullptr;
}

std::vector<const Element*> Element::children() const {
  std::vector<const Element*> all;
  for (const Node& node : content) {
    if (const auto* element = std::get_if<Element>(&node)) all.push_back(element);
  }
  return all;
}

std::string Element::text() const {
  std::string joined;
  for (const Node& node : content) {
    if (const auto* data = std::get_if<std::string>(&node)) joined += *data;
  }
  return joined;
}

std::string Element::child_text(std::string_view child_name, std::string_view child_ns) const {
  const Element* found = child(child_name, child_ns);
  return found ? found->text() : std::string();
}

bool Element::operator==(const Element& other) const {
  return name == other.name && ns == other.ns && same_attributes(attributes, other.attributes) &&
         content == other.content;
}

void append_xml(std::string& out, const Element& element, std::string_view parent_ns) {
  out += '<';
  out += element.name;
  if (element.ns != parent_ns) {
    out += " xmlns";
    append_quoted(out, element.ns);
  }
  int number = 0;
  for (const auto& [key, value] : element.attributes) append_attribute(out, key, value, number++);
  if (element.content.empty()) {
    out += "/>";
    return;
  }
  out += '>';
  for (const Element::Node& node : element.content) {
    if (const auto* data = std::get_if<std::string>(&node)) {
      append_escaped(out, *data, false);
    } else {
      append_xml(out, std::get<Element>(node), element.ns);
    }
  }
  out += "</";
  out += element.name;
  out += '>';
}

std::string to_xml(const Element& element, std::string_view parent_ns) {
  std::string out;
  append_xml(out, element, parent_ns);
  return out;
}

std::string escape_xml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  append_escaped(out, text, true);
  return out;
}

}  // namespace skep::xmpp
