// One agent of the registry, opened: what `skep up` does with a message's first arrival, and what a
// process of its own would do at its start.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "skep/agent/agent.h"
#include "skep/agent/manifest.h"
#include "skep/async/pool.h"
#include "skep/kernel/authority_side.h"
#include "skep/kernel/kernel.h"
#include "skep/tools/result_store.h"

namespace skep::kernel {

class MemorySide;
struct ModelSet;

// How much of its tools an agent may use.
enum class AgentMode : std::uint8_t {
  kObserve = 0,  // none
  kAssist,       // those that only look
  kFull          // all that its manifest grants
};
std::string_view mode_name(AgentMode mode);
std::optional<AgentMode> mode_from(std::string_view name);

// What the agents of one process share. Everything outlives them.
struct AgentHouse {
  Loop& loop;
  Pool& pool;
  net::HttpClient& http;
  store::Journal& journal;
  memory::Ledger& ledger;
  std::function<std::shared_ptr<ModelSet>()> models;  // those in force
  memory::Personas& personas;                         // the house's
  AuthoritySide& authority;
  MemorySide& memory;
  agent::TurnLog* turn_log;  // may be null
  const KernelConfig& config;
  std::function<bool(const Conversation&)> is_admin;
  std::function<std::optional<Role>(const Message&)> role_of;                   // AgentDeps
  std::function<std::string(const Conversation&, std::string_view)> jobs = {};  // AgentDeps
  decltype(agent::AgentDeps::send_file) send_file = {};                         // the same
};

struct AgentPlan {
  agent::Manifest manifest;
  AgentMode mode = AgentMode::kFull;
  std::string journal_kind;
  Inbox& out;  // where it speaks: its port
  // Adds what is this agent's alone (agent_send and its kin): those that `wanted` takes.
  std::function<Result<void>(tools::Toolbox&, const std::function<bool(std::string_view)>& wanted)>
      more_tools = {};
};

// <home>/agents/<name>
std::string agent_directory(const std::string& home, std::string_view name);

// Whether an agent of that manifest and mode has a tool.
bool has_tool(const agent::Manifest& manifest, AgentMode mode, std::string_view tool);
// The model of a manifest; kInvalid when it cannot work (no such provider, no key).
Result<llm::LlmConfig> resolve_model(const agent::Manifest& manifest, const AgentHouse& house);

// Loop thread only. agent().close() first, then it may die.
class OpenAgent {
 public:
  // Some milliseconds, most of them the schemas of the tools; nothing waits.
  static Result<std::unique_ptr<OpenAgent>> open(AgentPlan plan, const AgentHouse& house);
  [[nodiscard]] agent::Agent& agent() { return *agent_; }
  [[nodiscard]] const agent::Manifest& manifest() const { return manifest_; }
  [[nodiscard]] const tools::Toolbox& toolbox() const { return toolbox_; }

 private:
  OpenAgent() = default;
  agent::Manifest manifest_;
  agent::AgentDeps deps(AgentPlan& plan, const AgentHouse& house);
  void renew(agent::AgentDeps& deps, const AgentHouse& house);
  [[nodiscard]] llm::Model& model() const;

  // What it was opened with, or renewed to: the house's set, and a model of its own beside it.
  std::shared_ptr<ModelSet> set_;
  std::shared_ptr<llm::Model> own_model_;
  std::unique_ptr<memory::Personas> personas_;  // of its own
  std::unique_ptr<memory::Memory> memory_;
  std::optional<tools::ResultStore> results_;
  tools::Toolbox toolbox_;
  std::unique_ptr<agent::Agent> agent_;
};

}  // namespace skep::kernel
