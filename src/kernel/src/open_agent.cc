#include "skep/kernel/open_agent.h"

#include "built_in_personas.h"
#include "house_tools.h"
#include "memory_side.h"

namespace skep::kernel {
namespace {

using agent::Manifest;
using agent::ModelWay;

constexpr std::string_view kModes[] = {"observe", "assist", "full"};
// What only looks.
constexpr std::string_view kAssistTools[] = {
    "memory_search", "knowledge_query", "task_list",  "file_read",  "file_list",   "memory_recall",
    "web_fetch",     "web_search",      "agent_list", "agent_find", "system_time", "result_read"};

bool is_program_tool(std::string_view tool) {
  return tool == "shell_exec" || tool.starts_with("process_");
}

// Nothing of the environment goes to an endpoint that the manifest itself chose, but the variable
// that it names.
EnvLookup env_for(const ModelWay& way) {
  if (way.base_url.empty()) return process_env();
  return [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
}

Result<void> take_key(llm::LlmConfig& config, const ModelWay& way) {
  const auto key = process_env()(way.api_key_env);
  if (!key || key->empty())
    return fail(Code::kInvalid, fmt::format("api_key_env {} is not set", way.api_key_env));
  config.api_key = Secret(*key);
  return {};
}

// The house's limits and, where it is the same provider at the same place, its keys.
Result<llm::LlmConfig> resolve_way(const ModelWay& way, const AgentHouse& house) {
  llm::LlmConfig config = house.chosen;
  config.fallbacks.clear();
  if (way.is_default()) return config;
  const bool same = way.provider.empty() || way.provider == config.provider;
  if (!same || !way.base_url.empty() || !way.api_key_env.empty()) {
    config.api_key = Secret();
    config.more_keys.clear();
  }
  if (!same || !way.base_url.empty()) config.base_url = way.base_url;
  if (!same) config.provider = way.provider;
  config.model = way.model.empty() && same ? config.model : way.model;
  config.wire.reset();
  config.info.reset();
  config.max_tokens_per_request = house.config.llm.max_tokens_per_request;
  if (!way.api_key_env.empty()) SKEP_TRY_VOID(take_key(config, way));
  return llm::choose_named(std::move(config), *house.config.catalogue, env_for(way));
}

bool is_house_model(const Manifest& manifest) {
  return manifest.model.is_default() && manifest.fallbacks.empty() && !manifest.max_tokens &&
         !manifest.temperature;
}

agent::ConversationSettings settings_of(const Manifest& manifest) {
  return {.personality = manifest.system_prompt};
}

}  // namespace

std::string_view mode_name(AgentMode mode) { return kModes[static_cast<std::size_t>(mode)]; }
std::optional<AgentMode> mode_from(std::string_view name) {
  const auto* at = std::ranges::find(kModes, name);
  if (at == std::end(kModes)) return std::nullopt;
  return static_cast<AgentMode>(at - std::begin(kModes));
}

std::string agent_directory(const std::string& home, std::string_view name) {
  return fmt::format("{}/agents/{}", home, name);
}

bool has_tool(const Manifest& manifest, AgentMode mode, std::string_view tool) {
  if (mode == AgentMode::kObserve) return false;
  if (mode == AgentMode::kAssist && std::ranges::find(kAssistTools, tool) == std::end(kAssistTools))
    return false;
  if (manifest.exec_policy == agent::ExecPolicy::kDeny && is_program_tool(tool)) return false;
  return manifest.lists_allow(tool) &&
         manifest.grants().allow(authority::Action::kToolInvoke, tool);
}

Result<llm::LlmConfig> resolve_model(const Manifest& manifest, const AgentHouse& house) {
  auto config = resolve_way(manifest.model, house);
  if (!config) return fail(std::move(config).error().in("[model]"));
  if (manifest.model.is_default()) config->fallbacks = house.chosen.fallbacks;
  for (const ModelWay& way : manifest.fallbacks) {
    auto fallback = resolve_way(way, house);
    if (!fallback) return fail(std::move(fallback).error().in("[[fallback_models]]"));
    config->fallbacks.push_back(*std::move(fallback));
  }
  if (manifest.max_tokens) config->max_tokens_per_request = *manifest.max_tokens;
  if (manifest.temperature) config->temperature = manifest.temperature;
  return config;
}

Result<std::unique_ptr<OpenAgent>> OpenAgent::open(AgentPlan plan, const AgentHouse& house) {
  std::unique_ptr<OpenAgent> open(new OpenAgent());
  open->manifest_ = std::move(plan.manifest);
  const Manifest& manifest = open->manifest_;
  if (!is_house_model(manifest)) {
    SKEP_TRY(llm::LlmConfig config, resolve_model(manifest, house));
    SKEP_TRY(open->own_model_,
             llm::Model::open(std::move(config), {.loop = house.loop, .http = house.http}));
  }
  memory::MemoryConfig memory = house.config.memory;
  memory.path = agent_directory(house.config.home, manifest.name) + "/memory";
  SKEP_TRY(open->memory_, memory::Memory::open(std::move(memory)));

  open->results_.emplace([raw = open->memory_.get()](const Conversation& conversation) {
    return raw->directory(conversation);
  });
  llm::Model& model = open->own_model_ ? *open->own_model_ : house.model;
  const bool programs = manifest.exec_policy != agent::ExecPolicy::kAllowlist ||
                        !house.config.shell_tools.allowed_commands.empty();
  const auto wanted = [&](std::string_view tool) {
    return has_tool(manifest, plan.mode, tool) && (programs || !is_program_tool(tool));
  };
  SKEP_TRY_VOID(add_house_tools(
      open->toolbox_, {.config = house.config,
                       .http = house.http,
                       .pool = house.pool,
                       .results = *open->results_,
                       .model = model,
                       .folder = manifest.workspace.empty() ? manifest.name : manifest.workspace,
                       .remembered = house.memory.tools_of(
                           manifest.name, *open->memory_,
                           agent_directory(house.config.home, manifest.name) + "/index", plan.out),
                       .wanted = wanted}));
  if (plan.more_tools) SKEP_TRY_VOID(plan.more_tools(open->toolbox_, wanted));

  open->toolbox_.limit_calls(static_cast<std::size_t>(manifest.tool_calls_per_minute));
  house.ledger.limit_agent(manifest.name, manifest.limits());
  agent::AgentConfig config = house.config.agent;
  config.name = manifest.name;
  config.node = "AI." + manifest.name;
  agent::AgentDeps deps{
      .loop = house.loop,
      .model = model,
      .toolbox = open->toolbox_,
      .memory = *open->memory_,
      .ledger = house.ledger,
      .journal = house.journal,
      .authority = house.authority.authority(),
      .approvals = house.authority.approvals(),
      .audit = house.authority.audit(),
      .out = plan.out,
      .clock = Clock::system(),
      .status_lines =
          [&model](bool) {
            return std::vector<std::string>{"Model: " + model.driver().describe()};
          },
      .is_admin = house.is_admin,
      .settings = [raw = open.get()](const Conversation&) { return settings_of(raw->manifest_); },
      .journal_kind = std::move(plan.journal_kind),
      .jobs = house.jobs,
      .role_of = house.role_of,
      .models = manifest.model.is_default() ? &house.models : nullptr,
      .turn_log = house.turn_log};
  if (wanted("spawn_agent")) {
    SKEP_TRY_VOID(agent::add_sub_agents(open->toolbox_, house.config.sub_agents, config, deps,
                                        &house.models, persona_texts(house.personas)));
  }
  SKEP_TRY(open->agent_, agent::Agent::open(std::move(config), std::move(deps)));
  return open;
}

}  // namespace skep::kernel
