// What our own server wraps around copies of messages, taken off (XEP-0280, XEP-0313). Pure.
#pragma once

#include <string>

#include "skep/xmpp/stanza.h"

namespace skep::channels {

struct Unwrapped {
  enum class How {
    kDirect,          // as it came: to us
    kReceivedCarbon,  // to another device of our account
    kSentCarbon,      // by another device of our account
    kArchived,        // from our archive: to or by any device of our account
  };
  How how = How::kDirect;
  xmpp::Element stanza;    // the message itself
  std::string query;       // kArchived: the question that this is an answer to
  std::string archive_id;  // kArchived
};

// `account`: our bare address, empty for a component, which has no copies. kDenied: a wrapper that
// our account's server did not make (XEP-0280 11, XEP-0313 10): anybody can write one. kInvalid: no
// message inside. An archived message without a <delay/> of its own has the archive's.
Result<Unwrapped> unwrap(const xmpp::Element& stanza, const xmpp::Jid& account);

}  // namespace skep::channels
