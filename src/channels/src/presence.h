// Whom we tell that we are there, and who may know. One for components, one for accounts.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "admission.h"
#include "availability.h"
#include "skep/async/gate.h"
#include "skep/xmpp/session.h"

namespace skep::channels {

class Presence {
 public:
  virtual ~Presence() = default;
  virtual void up(xmpp::Session& session) = 0;
  virtual void down() = 0;
  // A presence stanza from the network.
  virtual void handle(const xmpp::Element& stanza) = 0;
  // The answer to an iq that is about contacts; nullopt: it is not.
  virtual std::optional<xmpp::Element> answer(const xmpp::Element& /*iq*/) { return std::nullopt; }
  // The last words of an orderly end.
  [[nodiscard]] virtual std::vector<xmpp::Element> farewell() const = 0;
  // Of a bare address: known, mutual and online.
  [[nodiscard]] virtual Contact contact(const xmpp::Jid& who) const = 0;
  // They may not see us any more, if they are not allowed now.
  virtual void access_changed() {}
  [[nodiscard]] const Availability& availability() const { return availability_; }

 protected:
  Availability availability_;
};

struct PresenceDeps {
  Admission& admission;
  Gate& gate;
  std::function<void(const xmpp::Element&)> say;
  // Client mode: what is to be done between the roster and the first presence.
  std::function<Task<void>(Ctx)> before_presence = {};
  std::function<Task<void>(Ctx)> after_presence = {};
  const Clock& clock;
  XmppChannelStats& stats;
  // Our available presence from that address, but for whom it goes to.
  std::function<xmpp::Element(const xmpp::Jid& from)> available;
  // What we are called there (XEP-0172); empty: nothing is said.
  std::function<std::string(const xmpp::Jid& from)> nick;
  // Who sees us, and whose presence we see, has come online.
  std::function<void(const xmpp::Jid& address, const xmpp::Jid& who,
                     std::optional<Millis> was_away)>
      came_online;
};

// A component has no server that keeps its subscriptions: it answers subscribe and probe itself,
// asks for the presence of who may see ours, and remembers both in `file` (empty: in memory only).
std::unique_ptr<Presence> component_presence(PresenceDeps deps, std::string file);
inline constexpr std::size_t kSubscribersMax =
    10'000;  // further requests are refused with "unsubscribed"

// An account has a roster: allowed people are asked for their presence once, and theirs to us are
// granted.
std::unique_ptr<Presence> client_presence(PresenceDeps deps, xmpp::Jid own,
                                          const std::vector<std::string>& allowed);

}  // namespace skep::channels
