// Tasks of ours that are called off, until the other side has heard of it.
#pragma once

#include <string>

#include "post.h"
#include "skep/async/gate.h"
#include "skep/base/clock.h"
#include "skep/store/journal.h"

namespace skep::federation {

// Trying again may help.
bool may_pass(Code code);

// Loop thread only. In the journal, kind "agent-cancel", entry id "cancel-" and the exec-id, so
// that the next process goes on with what this one did not get round to.
class Cancels {
 public:
  static constexpr std::size_t kWaitingMax = 256;  // taken over from a previous process; the newest

  struct Deps {
    Gate& gate;
    const Clock& clock;
    store::Journal& journal;
    Post& post;
  };
  explicit Cancels(Deps deps) : deps_(std::move(deps)) {}

  struct Cancel {
    xmpp::Jid to;
    std::string exec_id;
    bool by_message = false;
    WallTime until{};  // then nobody works on it there any more
  };
  void send(Cancel cancel);
  void resume();  // once

 private:
  Task<void> pursue(Cancel cancel);
  Task<bool> say(Ctx ctx, const Cancel& cancel);
  Deps deps_;
};

}  // namespace skep::federation
