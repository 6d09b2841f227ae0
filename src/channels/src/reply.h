// What we put on the wire: replies, notices, receipts, states. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "skep/channels/xmpp_channel.h"
#include "skep/model/message.h"
#include "skep/xmpp/stanza.h"

namespace skep::channels {

inline constexpr std::string_view kNsMarkers = "urn:xmpp:chat-markers:0";  // XEP-0333

// What is said beside the words of a reply, or instead of them.
struct Extras {
  std::vector<xmpp::SharedFile> files;  // after the words, a message each
  std::string reacts_to;               // XEP-0444: to this message, with `reactions`; no words then
  std::vector<std::string> reactions;  // the whole set; none: taken back
  std::string corrects;                // XEP-0308: our message that the first part replaces
  bool operator==(const Extras&) const = default;
};

// A reply with all it takes to render it the same way again after a restart. The journal's form is
// JSON.
struct OutgoingReply {
  Message message;
  std::string type = "chat";
  std::string parent_thread;
  bool chat_state = true;  // <active/>
  bool with_from = true;   // components say from whom; servers do it for clients
  bool styling = true;
  std::string answers = {};  // id of the message this answers, where that is not plain (XEP-0461)
  // What that message says, where somebody without replies would not know which is meant: it goes
  // in front of the words, marked as such (XEP-0428).
  std::string quote = {};
  Extras extras = {};
  std::size_t bytes_max = 8192;
  WallTime accepted_at{};
  std::vector<Choice> choices = {};  // XEP-0439, with the last part
  bool wants_receipt = false;        // XEP-0184
  bool automatic = true;
  bool operator==(const OutgoingReply&) const = default;
};
std::string to_journal(const OutgoingReply& reply);
Result<OutgoingReply> outgoing_from_journal(std::string_view text);

// The stanzas of a reply, in order, with ids ID, ID-2, ID-3; none when there is nothing to say.
// kInvalid on a bad address.
Result<std::vector<xmpp::Element>> render(const OutgoingReply& reply);
// XEP-0203: when it was really said.
void add_delay(xmpp::Element& stanza, WallTime at);

// Whom a small stanza about a conversation goes to.
struct Correspondence {
  xmpp::Jid from;  // ours; empty in client mode
  xmpp::Jid to;
  std::string type = "chat";
  std::string thread;
};
xmpp::Element make_receipt(const Correspondence& with, std::string_view id);        // XEP-0184
xmpp::Element make_displayed(const Correspondence& with, std::string_view id);      // XEP-0333
xmpp::Element make_chat_state(const Correspondence& with, std::string_view state);  // XEP-0085
// The beginning of an answer; `corrects`: the draft that it replaces, empty for the first.
xmpp::Element make_draft(const Correspondence& with, const std::string& id, const std::string& text,
                         const std::string& parent_thread, const std::string& corrects);
xmpp::Element make_notice(const Correspondence& with,
                          std::string_view text);  // a plain sentence, marked automatic

}  // namespace skep::channels
