// Keeps a session up: connects, reconnects with back-off and jitter, gives up only where trying
// again cannot help.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "skep/xmpp/features.h"
#include "skep/xmpp/session.h"

namespace skep::xmpp {

struct LinkStatus {
  bool up = false;
  std::string address;         // while up
  std::uint64_t connects = 0;  // sessions established so far
  std::uint64_t resumes = 0;   // connections that took an interrupted session up again
  std::uint64_t resumes_failed = 0;
  std::uint64_t false_counts = 0;  // servers that claimed to have more than was sent
  bool acknowledged = false;       // XEP-0198 is on
  std::string last_error;          // of the last failed attempt or ended session
  std::optional<WallTime> since;
  std::optional<std::chrono::milliseconds> retry_in;  // the wait that it is in
};

class Link {
 public:
  // Called on the loop thread; must not await.
  struct Handlers {
    std::function<void(Session&)>
        up;  // a working session; its features are installed, presence is the owner's business. A
             // session that is interrupted and resumed goes neither down nor up.
    std::function<void(Element)>
        stanza;  // messages and presences, and nothing that a feature answered
    std::function<void(const Error&)> down;
    std::function<void(const SessionEnd&)>
        gave_up;  // Retry::kNever or too many attempts: the owner decides what the process does
  };
  Link(XmppConfig config, XmppDeps deps, Identity identity, Handlers handlers);
  ~Link();  // close() first

  // More features may be added, before start().
  [[nodiscard]] Features& features();

  void start();
  // Sends `last` (unavailable presence) if up, closes the stream; bounded by the Ctx.
  Task<void> close(Ctx ctx, std::vector<Element> last = {});
  [[nodiscard]] Session* session();  // nullptr while down; also one that is interrupted
  [[nodiscard]] LinkStatus status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::xmpp
