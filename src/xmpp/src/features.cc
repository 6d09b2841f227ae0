#include "skep/xmpp/features.h"

#include <algorithm>

#include "features/register.h"

namespace skep::xmpp {

Features::Features(Identity identity, const Clock& clock) : identity_(identity) {
  add_ping(*this);
  add_version(*this, identity);
  add_disco(*this, identity);
  add_time(*this, identity, clock);
  add_last_activity(*this, identity, clock);
}

void Features::add(std::string namespace_uri, IqResponder responder, bool announced) {
  if (announced) announce(namespace_uri);
  entries_.push_back({std::move(namespace_uri), std::move(responder)});
}

void Features::add_taker(std::string namespace_uri, IqTaker taker, bool announced) {
  if (announced) announce(namespace_uri);
  entries_.push_back({std::move(namespace_uri), nullptr, std::move(taker)});
}

void Features::announce(std::string namespace_uri) {
  const auto at = std::ranges::lower_bound(announced_, namespace_uri);
  if (at == announced_.end() || *at != namespace_uri)
    announced_.insert(at, std::move(namespace_uri));
}

std::optional<Element> Features::answer(const Element& iq) const {
  const std::string_view type = iq.attribute("type");
  if (type == "result" || type == "error") return std::nullopt;
  const auto children = iq.children();
  const bool known_type = type == "get" || type == "set";
  if (!known_type || iq.attribute("id").empty() || children.size() != 1) {
    return stanza_error(iq, "bad-request", "modify");
  }
  for (const Entry& entry : entries_) {
    if (entry.ns != children.front()->ns) continue;
    if (entry.taker && entry.taker(iq)) return std::nullopt;
    if (!entry.responder) continue;
    if (auto answer = entry.responder(iq)) return answer;
  }
  return stanza_error(iq, "service-unavailable", "cancel");
}

std::vector<std::string> Features::announced() const { return announced_; }

IqResponder for_friends(const Identity& identity, IqResponder responder) {
  if (!identity.may_ask) return responder;
  return [may_ask = identity.may_ask,
          responder = std::move(responder)](const Element& iq) -> std::optional<Element> {
    if (iq.has_attribute("from")) {
      const auto peer = Jid::parse(iq.attribute("from"));
      if (!peer || !may_ask(*peer)) return std::nullopt;
    }
    return responder(iq);
  };
}

const Element* get_query(const Element& iq, std::string_view name, std::string_view ns) {
  return iq.attribute("type") == "get" ? iq.child(name, ns) : nullptr;
}

}  // namespace skep::xmpp
