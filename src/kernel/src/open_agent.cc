#include "skep/kernel/open_agent.h"

#include "built_in_personas.h"
#include "house_tools.h"
#include "memory_side.h"
#include "model_side.h"
#include "skep/base/log.h"

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
Result<llm::LlmConfig> resolve_way(const ModelWay& way, const AgentHouse& house,
                                   const ModelSet& set) {
  llm::LlmConfig config = set.choice.config;
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
  return llm::choose_named(std::move(config), *set.catalogue, env_for(way));
}

bool is_house_model(const Manifest& manifest) {
  return manifest.model.is_default() && manifest.fallbacks.empty() && !manifest.max_tokens &&
         !manifest.temperature;
}

Result<std::shared_ptr<llm::Model>> open_own_model(const Manifest& manifest,
                                                   const AgentHouse& house) {
  SKEP_TRY(llm::LlmConfig config, resolve_model(manifest, house));
  SKEP_TRY(auto model,
           llm::Model::open(std::move(config), {.loop = house.loop, .http = house.http}));
  return std::shared_ptr<llm::Model>(std::move(model));
}

agent::ModelsNow models_now(const AgentHouse& house) {
  return [&house](std::shared_ptr<const void>& held) {
    const std::shared_ptr<ModelSet> set = house.models();
    held = set;
    return set->tiers.get();
  };
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
  const std::shared_ptr<ModelSet> set = house.models();
  auto config = resolve_way(manifest.model, house, *set);
  if (!config) return fail(std::move(config).error().in("[model]"));
  if (manifest.model.is_default()) config->fallbacks = set->choice.config.fallbacks;
  for (const ModelWay& way : manifest.fallbacks) {
    auto fallback = resolve_way(way, house, *set);
    if (!fallback) return fail(std::move(fallback).error().in("[[fallback_models]]"));
    config->fallbacks.push_back(*std::move(fallback));
  }
  if (manifest.max_tokens) config->max_tokens_per_request = *manifest.max_tokens;
  if (manifest.temperature) config->temperature = manifest.temperature;
  return config;
}

llm::Model& OpenAgent::model() const { return own_model_ ? *own_model_ : *set_->model; }

// A model of its own that cannot be opened by what the house says now stays as it is.
void OpenAgent::renew(agent::AgentDeps& deps, const AgentHouse& house) {
  if (set_ != house.models()) {
    auto own = own_model_ ? open_own_model(manifest_, house)
                          : Result<std::shared_ptr<llm::Model>>(nullptr);
    if (own) own_model_ = *std::move(own);
    if (!own)
      log::warn("kernel", "agent {} keeps its model: {}", manifest_.name, own.error().message);
    set_ = house.models();
  }
  if (personas_) {
    memory::PersonasConfig personas = house.config.personas;
    personas.usual.clear();
    personas_->use(std::move(personas));
  }
  deps.model = model();
  deps.models = manifest_.model.is_default() ? set_->tiers.get() : nullptr;
  using Both = std::pair<std::shared_ptr<ModelSet>, std::shared_ptr<llm::Model>>;
  deps.models_held = std::make_shared<const Both>(set_, own_model_);
}

agent::AgentDeps OpenAgent::deps(AgentPlan& plan, const AgentHouse& house) {
  agent::AgentDeps deps{
      .loop = house.loop,
      .model = model(),
      .toolbox = toolbox_,
      .memory = *memory_,
      .ledger = house.ledger,
      .journal = house.journal,
      .authority = house.authority.authority(),
      .approvals = house.authority.approvals(),
      .audit = house.authority.audit(),
      .out = plan.out,
      .clock = Clock::system(),
      .status_lines =
          [this](bool) {
            return std::vector<std::string>{"Model: " + model().driver().describe()};
          },
      .is_admin = house.is_admin,
      .settings = [this](const Conversation&) { return settings_of(manifest_); },
      .journal_kind = std::move(plan.journal_kind),
      .jobs = house.jobs,
      .role_of = house.role_of,
      .models = manifest_.model.is_default() ? set_->tiers.get() : nullptr,
      .models_held = set_,
      .renew = [this, &house](agent::AgentDeps& now) { renew(now, house); },
      .turn_log = house.turn_log};
  deps.personas = personas_                       ? personas_.get()
                  : manifest_.personas == "house" ? &house.personas
                                                  : nullptr;
  deps.personas_behind = true;
  deps.send_file = house.send_file;
  return deps;
}

Result<std::unique_ptr<OpenAgent>> OpenAgent::open(AgentPlan plan, const AgentHouse& house) {
  std::unique_ptr<OpenAgent> open(new OpenAgent());
  open->manifest_ = std::move(plan.manifest);
  const Manifest& manifest = open->manifest_;
  open->set_ = house.models();
  if (!is_house_model(manifest)) {
    SKEP_TRY(open->own_model_, open_own_model(manifest, house));
  }
  memory::MemoryConfig memory = house.config.memory;
  memory.path = agent_directory(house.config.home, manifest.name) + "/memory";
  const std::string root = memory.path;
  SKEP_TRY(open->memory_, memory::Memory::open(std::move(memory)));

  if (manifest.personas == "own") {
    memory::PersonasConfig personas = house.config.personas;
    personas.usual.clear();  // it is one of the house's
    SKEP_TRY(open->personas_, memory::Personas::open(std::move(personas), root, {}));
  }
  open->results_.emplace([raw = open->memory_.get()](const Conversation& conversation) {
    return raw->directory(conversation);
  });
  llm::Model& model = open->model();
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
  agent::AgentDeps deps = open->deps(plan, house);
  if (wanted("spawn_agent")) {
    SKEP_TRY_VOID(agent::add_sub_agents(open->toolbox_, house.config.sub_agents, config, deps,
                                        models_now(house), persona_texts(house.personas)));
  }
  SKEP_TRY(open->agent_, agent::Agent::open(std::move(config), std::move(deps)));
  return open;
}

}  // namespace skep::kernel
