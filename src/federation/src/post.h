// The way to other agents: whatever session the channel has.
#pragma once

#include "skep/async/wait.h"
#include "skep/xmpp/session.h"

namespace skep::federation {

// Loop thread only.
class Post {
 public:
  void up(xmpp::Session* session);  // nullptr: the link is down
  [[nodiscard]] bool is_up() const { return session_ != nullptr; }

  // What may be lost with the link.
  void say(xmpp::Element stanza);
  // Until there is a link.
  Task<Result<void>> ready(Ctx ctx);
  // Until the network has it, over as many sessions as that takes; then ok.
  Task<Result<void>> deliver(Ctx ctx, xmpp::Element stanza);
  // Waits for the link, then asks. kCancelled when it was lost meanwhile.
  Task<Result<xmpp::Element>> request(Ctx ctx, xmpp::Element iq);

 private:
  [[nodiscard]] xmpp::Element addressed(xmpp::Element stanza) const;
  xmpp::Session* session_ = nullptr;
  Signal changed_;
};

}  // namespace skep::federation
