#include "skep/xmpp/roster.h"

#include <set>

namespace skep::xmpp {

Element Roster::request() {
  Element iq = make_iq({}, {}, "get", "");
  iq.add(Element("query", std::string(kNsRoster)));
  return iq;
}

bool Roster::remember(const Element& item) {
  const auto jid = Jid::parse(item.attribute("jid"));
  if (item.name != "item" || item.ns != kNsRoster || !jid) return false;
  const std::string_view subscription = item.attribute("subscription");
  if (subscription == "remove") {
    items_.erase(jid->bare());
    return true;
  }
  if (items_.size() >= kItemsMax && !items_.contains(jid->bare())) return false;
  items_[jid->bare()] = {.jid = jid->bare(),
                         .name = std::string(item.attribute("name")),
                         .subscription = std::string(subscription.empty() ? "none" : subscription),
                         .asked = item.attribute("ask") == "subscribe"};
  return true;
}

Result<void> Roster::load(const Element& answer) {
  const Element* query = answer.child("query", kNsRoster);
  if (!query) return fail(Code::kCorrupt, "the server's answer holds no roster");
  items_.clear();
  for (const Element* item : query->children()) {
    if (items_.size() >= kItemsMax)
      return fail(Code::kTooLarge, fmt::format("the roster has over {} items", kItemsMax));
    remember(*item);
  }
  return {};
}

std::optional<Element> Roster::on_push(const Element& iq, const Jid& own) {
  const Element* query = iq.child("query", kNsRoster);
  if (iq.attribute("type") != "set" || !query) return std::nullopt;
  if (iq.has_attribute("from")) {
    const auto from = Jid::parse(iq.attribute("from"));
    if (!from || *from != own.bare()) return std::nullopt;
  }
  const auto items = query->children();
  if (items.size() != 1 || !remember(*items.front()))
    return stanza_error(iq, "bad-request", "modify");
  return iq_result(iq);
}

const RosterItem* Roster::find(const Jid& contact) const {
  const auto found = items_.find(contact.bare());
  return found == items_.end() ? nullptr : &found->second;
}

std::vector<RosterItem> Roster::items() const {
  std::vector<RosterItem> all;
  for (const auto& [jid, item] : items_) all.push_back(item);
  return all;
}

bool Roster::should_ask(const Jid& contact) const {
  const RosterItem* item = find(contact);
  return !item || (!item->subscribed_to() && !item->asked);
}

std::vector<Jid> Roster::to_subscribe(std::span<const Jid> wanted, const Jid& own) const {
  std::vector<Jid> ask;
  std::set<Jid> seen = {own.bare()};
  for (const Jid& jid : wanted) {
    if (seen.insert(jid.bare()).second && should_ask(jid)) ask.push_back(jid.bare());
  }
  return ask;
}

std::vector<Element> Roster::answer_subscribe(const Element& presence) const {
  const auto from = Jid::parse(presence.attribute("from"));
  if (!from || presence.attribute("type") != "subscribe") return {};
  std::vector<Element> answers = {make_presence({}, from->bare(), "subscribed")};
  if (should_ask(*from)) answers.push_back(make_presence({}, from->bare(), "subscribe"));
  return answers;
}

PresenceReply answer_presence(const Element& presence, const Element& available) {
  const auto peer = Jid::parse(presence.attribute("from"));
  const auto self = Jid::parse(presence.attribute("to"));
  if (presence.name != "presence" || !peer || !self) return {};
  const std::string_view type = presence.attribute("type");
  // Subscriptions are between bare addresses (RFC 6121 3.1.1); a probe may come from a resource and
  // is answered there.
  const auto shown_to = [&](const Jid& to) {
    Element shown = available;
    shown.set("from", self->str()).set("to", to.str());
    return shown;
  };
  using Subscriber = PresenceReply::Subscriber;
  if (type == "probe") return {{shown_to(*peer)}, Subscriber::kUnchanged};
  if (type == "subscribe") {
    return {{make_presence(self->bare(), peer->bare(), "subscribed"), shown_to(peer->bare())},
            Subscriber::kAdded};
  }
  if (type == "unsubscribe") {
    return {{make_presence(self->bare(), peer->bare(), "unsubscribed")}, Subscriber::kRemoved};
  }
  return {};
}

}  // namespace skep::xmpp
