// An IO node: maps one network to Messages and back.
#pragma once

#include <string>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/base/json.h"
#include "skep/model/message.h"

namespace skep::channels {

// deliver() takes kReply and kProgress for people on that network. A durable channel journals a
// reply before it says ok and keeps it until the network has it; progress may be dropped. Loop
// thread only.
class Channel : public Inbox {
 public:
  [[nodiscard]] virtual std::string kind() const = 0;  // "xmpp"
  // Goes online. Failures that may pass are retried inside; others are told through the channel's
  // deps.
  virtual void start() = 0;
  // Takes no more from the network, sends what is ready, says good-bye; bounded by the Ctx.
  virtual Task<void> close(Ctx ctx) = 0;
  [[nodiscard]] virtual std::vector<std::string> status_lines(bool admin) const = 0;
  [[nodiscard]] virtual json::object status() const = 0;  // for /api/status
};

}  // namespace skep::channels
