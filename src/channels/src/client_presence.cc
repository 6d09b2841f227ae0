#include <map>

#include "presence.h"
#include "skep/base/log.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

constexpr std::string_view kNsRoster = "jabber:iq:roster";
constexpr std::chrono::seconds kRosterTimeout{30};

class ClientPresence final : public Presence {
 public:
  ClientPresence(PresenceDeps deps, std::vector<std::string> allowed) : deps_(std::move(deps)), allowed_(std::move(allowed)) {}

  void up(xmpp::Session& session) override {
    session_ = &session;
    deps_.gate.spawn("xmpp roster", go_online(deps_.gate.ctx()));
  }
  void down() override { session_ = nullptr; }

  void handle(const Element& stanza) override {
    auto from = Jid::parse(stanza.attribute("from"));
    if (!from) return;
    const std::string_view type = stanza.attribute("type");
    if (type == "subscribe" && deps_.admission.allowed(*from)) grant(from->bare());
    if (type == "subscribed" || type == "unsubscribed") asked_[from->bare()] = type == "subscribed";
  }

  std::vector<Element> farewell() const override { return {xmpp::make_presence(Jid(), Jid(), "unavailable")}; }

 private:
  // RFC 6121 2.2: the roster is asked for before the first presence, so that no request for ours comes unexpected.
  Task<void> go_online(Ctx ctx) {
    if (session_ == nullptr) co_return;  // gone again already
    Element iq = xmpp::make_iq(Jid(), Jid(), "get", "");
    iq.add(Element("query", std::string(kNsRoster)));
    const Ctx bounded = ctx.within(kRosterTimeout);
    const auto roster = co_await session_->request(bounded, std::move(iq));
    if (roster) {
      read(*roster);
    } else {
      log::warn("xmpp", "no roster: {}", roster.error().to_string());
    }
    deps_.say(xmpp::make_presence(Jid(), Jid(), ""));
    if (roster) ask_allowed();
  }

  void read(const Element& iq) {
    const Element* query = iq.child("query", kNsRoster);
    if (query == nullptr) return;
    asked_.clear();
    for (const Element* item : query->children()) {
      const auto jid = Jid::parse(item->attribute("jid"));
      const std::string_view subscription = item->attribute("subscription");
      if (!jid || subscription == "remove") continue;
      if (subscription == "both" || subscription == "to" || item->attribute("ask") == "subscribe") asked_[jid->bare()] = true;
    }
  }

  // Everybody named in the allow list, unless the roster says that we see them or have asked already.
  void ask_allowed() {
    for (const std::string& entry : allowed_) {
      auto jid = Jid::parse(entry);  // "*" and "@domain" name nobody
      if (jid && !jid->local().empty()) ask(*jid);
    }
  }

  void ask(const Jid& who) {
    if (std::exchange(asked_[who], true)) return;
    deps_.say(xmpp::make_presence(Jid(), who, "subscribe"));
  }

  void grant(const Jid& who) {
    deps_.say(xmpp::make_presence(Jid(), who, "subscribed"));
    ask(who);
  }

  PresenceDeps deps_;
  std::vector<std::string> allowed_;
  xmpp::Session* session_ = nullptr;
  std::map<Jid, bool> asked_;  // whose presence we get or have asked for
};

}  // namespace

std::unique_ptr<Presence> client_presence(PresenceDeps deps, std::vector<std::string> allowed) {
  return std::make_unique<ClientPresence>(std::move(deps), std::move(allowed));
}

}  // namespace skep::channels
