#include "presence.h"
#include "skep/base/log.h"
#include "skep/xmpp/roster.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

constexpr std::chrono::seconds kRosterTimeout{30};

// "*" and "@domain" name nobody.
std::vector<Jid> people_of(const std::vector<std::string>& allowed) {
  std::vector<Jid> people;
  for (const std::string& entry : allowed) {
    auto jid = Jid::parse(entry);
    if (jid && !jid->local().empty()) people.push_back(*std::move(jid));
  }
  return people;
}

class ClientPresence final : public Presence {
 public:
  ClientPresence(PresenceDeps deps, Jid own, std::vector<Jid> allowed)
      : deps_(std::move(deps)), own_(std::move(own)), allowed_(std::move(allowed)) {}

  void up(xmpp::Session& session) override {
    session_ = &session;
    deps_.gate.spawn("xmpp roster", go_online(deps_.gate.ctx()));
  }
  void down() override {
    session_ = nullptr;
    availability_.clear();
  }

  void handle(const Element& stanza) override {
    const auto from = Jid::parse(stanza.attribute("from"));
    const std::string_view type = stanza.attribute("type");
    if (!from) return;
    if (type.empty() || type == "unavailable") return note(stanza, *from);
    if (type != "subscribe" || !deps_.admission.allowed(*from)) return;
    for (const Element& answer : roster_.answer_subscribe(stanza)) deps_.say(answer);
  }

  Contact contact(const Jid& who) const override {
    const xmpp::RosterItem* item = roster_.find(who.bare());
    if (item == nullptr) return {};
    return {
        .known = true, .mutual = item->subscription == "both", .online = availability_.online(who)};
  }

  std::optional<Element> answer(const Element& iq) override { return roster_.on_push(iq, own_); }

  std::vector<Element> farewell() const override {
    return {xmpp::make_presence(Jid(), Jid(), "unavailable")};
  }

 private:
  // RFC 6121 2.2: the roster is asked for before the first presence, so that no request for ours
  // comes unexpected.
  Task<void> go_online(Ctx ctx) {
    if (session_ == nullptr) co_return;  // gone again already
    const Ctx bounded = ctx.within(kRosterTimeout);
    Element request = xmpp::Roster::request();
    const auto answer = co_await session_->request(bounded, std::move(request));
    const Result<void> loaded = answer ? roster_.load(*answer) : fail(answer.error());
    if (!loaded)
      log::warn("xmpp", "no roster, so nobody is asked for their presence: {}",
                loaded.error().to_string());
    if (deps_.before_presence) co_await deps_.before_presence(ctx);
    deps_.say(deps_.available(Jid()));
    if (loaded) ask_allowed();
    if (deps_.after_presence) co_await deps_.after_presence(ctx);
  }

  void note(const Element& stanza, const Jid& from) {
    const xmpp::RosterItem* item = roster_.find(from.bare());
    if (item == nullptr || !item->subscribed_to() || !deps_.admission.permits(from)) return;
    const Availability::Change change = availability_.note(from, stanza, deps_.clock.now());
    if (change.flooded) ++deps_.stats.presence_floods;
    if (change.came_online) deps_.came_online(own_, from.bare(), change.was_away);
  }

  void ask_allowed() {
    for (const Jid& who : roster_.to_subscribe(allowed_, own_))
      deps_.say(xmpp::make_presence(Jid(), who, "subscribe"));
  }

  PresenceDeps deps_;
  const Jid own_;
  const std::vector<Jid> allowed_;
  xmpp::Session* session_ = nullptr;
  xmpp::Roster roster_;
};

}  // namespace

std::unique_ptr<Presence> client_presence(PresenceDeps deps, Jid own,
                                          const std::vector<std::string>& allowed) {
  return std::make_unique<ClientPresence>(std::move(deps), std::move(own), people_of(allowed));
}

}  // namespace skep::channels
