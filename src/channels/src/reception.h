// A message stanza, read: whether it is a copy, which of its ids are believed, and what it is
// about.
#pragma once

#include <optional>
#include <string>

#include "catch_up.h"
#include "copies.h"
#include "skep/xmpp/references.h"

namespace skep::channels {

struct Received {
  Unwrapped::How how = Unwrapped::How::kDirect;
  xmpp::Element stanza;    // without what our server wrapped around it
  xmpp::ChatMessage chat;  // of its stanza-ids only the believed ones
  xmpp::References about;
  std::string archive_id;  // in our own archive; empty when it is not known
  bool ours = false;       // our account said it, through whatever device
};

// Loop thread only.
class Reception {
 public:
  struct Deps {
    xmpp::Jid account;            // bare; empty for a component
    CatchUp* catch_up = nullptr;  // null for a component
    XmppChannelStats& stats;
    std::string language = {};  // XmppChannelConfig::language
  };
  explicit Reception(Deps deps) : deps_(std::move(deps)) {}

  // It is on its way into the inbound queue.
  void arriving(const xmpp::Element& stanza);
  // nullopt: it is dropped, and counted as what it is.
  std::optional<Received> read(const xmpp::Element& stanza);
  // It has been dealt with.
  void done(const Received& received);

 private:
  void believe(Received& received);
  bool is_stray(const Unwrapped& copy) const;

  Deps deps_;
};

}  // namespace skep::channels
