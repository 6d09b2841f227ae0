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
  // The name of one of several addresses, as it was asked; empty: `name`.
  std::function<std::string(std::string_view address)> name_of = {};
};

// Answers one kind of iq. Returns the answer, or nullopt when the request is not for it.
using IqResponder = std::function<std::optional<Element>(const Element& iq)>;
// Takes one kind of iq and answers it later, exactly once, itself. False: it is not for it.
using IqTaker = std::function<bool(const Element& iq)>;
// XEP-0030 for a node of ours (empty: the address itself). nullopt: no such node here.
using DiscoItems =
    std::function<std::optional<std::vector<Element>>(const Element& iq, const std::string& node)>;
using DiscoNode = std::function<std::optional<Element>(const Element& iq, const std::string& node)>;

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
  void add_taker(std::string namespace_uri, IqTaker taker, bool announce = true);
  // A data form of disco#info (XEP-0128): <x xmlns='jabber:x:data' type='result'/>.
  void add_form(Element form) { forms_.push_back(std::move(form)); }
  // What disco#items lists; several may add to one node. Asked for those who may ask.
  void add_items(DiscoItems items) { items_.push_back(std::move(items)); }
  // The <query/> that disco#info gives for a node that is not empty.
  void add_node(DiscoNode node) { nodes_.push_back(std::move(node)); }

  // The one answer to an iq get or set: a feature's, else service-unavailable; bad-request when it
  // has no id or not exactly one child. nullopt for results and errors, and for what a taker took.
  [[nodiscard]] std::optional<Element> answer(const Element& iq) const;
  [[nodiscard]] std::vector<std::string> announced() const;  // sorted
  // The <query/> of disco#info for that address of ours.
  [[nodiscard]] Element info(std::string_view address) const;
  // XEP-0115: the element for presence from that address.
  [[nodiscard]] Element caps(std::string_view address) const;

 private:
  struct Entry {
    std::string ns;
    IqResponder responder;
    IqTaker taker = {};
  };
  friend struct Disco;
  Identity identity_;
  std::vector<Entry> entries_;
  std::vector<std::string> announced_;
  std::vector<Element> forms_;
  std::vector<DiscoItems> items_;
  std::vector<DiscoNode> nodes_;
};

// Whether a disco#info answer announces `feature`.
bool announces(const Element& info, std::string_view feature);

}  // namespace skep::xmpp
