#include <set>

#include "presence.h"
#include "skep/base/log.h"
#include "skep/xmpp/roster.h"
#include "subscribers.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

constexpr std::string_view kNsNick = "http://jabber.org/protocol/nick";  // XEP-0172

class ComponentPresence final : public Presence {
 public:
  ComponentPresence(PresenceDeps deps, std::string file)
      : deps_(std::move(deps)), file_(std::move(file)) {
    auto loaded = file_.load();
    if (loaded) {
      subscribers_ = *std::move(loaded);
    } else {
      log::warn("xmpp",
                "the list of presence subscribers is lost, people must add the agent again: {}",
                loaded.error().to_string());
    }
    if (file_.unreadable() > 0) {
      log::warn("xmpp",
                "{} lines of the list of presence subscribers are lost, those people must add the "
                "agent again",
                file_.unreadable());
    }
  }

  // Who is there is asked: nobody told us while we were away.
  void up(xmpp::Session&) override {
    availability_.clear();
    for (const auto& [one, how] : subscribers_) {
      if (!deps_.admission.allowed(one.who)) continue;  // no longer
      if (how.from) show(one);
      if (how.to) deps_.say(xmpp::make_presence(one.address, one.who, "probe"));
    }
  }
  void down() override { availability_.clear(); }

  void handle(const Element& stanza) override {
    const auto from = Jid::parse(stanza.attribute("from"));
    const auto to = Jid::parse(stanza.attribute("to"));
    if (!from || !to) return;
    const Subscriber subscriber{to->bare(), from->bare()};
    const std::string_view type = stanza.attribute("type");
    if (type == "unsubscribe") return unsubscribe(stanza, subscriber);
    if (type == "unsubscribed") return refused(subscriber);
    if (type.empty() || type == "unavailable") return note(stanza, *from, subscriber);
    if (!deps_.admission.allowed(*from)) return;
    if (type == "subscribed") return granted(subscriber);
    if (type != "subscribe" && type != "probe") return;
    // A probe comes because the roster on the other side says "to": so they are subscribed,
    // whatever our file says.
    if (!remember(subscriber)) {
      deps_.say(xmpp::make_presence(subscriber.address, subscriber.who, "unsubscribed"));
      return;
    }
    answer_with(stanza, *to);
    if (type == "subscribe") ask_back(subscriber);
  }

  std::vector<Element> farewell() const override {
    std::vector<Element> stanzas;
    for (const auto& [one, how] : subscribers_) {
      if (how.from) stanzas.push_back(xmpp::make_presence(one.address, one.who, "unavailable"));
    }
    return stanzas;
  }

  Contact contact(const Jid& who) const override {
    Contact contact{.online = availability_.online(who)};
    for (const auto& [one, how] : subscribers_) {
      if (one.who != who.bare()) continue;
      contact.known = true;
      contact.mutual = contact.mutual || (how.from && how.to);
    }
    return contact;
  }

  // Who is shut out sees us go.
  void access_changed() override {
    std::vector<Subscriber> out;
    for (const auto& [one, how] : subscribers_) {
      if (deps_.admission.allowed(one.who)) continue;
      out.push_back(one);
      availability_.forget(one.who);
      if (!how.from) continue;
      deps_.say(xmpp::make_presence(one.address, one.who, "unavailable"));
      deps_.say(xmpp::make_presence(one.address, one.who, "unsubscribed"));
    }
    for (const Subscriber& one : out) change(one, {});
  }

 private:
  void show(const Subscriber& one) {
    Element presence = deps_.available(one.address);
    deps_.say(presence.set("to", one.who.str()));
  }

  void answer_with(const Element& stanza, const Jid& to) {
    for (const Element& answer : xmpp::answer_presence(stanza, deps_.available(to)).stanzas)
      deps_.say(answer);
  }

  // Theirs tells when a message will be read.
  void ask_back(const Subscriber& one) {
    Subscription how = subscribers_[one];
    if (how.to) return;
    how.asked = true;
    change(one, how);
    Element stanza = xmpp::make_presence(one.address, one.who, "subscribe");
    if (const std::string name = deps_.nick(one.address); !name.empty()) {
      Element nick("nick", std::string(kNsNick));
      stanza.add(nick.text(name));
    }
    deps_.say(stanza);
  }

  // Nobody lets us see what we did not ask for.
  void granted(const Subscriber& one) {
    const auto found = subscribers_.find(one);
    if (found == subscribers_.end() || !found->second.asked) return;
    Subscription how = found->second;
    how.asked = false;
    how.to = true;
    change(one, how);
    // Servers remember what we can (XEP-0115) only of those who may see their people, and send
    // events to nobody else (ejabberd): what we said before they granted it did not count.
    if (how.from) show(one);
  }

  void refused(const Subscriber& one) {
    const auto found = subscribers_.find(one);
    if (found == subscribers_.end() || !(found->second.to || found->second.asked)) return;
    Subscription how = found->second;
    how.to = how.asked = false;
    availability_.forget(one.who);
    change(one, how);
  }

  void note(const Element& stanza, const Jid& from, const Subscriber& one) {
    const auto found = subscribers_.find(one);
    if (found == subscribers_.end() || !found->second.to || !deps_.admission.permits(from)) return;
    const Availability::Change change = availability_.note(from, stanza, deps_.clock.now());
    if (change.flooded) ++deps_.stats.presence_floods;
    if (change.came_online) deps_.came_online(one.address, one.who, change.was_away);
  }

  // Leaving is always allowed; who never was there hears nothing.
  void unsubscribe(const Element& stanza, const Subscriber& subscriber) {
    const auto found = subscribers_.find(subscriber);
    if (found == subscribers_.end() || !found->second.from) return;
    Subscription how = found->second;
    how.from = false;
    change(subscriber, how);
    deps_.say(xmpp::make_presence(subscriber.address, subscriber.who, "unavailable"));
    answer_with(stanza, subscriber.address);
  }

  bool remember(const Subscriber& subscriber) {
    const auto found = subscribers_.find(subscriber);
    if (found != subscribers_.end() && found->second.from) return true;
    if (found == subscribers_.end() && subscribers_.size() >= kSubscribersMax) {
      log::warn("xmpp", "{} presence subscribers already: {} is refused", subscribers_.size(),
                subscriber.who.str());
      return false;
    }
    Subscription how = subscribers_[subscriber];
    how.from = true;
    change(subscriber, how);
    return true;
  }

  // `one` by value: it may be the key of what is erased.
  void change(Subscriber one, const Subscription& how) {
    if (how.none()) {
      subscribers_.erase(one);
    } else {
      subscribers_[one] = how;
    }
    if (auto saved = file_.note(one, how, subscribers_); !saved) {
      log::warn("xmpp", "the list of presence subscribers could not be written: {}",
                saved.error().to_string());
    }
  }

  PresenceDeps deps_;
  SubscriberFile file_;
  Subscribers subscribers_;
};

}  // namespace

std::unique_ptr<Presence> component_presence(PresenceDeps deps, std::string file) {
  return std::make_unique<ComponentPresence>(std::move(deps), std::move(file));
}

}  // namespace skep::channels
