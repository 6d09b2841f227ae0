// What a message says about other messages: it corrects, takes back, answers or reacts to one.
// Pure. Whether the sender may do so is the caller's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsCorrect = "urn:xmpp:message-correct:0";         // XEP-0308
inline constexpr std::string_view kNsRetract = "urn:xmpp:message-retract:1";         // XEP-0424
inline constexpr std::string_view kNsFallback = "urn:xmpp:fallback:0";               // XEP-0428
inline constexpr std::string_view kNsReactions = "urn:xmpp:reactions:0";             // XEP-0444
inline constexpr std::string_view kNsQuickResponse = "urn:xmpp:tmp:quick-response";  // XEP-0439
inline constexpr std::string_view kNsReply = "urn:xmpp:reply:0";                     // XEP-0461
inline constexpr std::size_t kReactionsMax = 20;         // of one message; more are not read
inline constexpr std::size_t kReactionBytesMax = 64;     // a longer one is no emoji
inline constexpr std::size_t kReferenceBytesMax = 1024;  // a longer id names nothing

struct References {
  std::string corrects;   // id of the message whose text this one replaces
  std::string retracts;   // id of the message that is taken back
  std::string answers;    // id of the message that this one answers
  std::string reacts_to;  // id of the message that `reactions` are now the whole set of
  std::vector<std::string> reactions;
  bool operator==(const References&) const = default;
};
References read_references(const Element& message);

// A body without what stands in it only for clients that do not know `feature` (XEP-0428; ranges
// are in code points; one that makes no sense is ignored), and those parts. A body that is nothing
// else is empty then.
struct PlainBody {
  std::string text;
  std::string fallback;
  bool operator==(const PlainBody&) const = default;
};
PlainBody without_fallback(const Element& message, std::string_view body, std::string_view feature);

// Says that the first `code_points` of a body stand there only for such clients.
Element fallback_for(std::string_view feature, std::size_t code_points);

// A button beside a question (XEP-0439): pressing it says `value`.
Element quick_response(std::string_view value, std::string_view label);

}  // namespace skep::xmpp
