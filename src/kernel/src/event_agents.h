// Whether the agents are there that the configuration gives events to.
#pragma once

#include "skep/kernel/agents.h"

namespace skep::kernel {

// [[pubsub]] agent: each must be registered by now. kNotFound names the entry and the nearest.
Result<void> check_event_agents(const std::vector<channels::PubSubConfig>& nodes,
                                const Agents& agents);

}  // namespace skep::kernel
