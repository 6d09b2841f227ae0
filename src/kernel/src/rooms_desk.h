// The XMPP channel's own commands, for when the agent is in another process.
#pragma once

#include <functional>

#include "skep/agent/commands.h"
#include "skep/channels/xmpp_channel.h"

namespace skep::kernel {

// Stands between a channel and the fabric: what administrators say about rooms (/invite, /leave,
// /rooms) and about who may talk to the agent (/allow, /block, /pair, /reload) is done here, all
// else goes on. Loop thread only.
class RoomsDesk final : public Inbox {
 public:
  struct Deps {
    Inbox& out;
    std::function<bool(const Conversation&)> is_admin;
    // Whether their role, where there are [[users]], is enough for the command.
    std::function<bool(const Message&, const agent::CommandInfo&)> may;
    // As in agent::AgentDeps.
    std::function<std::string(std::string_view command, std::string_view arguments)> rooms;
    std::function<std::string(const Conversation& who, std::string_view command,
                              std::string_view arguments)>
        access;
  };
  explicit RoomsDesk(Deps deps) : deps_(std::move(deps)) {}
  void serve(channels::XmppChannel& channel) { channel_ = &channel; }
  Result<void> deliver(Message message) override;

 private:
  Deps deps_;
  channels::XmppChannel* channel_ = nullptr;
};

}  // namespace skep::kernel
