// What the agent answers to commands.
#pragma once

#include <string>

#include "skep/agent/agent.h"
#include "skep/agent/commands.h"

namespace skep::agent {

// What a command may look at and do.
struct CommandScope {
  const AgentConfig& config;
  AgentDeps& deps;
  AgentStats stats;
  WallTime started{};  // of the agent
  const Conversation& conversation;
  const Message& message;  // that holds the command
  std::size_t waiting_here =
      0;  // messages of this conversation that are not answered yet, this one not counted
  // In a room: may this speaker change what is kept of it? One-to-one: always.
  bool may_manage = true;
  std::function<bool()> cancel;  // stops the running turn; false when there is none
  std::function<std::string(std::string_view arguments)> debug = {};  // /debug
  std::vector<AttachedFile> files = {};                               // that came with it
  // Goes with the answer where the channel takes files; then `said` is answered instead.
  std::function<void(OfferedFile file, std::string said)> offer = {};
};
std::string answer_command(const ParsedText& command, const CommandScope& scope);

}  // namespace skep::agent
