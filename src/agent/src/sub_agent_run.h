// One sub-agent at its task.
#pragma once

#include "skep/agent/sub_agents.h"

namespace skep::agent {

// The tools of `parent` that sub-agents have: not what makes agents, and of the others those that
// `skills` takes. They run through `parent`, with its limits; a call that would write memory, speak
// to people or make an agent is refused. `parent` outlives it.
Result<tools::Toolbox> lend_tools(const tools::Toolbox& parent,
                                  const std::optional<std::vector<std::string>>& skills);

// Everything outlives the run.
struct SubAgentOrder {
  const AgentConfig& config;  // limits; names are its parent's
  const AgentDeps& parent;
  const tools::Toolbox& tools;  // lent
  llm::ModelRef model;
  const NamedAgent* agent;   // null: none of [llm.agents.*]
  std::string instructions;  // instead of its parent's texts; empty: those
  std::string task;
  std::chrono::milliseconds timeout{};
};
// Never fails: what does is an output with is_error, which keeps what it had said so far.
Task<tools::ToolOutput> run_sub_agent(tools::ToolContext context, SubAgentOrder order);

}  // namespace skep::agent
