#include "sub_agent_run.h"

#include "directives.h"
#include "failure_text.h"
#include "persona_use.h"
#include "principal.h"
#include "read_only_memory.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/errand.h"
#include "skep/model/reply.h"
#include "sub_task.h"
#include "turn.h"

namespace skep::agent {
namespace {

using authority::Action;
using tools::ToolContext;
using tools::ToolOutput;

constexpr std::string_view kManner =
    "You do one task for the agent that gave it to you; your answer goes to it, not to a person. "
    "Nobody can be asked: do what you can, then say what you found, what you did and what is "
    "missing, completely and briefly.";
constexpr std::size_t kPartialBytesMax = 8000;

constexpr std::string_view kNeverLent[] = {"spawn_agent", "agent_spawn", "agent_kill",
                                           "react",       "send_file",   "escalate"};

bool is_withheld(Action action) {
  return action == Action::kMemoryWrite || action == Action::kXmppSend ||
         action == Action::kAgentSpawn || action == Action::kAgentKill ||
         action == Action::kSchedule;
}

std::optional<std::string> withheld(const tools::Tool& tool, const json::value& arguments) {
  for (const tools::Need& need : tool.needs(arguments)) {
    if (is_withheld(need.action))
      return fmt::format(
          "Not done: a sub-agent may not do that ({}). Say in your answer what should be done.",
          authority::action_name(need.action));
  }
  return std::nullopt;
}

class Lent final : public tools::Tool {
 public:
  Lent(const tools::Toolbox& from, const tools::Tool& tool) : from_(from), tool_(tool) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return tool_.spec(); }
  [[nodiscard]] bool repeatable() const override { return tool_.repeatable(); }
  [[nodiscard]] bool side_by_side() const override { return tool_.side_by_side(); }
  [[nodiscard]] std::chrono::milliseconds timeout() const override { return tool_.timeout(); }
  [[nodiscard]] std::vector<tools::Need> needs(const json::value& arguments) const override {
    return tool_.needs(arguments);
  }
  [[nodiscard]] std::string describe(const json::value& arguments) const override {
    return tool_.describe(arguments);
  }
  [[nodiscard]] authority::Labels taint() const override { return tool_.taint(); }
  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    if (auto why = withheld(tool_, arguments)) co_return ToolOutput{*std::move(why), true};
    const ToolCall call{.id = context.call_id, .name = spec().name, .arguments = arguments};
    co_return co_await from_.call(std::move(context), call);
  }

 private:
  const tools::Toolbox& from_;
  const tools::Tool& tool_;
};

// Its steps are its parent's one step.
class NoJournal final : public store::Journal {
 public:
  [[nodiscard]] std::vector<store::JournalEntry> unfinished(std::string_view) const override {
    return {};
  }
  [[nodiscard]] std::vector<std::string> kinds() const override { return {}; }
  Result<void> begin(std::string_view, const store::EntryId&, std::string_view) override {
    return {};
  }
  Result<void> step(const store::EntryId&, std::string_view) override { return {}; }
  Result<void> end(const store::EntryId&) override { return {}; }
  [[nodiscard]] bool contains(const store::EntryId&) const override { return false; }
  [[nodiscard]] std::size_t size() const override { return 0; }
  Result<void> remember(std::string_view, std::string_view) override { return {}; }
  [[nodiscard]] bool remembers(std::string_view, std::string_view) const override { return false; }
  [[nodiscard]] std::vector<std::string> remembered(std::string_view) const override { return {}; }
};

// What its parent sees, but for the texts that a named one has instead.
class SubMemory final : public ReadOnlyMemory {
 public:
  SubMemory(memory::Memory& real, std::string instructions)
      : ReadOnlyMemory(real, {}), instructions_(std::move(instructions)) {}
  [[nodiscard]] memory::WorkspaceTexts texts(const Conversation& c) const override {
    memory::WorkspaceTexts texts = ReadOnlyMemory::texts(c);
    if (instructions_.empty()) return texts;
    texts.identity.clear();
    texts.personality.clear();
    texts.instructions = instructions_;
    return texts;
  }

 private:
  std::string instructions_;
};

// Nobody watches it but whoever must say how far it came.
class Watcher final : public Inbox {
 public:
  Result<void> deliver(Message message) override {
    if (!message.progress) return {};
    const Progress& event = *message.progress;
    if (event.phase == Progress::Phase::kReset) said_.clear();
    if (event.phase == Progress::Phase::kToolStart && !said_.empty()) said_ += "\n";
    if (event.phase == Progress::Phase::kText && said_.size() < kPartialBytesMax)
      said_ += event.text;
    return {};
  }
  [[nodiscard]] std::string_view said() const { return trim(said_); }

 private:
  std::string said_;
};

Message message_of(const ToolContext& context, const SubAgentOrder& order) {
  Message message = *context.asked;
  message.id = MessageId(mint_ulid());
  message.parts = {TextPart{order.task}};
  message.foreign_id.clear();
  message.wants_progress = true;  // for the watcher
  put_sub_task(message, {.turn = context.turn,
                         .call = context.call_id,
                         .agent = order.agent == nullptr ? std::string() : order.agent->name,
                         .labels = context.labels});
  Delegation delegation = context.delegation;  // its parent's turn waits for it
  delegation.chain.push_back(node_of(order.config));
  put_delegation(message, delegation);
  if (auto errand = errand_of(message); errand && context.tokens_left + context.cost_left > 0) {
    if (context.tokens_left > 0) errand->tokens_max = context.tokens_left;
    if (context.cost_left > 0) errand->cost_max = context.cost_left;
    put_errand(message, *errand);
  }
  return message;
}

ConversationSettings settings_of(const SubAgentOrder& order, const Conversation& conversation) {
  ConversationSettings settings;
  if (order.instructions.empty() && order.parent.settings)
    settings = order.parent.settings(conversation);
  settings.context.clear();
  ConversationSettings dressed;  // its parent's persona narrows it too
  dress(order.parent, conversation, dressed);
  settings.tools = std::move(dressed.tools);
  settings.instructions +=
      fmt::format("{}{}", settings.instructions.empty() ? "" : "\n\n", kManner);
  return settings;
}

// Its parent waits for words.
std::string without_directives(std::string_view answer) {
  Directives said = directives_in(answer);
  return said.text.empty() ? std::string(kNoReplyText) : std::move(said.text);
}

std::string why_not(const Halt& halt, const SubAgentOrder& order, bool late) {
  if (late)
    return fmt::format("no answer within {} s",
                       std::chrono::duration_cast<std::chrono::seconds>(order.timeout).count());
  switch (halt.why) {
    case Halt::Why::kShutdown:
    case Halt::Why::kCancelled:
      return "it was stopped";
    case Halt::Why::kQuota:
    case Halt::Why::kLoop:
      return halt.error.message;
    case Halt::Why::kFailed:
      break;
  }
  const std::string incident = mint_incident();
  log::warn("agent", "incident {}: a sub-agent failed: {}", incident, halt.error.to_string());
  return failure_text(halt.error.code, incident);
}

std::string with_partial(std::string why, std::string_view said) {
  std::string text = fmt::format("The sub-agent came to no end: {}", why);
  if (!text.ends_with('.')) text += '.';
  if (said.empty()) return text + " It had said nothing yet.";
  return fmt::format("{} What it had said so far:\n{}", text, cut_utf8(said, kPartialBytesMax));
}

}  // namespace

Result<tools::Toolbox> lend_tools(const tools::Toolbox& parent,
                                  const std::optional<std::vector<std::string>>& skills) {
  tools::Toolbox lent;
  for (const llm::ToolSpec& spec : parent.specs()) {
    if (std::ranges::find(kNeverLent, spec.name) != std::end(kNeverLent)) continue;
    const bool wanted = !skills || std::ranges::any_of(*skills, [&](const std::string& pattern) {
      return authority::glob_match(pattern, spec.name);
    });
    const tools::Tool& tool = *parent.find(spec.name);
    if (!wanted || withheld(tool, json::object())) continue;
    SKEP_TRY_VOID(lent.add(std::make_unique<Lent>(parent, tool)));
  }
  return lent;
}

Task<ToolOutput> run_sub_agent(ToolContext context, SubAgentOrder order) {
  NoJournal journal;
  Watcher watcher;
  SubMemory memory(order.parent.memory, order.instructions);
  const ConversationSettings settings = settings_of(order, context.conversation);
  AgentDeps deps{.loop = order.parent.loop,
                 .model = order.model,
                 .toolbox = order.tools,
                 .memory = memory,
                 .ledger = order.parent.ledger,
                 .journal = journal,
                 .authority = order.parent.authority,
                 .approvals = order.parent.approvals,
                 .audit = order.parent.audit,
                 .out = watcher,
                 .clock = order.parent.clock,
                 .is_admin = order.parent.is_admin,
                 .settings = [&settings](const Conversation&) { return settings; },
                 .role_of = order.parent.role_of,
                 .turn_log = order.parent.turn_log};
  TurnState state{.message = message_of(context, order)};
  const Ctx limited = context.ctx.within(order.timeout);
  TurnStops stops{.ctx = limited, .cancel = context.ctx.stop, .shutdown = {}};
  Turn turn(order.config, deps, state, order.task, std::move(stops));
  auto outcome = co_await turn.run();
  const bool late = !outcome && !limited.check() && context.ctx.check();
  ToolOutput output{
      .text = outcome ? without_directives(*outcome)
                      : with_partial(why_not(outcome.error(), order, late), watcher.said()),
      .is_error = !outcome,
      .labels = turn.labels(),
      .usage = state.usage,
      .cost = state.cost};
  state.reply =
      reply_to(state.message, MessageId(mint_ulid()), order.parent.clock.now(), output.text);
  state.trace.finish(state, order.config.name, late ? "late" : outcome ? "answered" : "failed");
  co_return output;
}

}  // namespace skep::agent
