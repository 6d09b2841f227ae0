// Rooms (XEP-0045) and what belongs to them: reading what a room says, building what it is told.
// Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsMuc = "http://jabber.org/protocol/muc";
inline constexpr std::string_view kNsMucUser = "http://jabber.org/protocol/muc#user";
inline constexpr std::string_view kNsMucOwner = "http://jabber.org/protocol/muc#owner";
inline constexpr std::string_view kNsConference = "jabber:x:conference";     // XEP-0249
inline constexpr std::string_view kNsOccupantId = "urn:xmpp:occupant-id:0";  // XEP-0421
inline constexpr std::string_view kNsReply = "urn:xmpp:reply:0";             // XEP-0461
inline constexpr std::string_view kNsFallback = "urn:xmpp:fallback:0";       // XEP-0428

// The codes of XEP-0045 15.6 that we act on.
namespace muc_status {
inline constexpr int kSelf = 110;
inline constexpr int kCreated = 201;
inline constexpr int kNickChangedByRoom = 210;
inline constexpr int kBanned = 301;
inline constexpr int kNewNick = 303;
inline constexpr int kKicked = 307;
inline constexpr int kAffiliationLost = 321;
inline constexpr int kMembersOnly = 322;
inline constexpr int kShutdown = 332;
inline constexpr int kTechnical = 333;
}  // namespace muc_status

// A <presence/> from "room@service/nick", or an error from the room's bare address.
struct MucPresence {
  Jid from;
  std::string type;  // "", "unavailable", "error"
  std::string affiliation = "none";
  std::string role = "none";
  Jid real;                 // bare; empty when the room does not show it
  std::string occupant_id;  // of the presence itself: the room's service wrote it
  std::string new_nick;     // with status 303
  std::set<int> status;
  bool destroyed = false;
  Jid alternate;  // where a destroyed room's people go
  std::string alternate_password;
  std::string reason;
  std::string error_condition;

  [[nodiscard]] bool has(int code) const { return status.contains(code); }
};
// kInvalid when `from` is no address.
Result<MucPresence> read_muc_presence(const Element& stanza);

// What a room's message carries beside a ChatMessage.
struct MucMessage {
  std::string stanza_id;    // XEP-0359, by the room itself; others' are not believed
  std::string occupant_id;  // XEP-0421; only from the room's service, which must strip forged ones
  bool has_subject = false;
  std::string subject;
  std::string reply_to_id;   // XEP-0461
  std::string reply_to_jid;  // normalised; empty when it is no address
  std::string body;          // without the fallback of a reply (XEP-0428)
};
// `chat` is what read_chat_message() gave for `stanza`.
MucMessage read_muc_message(const Element& stanza, const ChatMessage& chat);

// Whether `word` stands in `text` by itself (neither letter nor digit beside it), in any case.
// Quoted lines (XEP-0393: "> …") do not count.
bool contains_word(std::string_view text, std::string_view word);
// The text behind "word", "@word" or "word:" (also ",") at its beginning; nullopt when it does not
// begin so.
std::optional<std::string> after_address(std::string_view text, std::string_view word);

// The text without the ranges that the stanza marks as a fallback for `feature`; positions are code
// points (XEP-0428 3). Ranges that make no sense are ignored; a whole-body fallback leaves nothing.
std::string without_fallback(const Element& stanza, std::string_view body,
                             std::string_view feature);

struct MucInvite {
  Jid room;  // bare
  // As it is written, of a mediated one by the room: some rooms name the occupant ("room/nick"),
  // which says nothing about the person.
  Jid inviter;
  bool mediated = false;
  std::string password;
  std::string reason;
};
// XEP-0045 7.8.2 and XEP-0249; nullopt when it is neither, or names no room.
std::optional<MucInvite> read_muc_invite(const Element& stanza);

struct MucJoin {
  Jid from;  // ours, full; empty in client mode
  Jid room;  // bare
  std::string nick;
  std::string password;
  std::size_t history_max = 0;  // messages
};
// kInvalid when the nick cannot be one.
Result<Element> make_muc_join(const MucJoin& join);
Element make_muc_leave(const Jid& from, const Jid& occupant);
// Opens a room that our join created, with the service's own defaults (XEP-0045 10.1.2).
Element make_muc_accept_defaults(const Jid& from, const Jid& room);
// XEP-0410: a ping to ourselves through the room.
Element make_muc_self_ping(const Jid& from, const Jid& occupant);
// XEP-0045 7.8.3: to the room that carried a mediated invitation.
Element make_muc_decline(const Jid& from, const MucInvite& invite, std::string_view reason);

}  // namespace skep::xmpp
