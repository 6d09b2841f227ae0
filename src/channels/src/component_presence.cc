#include <set>

#include "presence.h"
#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/store/append_file.h"
#include "skep/xmpp/roster.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

// Somebody who sees whether one of our addresses is there.
struct Subscriber {
  Jid address;  // ours, bare
  Jid who;      // bare
  auto operator<=>(const Subscriber&) const = default;
};
using Subscribers = std::set<Subscriber>;

Result<Subscribers> load(const std::string& file) {
  SKEP_TRY(const std::string text, store::read_file(file));
  SKEP_TRY(const json::value value, parse_json(text));
  Subscribers subscribers;
  const json::array* list = get_array(value, "subscribers");
  if (list == nullptr) return fail(Code::kCorrupt, "no list of subscribers in it");
  for (const json::value& entry : *list) {
    SKEP_TRY(const Jid address, Jid::parse(get_string(entry, "address")));
    SKEP_TRY(const Jid who, Jid::parse(get_string(entry, "jid")));
    subscribers.insert({address.bare(), who.bare()});
  }
  return subscribers;
}

Result<void> save(const std::string& file, const Subscribers& subscribers) {
  json::array list;
  for (const Subscriber& one : subscribers)
    list.push_back({{"address", one.address.str()}, {"jid", one.who.str()}});
  return store::write_file(file,
                           to_json(json::object{{"version", 1}, {"subscribers", std::move(list)}}));
}

class ComponentPresence final : public Presence {
 public:
  ComponentPresence(PresenceDeps deps, std::string file)
      : deps_(std::move(deps)), file_(std::move(file)) {
    if (file_.empty()) return;
    auto loaded = load(file_);
    if (loaded) {
      subscribers_ = *std::move(loaded);
    } else if (loaded.error().code != Code::kNotFound) {
      log::warn("xmpp",
                "the list of presence subscribers is lost, people must add the agent again: {}: {}",
                file_, loaded.error().to_string());
    }
  }

  void up(xmpp::Session&) override { announce(""); }
  void down() override {}

  void handle(const Element& stanza) override {
    const auto from = Jid::parse(stanza.attribute("from"));
    const auto to = Jid::parse(stanza.attribute("to"));
    if (!from || !to) return;
    const Subscriber subscriber{to->bare(), from->bare()};
    const std::string_view type = stanza.attribute("type");
    if (type == "unsubscribe") return unsubscribe(stanza, subscriber);
    if ((type != "subscribe" && type != "probe") || !deps_.admission.allowed(*from)) return;
    // A probe comes because the roster on the other side says "to": so they are subscribed,
    // whatever our file says.
    if (remember(subscriber)) return answer_with(stanza);
    deps_.say(xmpp::make_presence(subscriber.address, subscriber.who, "unsubscribed"));
  }

  std::vector<Element> farewell() const override {
    std::vector<Element> stanzas;
    for (const Subscriber& one : subscribers_)
      stanzas.push_back(xmpp::make_presence(one.address, one.who, "unavailable"));
    return stanzas;
  }

 private:
  void announce(std::string_view type) {
    for (const Subscriber& one : subscribers_) {
      if (!deps_.admission.allowed(one.who)) continue;  // no longer
      deps_.say(xmpp::make_presence(one.address, one.who, type));
    }
  }

  void answer_with(const Element& stanza) {
    const Element available("presence", std::string(xmpp::kNsClient));
    for (const Element& answer : xmpp::answer_presence(stanza, available).stanzas)
      deps_.say(answer);
  }

  // Leaving is always allowed; who never was there hears nothing.
  void unsubscribe(const Element& stanza, const Subscriber& subscriber) {
    if (subscribers_.erase(subscriber) == 0) return;
    write();
    deps_.say(xmpp::make_presence(subscriber.address, subscriber.who, "unavailable"));
    answer_with(stanza);
  }

  bool remember(Subscriber subscriber) {
    if (subscribers_.contains(subscriber)) return true;
    if (subscribers_.size() >= kSubscribersMax) {
      log::warn("xmpp", "{} presence subscribers already: {} is refused", subscribers_.size(),
                subscriber.who.str());
      return false;
    }
    subscribers_.insert(std::move(subscriber));
    write();
    return true;
  }

  void write() {
    if (file_.empty()) return;
    if (auto saved = save(file_, subscribers_); !saved) {
      log::warn("xmpp", "the list of presence subscribers could not be written: {}",
                saved.error().to_string());
    }
  }

  PresenceDeps deps_;
  std::string file_;
  Subscribers subscribers_;
};

}  // namespace

std::unique_ptr<Presence> component_presence(PresenceDeps deps, std::string file) {
  return std::make_unique<ComponentPresence>(std::move(deps), std::move(file));
}

}  // namespace skep::channels
