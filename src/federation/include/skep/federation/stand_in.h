// A node of the fabric that stands for an agent of another domain, so that whoever can send to an
// agent here can send to that one: agent_send, another hive, a channel.
#pragma once

#include <string>

#include "skep/model/message.h"

namespace skep::federation {

// deliver() takes a kUser message by journaling it, gives its text to the other agent as a task,
// and answers with one kReply: what came back, or why nothing did. Loop thread only.
class StandIn : public Inbox {
 public:
  static constexpr std::size_t kWaitingMax = 32;              // tasks under way; more are refused
  [[nodiscard]] virtual const std::string& name() const = 0;  // in [llm.agents.*]
  // Where its answers leave: its port. Before the first message.
  virtual void speak_through(Inbox& out) = 0;
};

}  // namespace skep::federation
