// Protocol questions that the library answers itself. Each feature is one small file that registers
// itself here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"
#include "skep/xmpp/stanza.h"

namespace skep::xmpp {

// What disco#info and version say about us.
struct Identity {
  std::string name = "Skep";        // the agent's name
  std::string category = "client";  // "client/bot"; a component adds "component/generic"
  std::string type = "bot";
  bool component = false;
  std::string software = "Skep";
  std::string version;
  WallTime started{};
  std::function<bool(const Jid& peer)> may_ask;  // who may ask more than a ping; empty: everybody
};

// Answers one kind of iq. Returns the answer, or nullopt when the request is not for it.
using IqResponder = std::function<std::optional<Element>(const Element& iq)>;

// The table of features: responders and what disco announces, from the same list so that the two
// cannot differ. Loop thread only; stays where it is, because the disco answer reads it.
class Features {
 public:
  explicit Features(Identity identity, const Clock& clock = Clock::system());
  Features(const Features&) = delete;
  Features& operator=(const Features&) = delete;
  // The constructor has added XEP-0199 ping, XEP-0092 version, XEP-0030 info and items, XEP-0202
  // time, XEP-0012 last activity. The responder is asked for requests whose child is in
  // `namespace_uri`, which is announced in disco#info when `announce` is true.
  void add(std::string namespace_uri, IqResponder responder, bool announce = true);
  void announce(std::string namespace_uri);  // a feature without iq (chat states, receipts)

  // The one answer to an iq get or set: a feature's, else service-unavailable; bad-request when it
  // has no id or not exactly one child. nullopt for results and errors.
  [[nodiscard]] std::optional<Element> answer(const Element& iq) const;
  [[nodiscard]] std::vector<std::string> announced() const;  // sorted

 private:
  struct Entry {
    std::string ns;
    IqResponder responder;
  };
  std::vector<Entry> entries_;
  std::vector<std::string> announced_;
};

// Whether a disco#info answer announces `feature`.
bool announces(const Element& info, std::string_view feature);

}  // namespace skep::xmpp
