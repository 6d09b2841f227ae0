// XEP-0030: Service Discovery, and XEP-0115, which is a hash of its answer. What is announced is
// what the table of features holds.
#include <algorithm>

#include "features/register.h"
#include "skep/xmpp/caps.h"

namespace skep::xmpp {
namespace {

Element identity_element(std::string_view category, std::string_view type, std::string_view name) {
  Element identity("identity", std::string(kNsDiscoInfo));
  identity.set("category", std::string(category)).set("type", std::string(type));
  if (!name.empty()) identity.set("name", std::string(name));
  return identity;
}

}  // namespace

// The answers; a friend of the table.
struct Disco {
  Features& features;

  std::optional<Element> info(const Element& iq) const {
    const Element* asked = get_query(iq, "query", kNsDiscoInfo);
    if (!asked) return std::nullopt;
    const std::string node(asked->attribute("node"));
    if (node.empty()) return iq_result(iq).add(features.info(iq.attribute("to")));
    for (const DiscoNode& known : features.nodes_) {
      if (auto query = known(iq, node))
        return iq_result(iq).add(std::move(query->set("node", node)));
    }
    return caps_answer(iq, node);
  }

  // XEP-0115 6.2: who saw our hash asks what it stands for.
  std::optional<Element> caps_answer(const Element& iq, const std::string& node) const {
    const Element caps = features.caps(iq.attribute("to"));
    if (node != fmt::format("{}#{}", caps.attribute("node"), caps.attribute("ver")))
      return stanza_error(iq, "item-not-found", "cancel");
    Element query = features.info(iq.attribute("to"));
    return iq_result(iq).add(std::move(query.set("node", node)));
  }

  std::optional<Element> items(const Element& iq) const {
    const Element* asked = get_query(iq, "query", kNsDiscoItems);
    if (!asked) return std::nullopt;
    const std::string node(asked->attribute("node"));
    Element query("query", std::string(kNsDiscoItems));
    bool known = node.empty();
    if (!known) query.set("node", node);
    for (const DiscoItems& more : features.items_) {
      auto items = more(iq, node);
      if (!items) continue;
      known = true;
      for (Element& item : *items) query.add(std::move(item));
    }
    if (!known) return stanza_error(iq, "item-not-found", "cancel");
    return iq_result(iq).add(std::move(query));
  }
};

Element Features::info(std::string_view address) const {
  const std::string name = identity_.name_of ? identity_.name_of(address) : identity_.name;
  Element query("query", std::string(kNsDiscoInfo));
  query.add(identity_element(identity_.category, identity_.type, name));
  if (identity_.component) query.add(identity_element("component", "generic", name));
  for (const std::string& ns : announced_) {
    query.add(Element("feature", query.ns).set("var", ns));
  }
  for (const Element& form : forms_) query.add(form);
  return query;
}

Element Features::caps(std::string_view address) const {
  Element caps("c", std::string(kNsCaps));
  caps.set("hash", "sha-1").set("node", std::string(kCapsNode));
  return caps.set("ver", caps_ver(info(address)));
}

bool announces(const Element& info, std::string_view feature) {
  const Element* query = info.child("query", kNsDiscoInfo);
  if (query == nullptr) return false;
  return std::ranges::any_of(query->children(), [&](const Element* child) {
    return child->name == "feature" && child->attribute("var") == feature;
  });
}

void add_disco(Features& features, const Identity& identity) {
  auto info = [&features](const Element& iq) { return Disco{features}.info(iq); };
  auto items = [&features](const Element& iq) { return Disco{features}.items(iq); };
  features.add(std::string(kNsDiscoInfo), for_friends(identity, std::move(info)));
  features.add(std::string(kNsDiscoItems), for_friends(identity, std::move(items)));
}

}  // namespace skep::xmpp
