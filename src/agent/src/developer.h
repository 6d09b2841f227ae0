// /debug: for those of [agent] dev_command_jids, what a turn came to, behind its answer.
#pragma once

#include <map>

#include "skep/agent/agent.h"

namespace skep::agent {

struct TurnState;

// One-to-one, and named there; who sits at the terminal has the files anyway.
bool is_developer(const AgentConfig& config, const Message& message);

// Who wants to see it, for half an hour each.
class DebugWatch {
 public:
  static constexpr std::chrono::minutes kOnFor{30};

  // "", "on" or "off": the answer to /debug.
  std::string command(std::string_view arguments, const Conversation& conversation, WallTime now);
  [[nodiscard]] bool on(const Conversation& conversation, WallTime now);

 private:
  std::map<Conversation, WallTime> until_;
};

// The turn's steps, without anything that looks like a key. It is no part of the transcript.
std::string debug_text(const TurnState& turn);

}  // namespace skep::agent
