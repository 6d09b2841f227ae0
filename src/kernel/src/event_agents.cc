#include "event_agents.h"

namespace skep::kernel {

Result<void> check_event_agents(const std::vector<channels::PubSubConfig>& nodes,
                                const Agents& agents) {
  for (const channels::PubSubConfig& node : nodes) {
    if (node.agent.empty()) continue;
    const Result<AgentEntry> found = agents.find(node.agent);
    if (!found) {
      return fail(found.error().code, fmt::format("[[pubsub]] {} {}: agent: {}", node.service.str(),
                                                  node.node, found.error().message));
    }
  }
  return {};
}

}  // namespace skep::kernel
