// Questions that agents of this process put to others, and where the answers go.
#pragma once

#include <map>
#include <string>

#include "skep/async/wait.h"
#include "skep/authority/authority.h"
#include "skep/model/message.h"

namespace skep::kernel {

// Loop thread only.
class AgentCalls {
 public:
  struct Answer {
    std::string text;
    bool ended = false;  // no answer: the agent was ended before it could give one
    authority::Labels labels =
        {};  // of what was read for it; of an untrusted agent if it is silent
  };
  // Sends `message`, whose destination is a Name, through `out` and waits for the reply. When the
  // Ctx ends first, the question is taken back. What the receiver refuses with comes back
  // unchanged.
  Task<Result<Answer>> ask(Ctx ctx, Inbox& out, Message message);
  // A reply that came to one of our nodes: given to who waits for it. Only who was asked knows the
  // question's id.
  void take(const Message& reply);

 private:
  struct Waiting {
    std::optional<Answer> answer;
    Signal signal;
  };
  std::map<std::string, Waiting*, std::less<>> waiting_;  // by the question's id
};

// In a reply's meta: the agent was ended before it could answer.
inline constexpr std::string_view kEndedMeta = "agent_ended";

// An agent's place on the fabric: questions go to the agent, answers to who waits for them.
class CallingInbox final : public Inbox {
 public:
  CallingInbox(Inbox& agent, AgentCalls& calls) : agent_(agent), calls_(calls) {}
  Result<void> deliver(Message message) override {
    if (message.kind != Kind::kReply) return agent_.deliver(std::move(message));
    calls_.take(message);
    return {};
  }

 private:
  Inbox& agent_;
  AgentCalls& calls_;
};

}  // namespace skep::kernel
