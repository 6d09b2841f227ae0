// XML elements as values, namespace-aware, and the parser that makes them from a stream.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "skep/base/result.h"

namespace skep::xmpp {

// One element. `ns` is the resolved namespace URI. Attributes keep their order; a namespaced
// attribute is named "xml:lang" or
// "{uri}local". Children and character data keep their order in `content`.
class Element {
 public:
  using Node = std::variant<std::string, Element>;  // character data, unescaped | child

  Element() = default;
  explicit Element(std::string name, std::string ns = {})
      : name(std::move(name)), ns(std::move(ns)) {}

  std::string name;
  std::string ns;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<Node> content;

  [[nodiscard]] std::string_view attribute(std::string_view key) const;  // empty when absent
  [[nodiscard]] bool has_attribute(std::string_view key) const;
  Element& set(std::string key, std::string value);  // replaces; returns *this for chains
  Element& text(std::string value);                  // appends character data
  Element& add(Element child);                       // appends; returns *this
  [[nodiscard]] const Element* child(std::string_view name,
                                     std::string_view ns) const;  // first match or nullptr
  [[nodiscard]] const Element* first_child() const;
  [[nodiscard]] std::vector<const Element*> children() const;
  [[nodiscard]] std::string text() const;  // own character data, joined
  [[nodiscard]] std::string child_text(std::string_view name,
                                       std::string_view ns) const;  // empty when absent
  bool operator==(const Element& other) const;
};

// Serialises with the fewest namespace declarations; `parent_ns` is what the surrounding stream
// declares. Characters that XML 1.0 forbids are replaced by U+FFFD, so that no text can break a
// stream.
std::string to_xml(const Element& element, std::string_view parent_ns = {});
void append_xml(std::string& out, const Element& element,
                std::string_view parent_ns = {});  // the same, into `out`
std::string escape_xml(std::string_view text);

struct XmlLimits {
  std::size_t stanza_bytes_max = 1u << 20;  // longer: kTooLarge
  std::size_t depth_max = 64;               // deeper below the stream element: kTooLarge
  std::size_t attributes_max = 64;          // for each element: kTooLarge
};

// What comes out of a stream, in order.
struct StreamOpen {
  Element header;  // the stream element: its attributes, no content
};
struct StreamClose {};
using StreamEvent = std::variant<StreamOpen, Element, StreamClose>;

// Reads one XMPP stream (RFC 6120 4) and hands out whole top-level elements. One parser per
// connection (and per stream restart). Refuses DTDs, comments, processing instructions, entities
// beyond the five and bad UTF-8 (RFC 6120 11.1) with kCorrupt. After an error it stays failed:
// close the connection. Memory held never exceeds the limit by more than one read. Not thread-safe.
class StreamParser {
 public:
  explicit StreamParser(XmlLimits limits = {});
  ~StreamParser();
  StreamParser(StreamParser&&) noexcept;
  StreamParser& operator=(StreamParser&&) noexcept;

  // Eats all of `bytes` (not kept after return) and appends what became complete to `out`.
  Result<void> feed(std::span<const std::byte> bytes, std::vector<StreamEvent>& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One whole element without a stream around it (tests, stored stanzas).
Result<Element> parse_element(std::string_view xml, std::string_view default_ns = {},
                              XmlLimits limits = {});

}  // namespace skep::xmpp
