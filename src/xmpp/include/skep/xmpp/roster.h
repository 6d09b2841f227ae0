// Contacts and presence subscriptions (RFC 6121 2-3): the decisions; whoever owns the link sends
// what comes out. Pure values.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsRoster = "jabber:iq:roster";

struct RosterItem {
  Jid jid;  // bare
  std::string name;
  std::string subscription;  // "none", "to", "from", "both"
  bool asked = false;        // our subscribe waits for an answer
  bool operator==(const RosterItem&) const = default;
  // We see the contact's presence.
  [[nodiscard]] bool subscribed_to() const {
    return subscription == "to" || subscription == "both";
  }
};

// An account's contact list (client mode).
class Roster {
 public:
  static constexpr std::size_t kItemsMax = 10'000;

  static Element request();  // for Session::request
  Result<void> load(
      const Element& answer);  // replaces everything; items that are no addresses are left out
  // A roster push: remembers the item and gives the result to send. nullopt, and nothing changes,
  // when it is not one or does not come from our own account (RFC 6121 2.1.6): anybody may try.
  std::optional<Element> on_push(const Element& iq, const Jid& own);

  [[nodiscard]] const RosterItem* find(
      const Jid& contact) const;                        // by bare address; nullptr when absent
  [[nodiscard]] std::vector<RosterItem> items() const;  // by address
  // Those of `wanted` whose presence we neither see nor have asked for; without ourselves and
  // without repetition.
  [[nodiscard]] std::vector<Jid> to_subscribe(std::span<const Jid> wanted, const Jid& own) const;
  // What an allowed contact's <presence type='subscribe'/> deserves: subscribed, and subscribe when
  // we do not see it yet.
  [[nodiscard]] std::vector<Element> answer_subscribe(const Element& presence) const;

 private:
  bool should_ask(const Jid& contact) const;
  bool remember(const Element& item);
  std::map<Jid, RosterItem> items_;
};

// What a component owes to presence stanzas, because no server answers for it.
struct PresenceReply {
  enum class Subscriber { kUnchanged, kAdded, kRemoved };
  std::vector<Element> stanzas;
  Subscriber subscriber =
      Subscriber::kUnchanged;  // of the sender's bare address to the address it wrote to
};
// `available` is the presence to show (show, status, caps); its addresses are set here. A probe is
// answered with it, subscribe with subscribed and it, unsubscribe with unsubscribed. For allowed
// senders only: the caller has checked.
PresenceReply answer_presence(const Element& presence, const Element& available);

}  // namespace skep::xmpp
