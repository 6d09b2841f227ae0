// agent_send, agent_spawn, agent_list, agent_find, agent_kill, agent_activate: what agents may do
// with each other.
#include "agents_impl.h"
#include "skep/base/text.h"
#include "skep/model/delegation.h"
#include "skep/model/event_depth.h"
#include "skep/model/reply.h"
#include "skep/tools/spec.h"

namespace skep::kernel {
namespace {

using authority::Action;
using tools::ToolContext;
using tools::ToolOutput;

constexpr std::size_t kListedMax = 100;
constexpr std::size_t kShownBytes = 300;
constexpr std::chrono::seconds kSendTimeout{600};
constexpr std::string_view kAgentParam =
    R"("agent":{"type":"string","minLength":1,"maxLength":256,)"
    R"("description":"its name, as agent_list says it"})";

ToolOutput failure(std::string_view what, const Error& error) {
  return {fmt::format("{}: {}.", what, error.message), true};
}

int depth_of(const ToolContext& context) {
  return context.asked == nullptr ? 0 : event_depth_of(*context.asked);
}

// A question that an agent puts to another on behalf of the same person. The chain is part of its
// thread, so that no two turns of one chain ever wait for the same lane.
Message question_of(const ToolCaller& caller, const Name& self, const Name& to,
                    const ToolContext& context, std::string text, WallTime now) {
  const Conversation& from = context.conversation;
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = context.ctx.trace;
  message.dst = to;
  message.sent_at = now;
  message.conversation = {.channel = "agent", .peer = from.peer, .thread = from.thread};
  if (context.delegation.chain.empty())
    message.conversation.thread =
        fmt::format("{} {} via {}", from.channel, from.thread, caller.name);
  else
    message.conversation.thread += ">" + caller.name;
  Delegation delegation = context.delegation;
  delegation.chain.push_back(self.str());
  put_delegation(message, delegation);
  put_taint(message, context.labels.bits);
  if (context.role) put_role(message, *context.role);
  put_event_depth(message, depth_of(context));
  message.parts = {TextPart{std::move(text)}};
  return message;
}

std::string line_of(const AgentEntry& entry, std::string_view description) {
  return fmt::format("- {} ({}, {}){}{}", entry.name, state_name(entry.state),
                     mode_name(entry.mode), description.empty() ? "" : ": ",
                     cut_utf8(description, 200));
}

bool mentions(std::string_view text, std::string_view query) {
  return to_lower_ascii(text).contains(query);
}

bool matches(const AgentEntry& entry, const agent::Manifest& manifest, std::string_view query) {
  const auto any = [&](const std::vector<std::string>& list) {
    return std::ranges::any_of(list, [&](const std::string& one) { return mentions(one, query); });
  };
  return mentions(entry.name, query) || mentions(manifest.description, query) ||
         any(manifest.tags) || (manifest.tools && any(*manifest.tools));
}

}  // namespace

// The tools of one agent.
class AgentTools {
 public:
  AgentTools(AgentsImpl& all, ToolCaller caller) : all_(all), caller_(std::move(caller)) {}

  Task<ToolOutput> send(ToolContext context, json::object arguments);
  Task<ToolOutput> spawn(ToolContext context, json::object arguments);
  Task<ToolOutput> list(ToolContext context, json::object arguments);
  Task<ToolOutput> find(ToolContext context, json::object arguments);
  Task<ToolOutput> kill(ToolContext context, json::object arguments);
  Task<ToolOutput> activate(ToolContext context, json::object arguments);

  // As capabilities name an agent: ours by its name, another hive's by its node.
  std::string resource(std::string_view agent) const {
    agent = trim(agent);
    if (agent.starts_with("AI.") && agent.ends_with("@" + all_.deps().house.config.hive))
      agent = agent.substr(0, agent.rfind('@'));
    if (agent.starts_with("AI.") && !agent.contains('@')) agent.remove_prefix(3);
    const auto entry = all_.find(agent);
    return entry ? entry->name : std::string(agent);
  }

 private:
  // Where a question goes.
  Result<Name> target(std::string_view agent) const {
    if (agent.contains('@')) {
      SKEP_TRY(Name name, Name::parse(agent));
      const bool here = name.hive() == all_.deps().house.config.hive;
      if (name.type() != NodeType::kAgent) return fail(Code::kInvalid, "that is no agent's node");
      if (here) return target(name.base().substr(3));
      return name;
    }
    if (agent.starts_with("AI.")) agent.remove_prefix(3);
    auto entry = all_.find(agent);
    if (entry) return all_.node(*entry);
    // Not one of ours; another process may be the node of that name.
    auto name = Name::parse(fmt::format("AI.{}", agent), all_.deps().house.config.hive);
    const auto snapshot = all_.deps().router.snapshot();
    const bool there = name && std::ranges::any_of(snapshot->routes, [&](const auto& route) {
                         return route.name == name->str();
                       });
    if (!there) return fail(std::move(entry).error());
    return *name;
  }

  AgentsImpl& all_;
  ToolCaller caller_;
};

Task<ToolOutput> AgentTools::send(ToolContext context, json::object arguments) {
  const std::string agent(trim(get_string(arguments, "agent")));
  if (context.delegation.chain.size() >= Delegation::depth_max) {
    co_return ToolOutput{
        fmt::format("Not sent: agents may ask each other {} deep, and this would be deeper. Answer "
                    "with what you have.",
                    Delegation::depth_max),
        true};
  }
  const auto self = all_.find(caller_.name);
  if (!self) co_return failure("Not sent", self.error());
  const auto asked = all_.find(agent);
  if (asked && asked->id == self->id) co_return ToolOutput{"Not sent: that is yourself.", true};
  auto to = target(agent);
  if (!to) co_return failure("Not sent", to.error());
  if (asked && !asked->main) {
    // Over a link the question would wait for it.
    if (auto takes = takes_messages(*asked); !takes)
      co_return failure(fmt::format("No answer from {}", agent), takes.error());
  }
  const Name own = all_.node(*self);
  Message message =
      question_of(caller_, own, *to, context, std::string(get_string(arguments, "message")),
                  all_.deps().clock.now());
  auto answer = co_await all_.calls().ask(context.ctx, *caller_.out, std::move(message));
  if (!answer) co_return failure(fmt::format("No answer from {}", agent), answer.error());
  if (answer->ended) co_return ToolOutput{fmt::format("{}: {}", agent, answer->text), true};
  co_return ToolOutput{std::move(answer->text), false, answer->labels};
}

Task<ToolOutput> AgentTools::spawn(ToolContext context, json::object arguments) {
  SpawnRequest request{.manifest = std::string(get_string(arguments, "manifest_toml")),
                       .parent = caller_.name,
                       .event_depth = depth_of(context)};
  auto entry = co_await all_.spawn(std::move(request));
  if (!entry) co_return failure("Not spawned", entry.error());
  co_return ToolOutput{
      fmt::format("Spawned {} (id {}). Ask it with agent_send.", entry->name, entry->id.str()),
      false};
}

Task<ToolOutput> AgentTools::list(ToolContext, json::object) {
  std::string text;
  std::size_t shown = 0;
  const std::vector<AgentEntry> entries = all_.list();
  for (const AgentEntry& entry : entries) {
    if (entry.name == caller_.name) continue;
    if (++shown > kListedMax) break;
    const auto manifest = all_.manifest_of(entry);
    text += line_of(entry, manifest ? manifest->description : "") + "\n";
  }
  if (shown > kListedMax)
    text += fmt::format("({} more; agent_find narrows it down)\n", entries.size() - 1 - kListedMax);
  co_return ToolOutput{text.empty() ? "There are no other agents." : std::move(text), false};
}

Task<ToolOutput> AgentTools::find(ToolContext, json::object arguments) {
  const std::string query = to_lower_ascii(trim(get_string(arguments, "query")));
  std::string text;
  std::size_t shown = 0;
  for (const AgentEntry& entry : all_.list()) {
    if (entry.name == caller_.name) continue;
    const auto manifest = all_.manifest_of(entry);
    if (!matches(entry, manifest ? *manifest : agent::Manifest(), query)) continue;
    if (++shown > kListedMax) break;
    text += line_of(entry, manifest ? manifest->description : "") + "\n";
  }
  co_return ToolOutput{text.empty() ? "No agent matches." : std::move(text), false};
}

Task<ToolOutput> AgentTools::kill(ToolContext context, json::object arguments) {
  const auto entry = all_.find(trim(get_string(arguments, "agent")));
  if (!entry) co_return failure("Not ended", entry.error());
  if (entry->name == caller_.name)
    co_return ToolOutput{"Not ended: an agent cannot end itself.", true};
  auto killed = co_await all_.kill(entry->name, caller_.name, depth_of(context));
  if (!killed) co_return failure("Not ended", killed.error());
  co_return ToolOutput{fmt::format("{} is ended.", entry->name), false};
}

// What a person has suspended stays so until a person says otherwise.
Task<ToolOutput> AgentTools::activate(ToolContext, json::object arguments) {
  const auto entry = all_.find(trim(get_string(arguments, "agent")));
  if (!entry) co_return failure("Not activated", entry.error());
  if (entry->state == AgentState::kRunning)
    co_return ToolOutput{fmt::format("{} is running.", entry->name), false};
  if (entry->state == AgentState::kTerminated)
    co_return ToolOutput{"Not activated: it was given up, and a person has to look at it.", true};
  if (entry->state == AgentState::kSuspended)
    co_return ToolOutput{"Not activated: a person has suspended it.", true};
  auto done = co_await all_.activate(entry->name);
  if (!done) co_return failure("Not activated", done.error());
  co_return ToolOutput{fmt::format("{} is running.", done->name), false};
}

namespace {

class AgentTool final : public tools::Tool {
 public:
  using Work = Task<ToolOutput> (AgentTools::*)(ToolContext, json::object);
  AgentTool(llm::ToolSpec spec, std::optional<Action> action, Work work,
            std::shared_ptr<AgentTools> on)
      : spec_(std::move(spec)), action_(action), work_(work), on_(std::move(on)) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  // What only looks asks for nothing.
  [[nodiscard]] bool repeatable() const override { return !action_; }
  [[nodiscard]] bool side_by_side() const override { return !action_; }
  [[nodiscard]] std::chrono::milliseconds timeout() const override {
    return action_ ? kSendTimeout : Tool::timeout();
  }
  [[nodiscard]] std::vector<tools::Need> needs(const json::value& arguments) const override {
    if (!action_) return {};
    if (*action_ == Action::kAgentSpawn) return {{*action_, {}}};
    return {{*action_, on_->resource(get_string(arguments, "agent"))}};
  }
  [[nodiscard]] std::string describe(const json::value& arguments) const override {
    const std::string agent = on_->resource(get_string(arguments, "agent"));
    if (spec_.name == "agent_spawn") return "make another agent";
    if (spec_.name == "agent_send")
      return fmt::format("ask the agent {}: {}", agent,
                         cut_utf8(get_string(arguments, "message"), kShownBytes));
    return fmt::format("{} the agent {}", spec_.name == "agent_kill" ? "end" : "start", agent);
  }
  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const std::shared_ptr<AgentTools> on = on_;
    co_return co_await ((*on).*work_)(std::move(context), std::move(arguments));
  }

 private:
  llm::ToolSpec spec_;
  std::optional<Action> action_;
  Work work_;
  std::shared_ptr<AgentTools> on_;
};

struct Described {
  std::string_view name, help, properties;
  std::optional<Action> action;
  AgentTool::Work work;
};

std::vector<Described> all_tools() {
  static const std::string agent = fmt::format("{{{}}}", kAgentParam);
  static const std::string send =
      fmt::format(R"({{{},"message":{{"type":"string","minLength":1}}}})", kAgentParam);
  return {{"agent_send", "Ask another agent and wait for its answer.", send, Action::kAgentMessage,
           &AgentTools::send},
          {"agent_spawn",
           "Make a new agent from a TOML manifest: name, description, [model] system_prompt, "
           "[capabilities] tools. It can have nothing that you lack.",
           R"({"manifest_toml":{"type":"string","minLength":1}})", Action::kAgentSpawn,
           &AgentTools::spawn},
          {"agent_list", "The other agents here, and what they are for.", "{}", std::nullopt,
           &AgentTools::list},
          {"agent_find", "Agents whose name, description, tags or tools contain a text.",
           R"({"query":{"type":"string","minLength":1}})", std::nullopt, &AgentTools::find},
          {"agent_kill", "End an agent for good.", agent, Action::kAgentKill, &AgentTools::kill},
          {"agent_activate", "Start an agent that has crashed.", agent, Action::kAgentKill,
           &AgentTools::activate}};
}

}  // namespace

std::vector<std::string> AgentsImpl::tool_names() const {
  std::set<std::string> names;
  for (const Described& one : all_tools()) names.emplace(one.name);
  if (main_tools_ != nullptr) {
    for (const llm::ToolSpec& spec : main_tools_->specs()) names.insert(spec.name);
  }
  return {names.begin(), names.end()};
}

Result<void> AgentsImpl::add_tools(tools::Toolbox& toolbox, const ToolCaller& caller,
                                   const std::function<bool(std::string_view)>& wanted) {
  auto on = std::make_shared<AgentTools>(*this, caller);
  for (const Described& one : all_tools()) {
    if (!wanted(one.name)) continue;
    json::array required;
    if (one.name == "agent_send") required = {"agent", "message"};
    if (one.name == "agent_spawn") required = {"manifest_toml"};
    if (one.name == "agent_find") required = {"query"};
    if (one.name == "agent_kill" || one.name == "agent_activate") required = {"agent"};
    llm::ToolSpec spec = tools::make_spec(std::string(one.name), std::string(one.help),
                                          one.properties, std::move(required));
    SKEP_TRY_VOID(
        toolbox.add(std::make_unique<AgentTool>(std::move(spec), one.action, one.work, on)));
  }
  return {};
}

Result<void> AgentsImpl::add_main_tools(tools::Toolbox& toolbox) {
  main_tools_ = &toolbox;
  if (config_.main_tools == "off") return {};
  const bool now = config_.main_tools == "on" || !slots_.empty();
  main_toolbox_ = now ? nullptr : &toolbox;
  if (!now) return {};
  return add_tools(toolbox, {.name = main_.name, .main = true, .out = &deps_.main_out},
                   [](std::string_view) { return true; });
}

}  // namespace skep::kernel
