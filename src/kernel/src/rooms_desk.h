// The XMPP channel's own commands, for when the agent is in another process.
#pragma once

#include <functional>

#include "skep/agent/commands.h"
#include "skep/channels/xmpp_channel.h"

namespace skep::kernel {

// Stands between the channel and the fabric: what administrators say about rooms (/invite, /leave,
// /rooms) is done here, all else goes on. Loop thread only.
class RoomsDesk final : public Inbox {
 public:
  RoomsDesk(Inbox& out, std::function<bool(const Conversation&)> is_admin)
      : out_(out), is_admin_(std::move(is_admin)) {}
  void serve(channels::XmppChannel& channel) { channel_ = &channel; }
  Result<void> deliver(Message message) override;

 private:
  Inbox& out_;
  std::function<bool(const Conversation&)> is_admin_;
  channels::XmppChannel* channel_ = nullptr;
};

}  // namespace skep::kernel
