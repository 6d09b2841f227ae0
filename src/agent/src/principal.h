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

}  // namespace skep::agent
