// For whom a message asks.
#pragma once

#include "skep/agent/agent.h"

namespace skep::agent {

// Who wrote it: the peer, in a room "room/speaker". An administrator of ours, or somebody who may
// manage the room it was written in, counts as one.
authority::Principal principal_of(const AgentDeps& deps, const AgentConfig& config,
                                  const Message& message);
// The agent's node without its hive: whom capabilities are given to.
std::string node_of(const AgentConfig& config);

// For a call outside of a turn, where nobody can be asked: why it may not be, or nothing.
std::optional<std::string> why_not_allowed(const AgentDeps& deps, const AgentConfig& config,
                                           const Message& message, const ToolCall& call);

}  // namespace skep::agent
