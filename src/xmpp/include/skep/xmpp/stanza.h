// Stanzas (RFC 6120 8): building, answering, errors. In memory every stanza is in the namespace
// "jabber:client"; sessions translate to "jabber:component:accept" where needed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/result.h"
#include "skep/xmpp/jid.h"
#include "skep/xmpp/shared_files.h"
#include "skep/xmpp/xml.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsClient = "jabber:client";
inline constexpr std::string_view kNsStanzas = "urn:ietf:params:xml:ns:xmpp-stanzas";
inline constexpr std::string_view kNsChatStates =
    "http://jabber.org/protocol/chatstates";                           // XEP-0085
inline constexpr std::string_view kNsReceipts = "urn:xmpp:receipts";   // XEP-0184
inline constexpr std::string_view kNsDelay = "urn:xmpp:delay";         // XEP-0203
inline constexpr std::string_view kNsHints = "urn:xmpp:hints";         // XEP-0334
inline constexpr std::string_view kNsStanzaId = "urn:xmpp:sid:0";      // XEP-0359
inline constexpr std::string_view kNsOob = "jabber:x:oob";             // XEP-0066
inline constexpr std::string_view kNsCarbons = "urn:xmpp:carbons:2";   // XEP-0280
inline constexpr std::string_view kNsForward = "urn:xmpp:forward:0";   // XEP-0297
inline constexpr std::string_view kNsMam = "urn:xmpp:mam:2";           // XEP-0313
inline constexpr std::string_view kNsMeta = "urn:fluux:agent:0#meta";  // automatic-reply marker

Element make_message(const Jid& from, const Jid& to, std::string_view type, std::string_view id);
Element make_presence(const Jid& from, const Jid& to, std::string_view type);
Element make_iq(const Jid& from, const Jid& to, std::string_view type, std::string_view id);
// <iq type='result'> with from and to swapped and the id kept; no child.
Element iq_result(const Element& request);
// The error answer to an iq, message or presence; `type` is "cancel", "modify", "auth", "wait",
// "continue".
Element stanza_error(const Element& to, std::string_view condition, std::string_view type,
                     std::string_view text = {});
Element stanza_error(const Element& to, const Error& error);

// XEP-0359: the id that an archive, `by`, has given.
struct StanzaId {
  Jid by;
  std::string id;
  bool operator==(const StanzaId&) const = default;
};

// What of a <message/> the agent needs, read once. Namespaces are checked; a foreign <composing/>
// is not a chat state.
struct ChatMessage {
  Jid from;
  Jid to;
  std::string id;
  std::string type;  // "normal" when absent (RFC 6121 5.2.2)
  std::string body;  // by preferred language, else the first; out-of-band URLs kept
  bool has_body = false;
  std::string thread;  // XEP-0201
  std::string parent_thread;
  std::string lang;
  std::string chat_state;            // "composing", … or empty
  bool wants_receipt = false;        // XEP-0184 <request/>
  std::string receipt_for;           // id in <received/>
  std::string origin_id;             // XEP-0359
  std::vector<StanzaId> stanza_ids;  // the same: claims; whose is believed is the caller's business
  std::optional<WallTime> delay;     // XEP-0203: when it was sent
  bool carbon = false;               // wrapped by XEP-0280
  bool automatic = false;            // carries the automatic-reply marker
  std::vector<SharedFile> files;     // XEP-0066, 0447
  std::string error_condition;       // type='error'
};
Result<ChatMessage> read_chat_message(const Element& stanza, std::string_view preferred_lang = {});

}  // namespace skep::xmpp
