// The XML stream: arbitrary bytes, whole and in pieces. Whatever came out whole must come out in
// pieces, and what is serialised must be readable again as the same value.
#include <cstdlib>
#include <optional>

#include "skep/xmpp/xml.h"

using namespace skep::xmpp;

namespace {

struct Outcome {
  std::vector<Element> elements;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome feed(std::span<const std::byte> bytes, std::size_t piece) {
  StreamParser parser({.stanza_bytes_max = 4096, .depth_max = 16, .attributes_max = 8});
  std::vector<StreamEvent> events;
  Outcome outcome;
  while (!bytes.empty() && !outcome.failed) {
    const std::size_t count = std::min(piece, bytes.size());
    outcome.failed = !parser.feed(bytes.first(count), events).has_value();
    bytes = bytes.subspan(count);
  }
  for (auto& event : events) {
    if (auto* element = std::get_if<Element>(&event))
      outcome.elements.push_back(std::move(*element));
  }
  return outcome;
}

void insist(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const Outcome whole = feed(bytes, size + 1);
  insist(feed(bytes, 1) == whole);
  insist(feed(bytes, 7) == whole);
  for (const Element& element : whole.elements) {
    const auto back = parse_element(to_xml(element));
    insist(back && *back == element);
  }
  (void)parse_element({reinterpret_cast<const char*>(data), size}, "jabber:client");
  return 0;
}
