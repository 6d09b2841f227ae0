// Sub-agents: an agent gives parts of its work to others that live as long as the part takes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skep/agent/agent.h"
#include "skep/llm/tiers.h"

namespace skep::agent {

// [llm.agents.<name>]
struct NamedAgent {
  std::string name;
  std::string description;   // for whoever chooses among them
  std::string model;         // a tier, "provider:model" or an alias; empty: the parent's
  std::string persona;       // whose texts it has
  std::string instructions;  // behind the persona's
  // Tools of its parent that it has, names or globs; none: all of them.
  std::optional<std::vector<std::string>> skills;
  int max_tokens = 0;                   // of one answer; 0: the model's
  std::chrono::milliseconds timeout{};  // 0: SubAgentsConfig::timeout
  // It has a jid and lives in another domain ([federation]): the task goes there, and of the above
  // only name and description are ours.
  bool remote = false;
};

// [agent] allow_subagents and its kin, [llm.agents.*]
struct SubAgentsConfig {
  static constexpr std::size_t agents_max = 64;
  static constexpr std::chrono::seconds timeout_max{3600};

  bool allowed = true;                         // [agent] allow_subagents
  std::size_t at_once = 3;                     // max_concurrent_subagents, in one conversation
  std::chrono::milliseconds timeout{120'000};  // subagent_timeout, where a call names none
  int tool_rounds_max = 10;                    // subagent_tool_rounds
  std::int64_t tokens_max = 100'000;           // subagent_tokens: all its model calls; 0: no limit
  std::vector<NamedAgent> agents;

  static SubAgentsConfig read(ConfigSection root);
};

// What a persona of the house says, for [llm.agents.*] that have one; nullopt: there is none.
using PersonaText = std::function<std::optional<std::string>(const std::string& id)>;

// Where models of [llm.agents.*] are found now; null: nowhere. Puts what holds them into `held`.
using ModelsNow = std::function<llm::Models*(std::shared_ptr<const void>& held)>;

// Adds spawn_agent to `toolbox`: a task, run with a history of its own on the tools of `toolbox`
// but for those that write memory, speak to people or make agents, and with no more rights. It is
// paid for by whoever the turn answers and its parent. Several calls of one answer run at the same
// time; a further one waits. A call that a crash interrupted is not run again.
// `deps` are the parent's, with `toolbox` as its toolbox, which keeps them. kInvalid naming the
// agent whose model cannot work or whose persona is not there. Nothing is added where sub-agents
// are not allowed.
Result<void> add_sub_agents(tools::Toolbox& toolbox, const SubAgentsConfig& config,
                            const AgentConfig& parent, AgentDeps deps, ModelsNow models,
                            const PersonaText& persona);

}  // namespace skep::agent
