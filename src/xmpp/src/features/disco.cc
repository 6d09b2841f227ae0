// XEP-0030: Service Discovery. What is announced is what the table of features holds.
#include <algorithm>

#include "features/register.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kNsInfo = "http://jabber.org/protocol/disco#info";
constexpr std::string_view kNsItems = "http://jabber.org/protocol/disco#items";

Element identity_element(std::string_view category, std::string_view type, std::string_view name) {
  Element identity("identity", std::string(kNsInfo));
  identity.set("category", std::string(category)).set("type", std::string(type));
  if (!name.empty()) identity.set("name", std::string(name));
  return identity;
}

Element info_query(const Features& features, const Identity& identity) {
  Element query("query", std::string(kNsInfo));
  query.add(identity_element(identity.category, identity.type, identity.name));
  if (identity.component) query.add(identity_element("component", "generic", identity.name));
  for (std::string& ns : features.announced()) {
    query.add(Element("feature", query.ns).set("var", std::move(ns)));
  }
  return query;
}

}  // namespace

bool announces(const Element& info, std::string_view feature) {
  const Element* query = info.child("query", kNsInfo);
  if (query == nullptr) return false;
  return std::ranges::any_of(query->children(), [&](const Element* child) {
    return child->name == "feature" && child->attribute("var") == feature;
  });
}

void add_disco(Features& features, const Identity& identity) {
  auto info = [&features, identity](const Element& iq) -> std::optional<Element> {
    const Element* asked = get_query(iq, "query", kNsInfo);
    if (!asked) return std::nullopt;
    if (asked->has_attribute("node")) return stanza_error(iq, "item-not-found", "cancel");
    return iq_result(iq).add(info_query(features, identity));
  };
  auto items = [](const Element& iq) -> std::optional<Element> {
    const Element* asked = get_query(iq, "query", kNsItems);
    if (!asked) return std::nullopt;
    if (asked->has_attribute("node")) return stanza_error(iq, "item-not-found", "cancel");
    return iq_result(iq).add(Element("query", std::string(kNsItems)));
  };
  features.add(std::string(kNsInfo), for_friends(identity, std::move(info)));
  features.add(std::string(kNsItems), for_friends(identity, std::move(items)));
}

}  // namespace skep::xmpp
