#include "skep/xmpp/pubsub.h"

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kNsAtom = "http://www.w3.org/2005/Atom";
constexpr std::string_view kNsJson = "urn:xmpp:json:0";
constexpr std::size_t kNodeBytesMax = 1024;

Element element(std::string_view name, std::string_view ns) {
  return Element(std::string(name), std::string(ns));
}

std::optional<PubSubItems> items_in(const Element* container, std::string_view ns) {
  const Element* items = container == nullptr ? nullptr : container->child("items", ns);
  if (items == nullptr || items->attribute("node").size() > kNodeBytesMax) return std::nullopt;
  PubSubItems out{.node = std::string(items->attribute("node"))};
  for (const Element* child : items->children()) {
    if (child->name != "item" || child->ns != ns || out.items.size() >= kItemsMax) continue;
    const Element* payload = child->first_child();
    const std::string_view id = child->attribute("id");
    PubSubItem item{.id = std::string(id.size() <= kItemIdBytesMax ? id : std::string_view())};
    if (payload != nullptr) {
      item.payload = *payload;
      item.text = item_text(*payload);
    }
    out.items.push_back(std::move(item));
  }
  return out;
}

void add_line(std::string& text, std::string_view label, std::string_view value) {
  value = trim(value);
  if (value.empty()) return;
  if (!text.empty()) text += '\n';
  text += label;
  text += value;
}

std::string atom_text(const Element& entry) {
  std::string text;
  add_line(text, "", entry.child_text("title", kNsAtom));
  add_line(text, "", entry.child_text("summary", kNsAtom));
  add_line(text, "", entry.child_text("content", kNsAtom));
  if (const Element* author = entry.child("author", kNsAtom))
    add_line(text, "by ", author->child_text("name", kNsAtom));
  if (const Element* link = entry.child("link", kNsAtom))
    add_line(text, "", link->attribute("href"));
  return text;
}

}  // namespace

std::string item_text(const Element& payload) {
  std::string text;
  if (payload.name == "entry" && payload.ns == kNsAtom) text = atom_text(payload);
  if (payload.name == "json" && payload.ns == kNsJson) text = trim(payload.text());
  if (text.empty()) text = to_xml(payload);
  return std::string(cut_utf8(text, kItemTextBytesMax));
}

std::optional<PubSubItems> read_event(const Element& message) {
  return items_in(message.child("event", kNsPubSubEvent), kNsPubSubEvent);
}

std::optional<PubSubItems> read_items(const Element& answer) {
  return items_in(answer.child("pubsub", kNsPubSub), kNsPubSub);
}

Element make_subscribe(const Jid& from, const Jid& service, const std::string& node) {
  Element iq = make_iq(from, service, "set", "");
  Element subscribe = element("subscribe", kNsPubSub);
  subscribe.set("node", node).set("jid", from.str());
  Element pubsub = element("pubsub", kNsPubSub);
  return std::move(iq.add(std::move(pubsub.add(std::move(subscribe)))));
}

Element make_items_request(const Jid& from, const Jid& service, const std::string& node,
                           std::size_t items_max) {
  Element iq = make_iq(from, service, "get", "");
  Element items = element("items", kNsPubSub);
  items.set("node", node).set("max_items", fmt::format("{}", items_max));
  Element pubsub = element("pubsub", kNsPubSub);
  return std::move(iq.add(std::move(pubsub.add(std::move(items)))));
}

}  // namespace skep::xmpp
