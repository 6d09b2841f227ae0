#include "skep/agent/sub_agents.h"

#include <map>

#include "skep/base/text.h"
#include "skep/tools/spec.h"
#include "sub_agent_run.h"

namespace skep::agent {
namespace {

using tools::ToolContext;
using tools::ToolOutput;

constexpr std::string_view kDelegate = "delegate";  // to agents of other domains
constexpr std::size_t kShownBytes = 300;
constexpr std::size_t kDescriptionBytes = 200;
constexpr std::size_t kNameBytesMax = 64;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

// The keys of an agent with a jid are [federation]'s, but for what it is for.
void read_agent(ConfigSection section, const std::string& name, SubAgentsConfig& config) {
  if (!is_name(name)) return section.problem("", "an agent's name is 1 to 64 of A-Z a-z 0-9 . _ -");
  NamedAgent agent{.name = name, .remote = section.has("jid")};
  section.read("description", agent.description);
  if (!agent.remote) {
    section.read("model", agent.model);
    section.read("persona", agent.persona);
    section.read("instructions", agent.instructions);
    section.read("max_tokens", agent.max_tokens, {.min = 1, .max = 1'000'000});
    section.read_duration("timeout", std::chrono::seconds(1), agent.timeout);
    if (std::vector<std::string> skills; section.read("skills", skills))
      agent.skills = std::move(skills);
  }
  config.agents.push_back(std::move(agent));
}

std::string help_of(const std::vector<const NamedAgent*>& agents) {
  std::string help =
      "Give a part of your work to a sub-agent and get its answer. It knows only the task: say all "
      "that it needs. It has your tools, but cannot write memory or message people. Several calls "
      "in one answer run at once.";
  if (agents.empty()) return help;
  help += " agent_name:";
  for (const NamedAgent* agent : agents) {
    help += fmt::format("{} {}", agent == agents.front() ? "" : ";", agent->name);
    if (!agent->description.empty())
      help += fmt::format(" ({})", cut_utf8(agent->description, kDescriptionBytes));
    if (agent->remote) help += " [another organisation's]";
  }
  return help + ".";
}

llm::ToolSpec spec_of(const std::vector<const NamedAgent*>& agents) {
  json::object properties{
      {"task", json::object{{"type", "string"}, {"minLength", 1}}},
      {"timeout_seconds", json::object{{"type", "integer"},
                                       {"minimum", 1},
                                       {"maximum", SubAgentsConfig::timeout_max.count()}}}};
  if (!agents.empty()) {
    json::array names;
    for (const NamedAgent* agent : agents) names.emplace_back(agent->name);
    properties["agent_name"] = json::object{{"type", "string"}, {"enum", std::move(names)}};
  }
  return tools::make_spec("spawn_agent", help_of(agents), to_json(properties), {"task"});
}

// Counts who works for a conversation.
struct Places {
  explicit Places(std::size_t count) : free(count) {}
  Semaphore free;
  std::size_t users = 0;
};

class SpawnAgent final : public tools::Tool {
 public:
  SpawnAgent(SubAgentsConfig config, AgentConfig parent, AgentDeps deps, ModelsNow models,
             const tools::Toolbox& toolbox)
      : config_(std::move(config)),
        parent_(std::move(parent)),
        deps_(std::move(deps)),
        models_(std::move(models)),
        toolbox_(toolbox) {
    std::vector<const NamedAgent*> offered;
    for (const NamedAgent& agent : config_.agents) {
      if (!agent.remote || toolbox_.find(kDelegate) != nullptr) offered.push_back(&agent);
    }
    spec_ = spec_of(offered);
  }
  Result<void> prepare(const PersonaText& persona);

  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  // It costs, and its tools may act.
  [[nodiscard]] bool repeatable() const override { return false; }
  [[nodiscard]] bool side_by_side() const override { return true; }
  // The turn's own limit and that of the call hold; those who wait for a place need longer.
  [[nodiscard]] std::chrono::milliseconds timeout() const override {
    return SubAgentsConfig::timeout_max * 2;
  }
  [[nodiscard]] std::vector<tools::Need> needs(const json::value& arguments) const override {
    const NamedAgent* agent = named(get_string(arguments, "agent_name"));
    const tools::Tool* delegate = toolbox_.find(kDelegate);
    if (agent == nullptr || !agent->remote || delegate == nullptr) return {};
    return delegate->needs(for_delegate(*agent, get_string(arguments, "task")));
  }
  [[nodiscard]] std::string describe(const json::value& arguments) const override {
    const std::string_view name = get_string(arguments, "agent_name");
    return fmt::format("have {} do this: {}", name.empty() ? "a sub-agent" : name,
                       cut_utf8(get_string(arguments, "task"), kShownBytes));
  }
  Task<ToolOutput> call(ToolContext context, json::object arguments) override;

 private:
  static json::object for_delegate(const NamedAgent& agent, std::string_view task) {
    return {{"agent", agent.name}, {"task", task}};
  }
  [[nodiscard]] const NamedAgent* named(std::string_view name) const {
    const auto found = std::ranges::find(config_.agents, name, &NamedAgent::name);
    return name.empty() || found == config_.agents.end() ? nullptr : &*found;
  }
  Task<ToolOutput> run(ToolContext context, const NamedAgent* agent, json::object arguments);
  [[nodiscard]] static llm::ModelRef model_of(const NamedAgent* agent, const AgentDeps& parent,
                                              llm::Models* named);
  Result<std::shared_ptr<const tools::Toolbox>> tools_for(const NamedAgent* agent);

  SubAgentsConfig config_;
  AgentConfig parent_;
  AgentDeps deps_;
  ModelsNow models_;
  const tools::Toolbox& toolbox_;
  llm::ToolSpec spec_;
  std::map<std::string, std::string, std::less<>> instructions_;  // by name, of those that have any
  struct LentTools {
    std::size_t out_of = 0;  // so many that the parent had then
    std::shared_ptr<const tools::Toolbox> tools;
  };
  std::map<std::string, LentTools, std::less<>> lent_;  // by name; making them takes milliseconds
  std::map<Conversation, std::shared_ptr<Places>> working_;
};

Result<void> SpawnAgent::prepare(const PersonaText& persona) {
  std::shared_ptr<const void> held;
  llm::Models* models = models_ ? models_(held) : nullptr;
  for (const NamedAgent& agent : config_.agents) {
    const std::string where = fmt::format("[llm.agents.{}] ", agent.name);
    if (!agent.model.empty() && models == nullptr)
      return fail(Code::kInvalid, where + "model: there are no models to choose from");
    if (!agent.model.empty()) {
      if (auto model = models->named(agent.model); !model)
        return fail(std::move(model).error().in(where + "model"));
    }
    std::string text;
    if (!agent.persona.empty()) {
      auto found = persona ? persona(agent.persona) : std::nullopt;
      if (!found)
        return fail(Code::kInvalid,
                    fmt::format("{}persona: there is no persona \"{}\"", where, agent.persona));
      text = *std::move(found);
    }
    if (!trim(agent.instructions).empty())
      text += fmt::format("{}{}", text.empty() ? "" : "\n\n", trim(agent.instructions));
    if (!text.empty()) instructions_[agent.name] = std::move(text);
  }
  return {};
}

// `named`: where models of [llm.agents.*] are found.
llm::ModelRef SpawnAgent::model_of(const NamedAgent* agent, const AgentDeps& parent,
                                   llm::Models* named) {
  if (agent == nullptr || agent->model.empty() || named == nullptr)
    return parent.models == nullptr ? parent.model : llm::ModelRef(parent.models->usual());
  auto model = named->named(agent->model);
  return model ? llm::ModelRef(**model) : parent.model;
}

// A toolbox that grew meanwhile is lent anew.
Result<std::shared_ptr<const tools::Toolbox>> SpawnAgent::tools_for(const NamedAgent* agent) {
  LentTools& lent = lent_[agent == nullptr ? std::string() : agent->name];
  if (lent.tools && lent.out_of == toolbox_.specs().size()) return lent.tools;
  SKEP_TRY(tools::Toolbox fresh,
           lend_tools(toolbox_, agent == nullptr ? std::nullopt : agent->skills));
  lent = {toolbox_.specs().size(), std::make_shared<const tools::Toolbox>(std::move(fresh))};
  return lent.tools;
}

Task<ToolOutput> SpawnAgent::call(ToolContext context, json::object arguments) {
  if (context.asked == nullptr) co_return ToolOutput{"Not possible outside of a turn.", true};
  const NamedAgent* agent = named(get_string(arguments, "agent_name"));
  const Conversation conversation = context.conversation;
  std::shared_ptr<Places>& entry = working_[conversation];
  if (!entry) entry = std::make_shared<Places>(config_.at_once);
  const std::shared_ptr<Places> places = entry;
  ++places->users;
  ToolOutput output{"The sub-agent was stopped before it had begun.", true};
  {
    auto place = co_await places->free.acquire(context.ctx);
    if (place) output = co_await run(std::move(context), agent, std::move(arguments));
  }
  if (--places->users == 0) working_.erase(conversation);
  co_return output;
}

Task<ToolOutput> SpawnAgent::run(ToolContext context, const NamedAgent* agent,
                                 json::object arguments) {
  std::string task(trim(get_string(arguments, "task")));
  const bool own_time = agent != nullptr && agent->timeout > Millis(0);
  Millis timeout = own_time ? agent->timeout : config_.timeout;
  if (const auto wish = get_int(arguments, "timeout_seconds"))
    timeout = std::chrono::seconds(*wish);
  if (agent != nullptr && agent->remote) {
    const ToolCall call{.id = context.call_id,
                        .name = std::string(kDelegate),
                        .arguments = for_delegate(*agent, task)};
    if (own_time || arguments.contains("timeout_seconds"))
      context.ctx = context.ctx.within(timeout);
    ToolOutput output = co_await toolbox_.call(std::move(context), call);
    if (const tools::Tool* delegate = toolbox_.find(kDelegate)) output.labels |= delegate->taint();
    co_return output;
  }
  auto tools = tools_for(agent);
  if (!tools) co_return ToolOutput{"The sub-agent cannot start: " + tools.error().message, true};
  AgentConfig config = parent_;
  config.tool_rounds_max = config_.tool_rounds_max;
  config.turn_tokens_max = config_.tokens_max;
  if (agent != nullptr) config.answer_tokens_max = agent->max_tokens;
  AgentDeps parent = deps_;
  renew(parent);
  std::shared_ptr<const void> held;  // what `named` is in
  llm::Models* named = models_ ? models_(held) : nullptr;
  const auto texts = instructions_.find(agent == nullptr ? std::string() : agent->name);
  SubAgentOrder order{.config = config,
                      .parent = parent,
                      .tools = **tools,
                      .model = model_of(agent, parent, named),
                      .agent = agent,
                      .instructions = texts == instructions_.end() ? "" : texts->second,
                      .task = std::move(task),
                      .timeout = timeout};
  co_return co_await run_sub_agent(std::move(context), std::move(order));
}

}  // namespace

SubAgentsConfig SubAgentsConfig::read(ConfigSection root) {
  SubAgentsConfig config;
  ConfigSection agent = root.child("agent");
  agent.read("allow_subagents", config.allowed);
  agent.read("max_concurrent_subagents", config.at_once, {.min = 1, .max = 64});
  agent.read_duration("subagent_timeout", std::chrono::seconds(1), config.timeout);
  agent.read("subagent_tool_rounds", config.tool_rounds_max, {.min = 0, .max = 100});
  agent.read("subagent_tokens", config.tokens_max, {.min = 0});
  if (config.timeout <= Millis(0) || config.timeout > timeout_max)
    agent.problem("subagent_timeout", fmt::format("must be 1 to {}", timeout_max.count()));
  ConfigSection agents = root.child("llm").child("agents");
  const std::vector<std::string> names = agents.child_names();
  if (names.size() > agents_max)
    agents.problem("", fmt::format("there are more than {}", agents_max));
  for (const std::string& name : names) read_agent(agents.child(name), name, config);
  return config;
}

Result<void> add_sub_agents(tools::Toolbox& toolbox, const SubAgentsConfig& config,
                            const AgentConfig& parent, AgentDeps deps, ModelsNow models,
                            const PersonaText& persona) {
  if (!config.allowed) return {};
  auto tool =
      std::make_unique<SpawnAgent>(config, parent, std::move(deps), std::move(models), toolbox);
  SKEP_TRY_VOID(tool->prepare(persona));
  return toolbox.add(std::move(tool));
}

}  // namespace skep::agent
