#include "event_agents.h"

namespace skep::kernel {

Result<void> check_event_agents(const std::vector<channels::PubSubConfig>& nodes,
                                const Agents& agents) {
  for (const channels::PubSubConfig& node : nodes) {
    if (node.agent.empty()) continue;
    Result<AgentEntry> found = agents.find(node.agent);
    // Nodes have the name as it is written, and the channel may be a process that knows no
    // registry.
    if (found && !found->main && found->name != node.agent)
      found = fail(Code::kNotFound, fmt::format("there is no agent \"{}\"; did you mean \"{}\"?",
                                                node.agent, found->name));
    if (!found) {
      return fail(found.error().code, fmt::format("[[pubsub]] {} {}: agent: {}", node.service.str(),
                                                  node.node, found.error().message));
    }
  }
  return {};
}

}  // namespace skep::kernel
