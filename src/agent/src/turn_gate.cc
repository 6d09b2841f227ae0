// Before a tool runs: whether it may, and if need be what a person says to it.
#include <algorithm>
#include <set>

#include "approval_replies.h"
#include "bill.h"
#include "principal.h"
#include "skep/base/log.h"
#include "skep/base/secret.h"
#include "skep/base/text.h"
#include "skep/model/delegation.h"
#include "skep/model/errand.h"
#include "skep/model/reply.h"
#include "skep/model/room_talk.h"
#include "sub_task.h"
#include "turn.h"

namespace skep::agent {

using authority::Action;
using authority::Answer;
using authority::Approval;
using authority::Decision;
using authority::Label;
using authority::Labels;
using authority::Question;
using authority::Verdict;

namespace {

ToolResult refused(const ToolCall& call, std::string why) {
  return {.call_id = call.id, .name = call.name, .text = std::move(why), .is_error = true};
}

bool looks_secret(const std::string& text) { return redact(text, 2 * text.size() + 64) != text; }

// Each result is searched once, however often the turn's labels are asked for.
bool holds_secret(CallRecord& record) {
  if (!record.secret) record.secret = looks_secret(record.result->text);
  return *record.secret;
}

// Several things that a person is asked for at once are one question, and only all of them together
// are what is remembered.
Question together(std::vector<Question> asked) {
  Question all = asked.back();
  std::set<std::string> resources;
  for (Question& one : asked) {
    if (one.action != Action::kToolInvoke || asked.size() == 1)
      resources.insert(std::move(one.resource));
  }
  all.resource = join(std::vector<std::string>(resources.begin(), resources.end()), " ");
  return all;
}

// Its result is what somebody out there wrote.
bool is_page(const tools::Tool& tool, const ToolCall& call) {
  if (!tool.taint().has(Label::kExternalNetwork)) return false;
  return std::ranges::any_of(tool.needs(call.arguments), [](const tools::Need& need) {
    return need.action == Action::kNetConnect;
  });
}

std::string what_came(const Answer& answer) {
  if (answer.verdict == Verdict::kExpired)
    return "Not done: it needs a person's yes, and nobody answered in time. Tell the person.";
  return "Not done: the person said no. Do not try it again or in another way; tell them what you "
         "could not do.";
}

}  // namespace

authority::Principal principal_of(const AgentDeps& deps, const AgentConfig& config,
                                  const Message& message) {
  const auto room = room_talk(message);
  const bool admin = deps.is_admin && deps.is_admin(message.conversation);
  return {.id = payer_of(deps, config, message).person,
          .admin = admin || (room && room->may_manage),
          .role = deps.role_of ? deps.role_of(message) : std::nullopt};
}

std::string node_of(const AgentConfig& config) {
  if (!config.node.empty()) return config.node;
  return std::string(Name::from_label(NodeType::kAgent, config.name, "x").base());
}

std::optional<std::string> why_not_allowed(const AgentDeps& deps, const AgentConfig& config,
                                           const Message& message, const ToolCall& call) {
  const tools::Tool* tool = deps.toolbox.find(call.name);
  if (tool == nullptr || deps.toolbox.refusal(call)) return std::nullopt;  // runs nothing
  Question question{.principal = principal_of(deps, config, message),
                    .agent = node_of(config),
                    .resource = call.name,
                    .trace = message.trace,
                    .detail = call.name};
  std::vector<Question> all{question};
  for (const tools::Need& need : tool->needs(call.arguments)) {
    question.action = need.action;
    question.resource = need.resource;
    all.push_back(question);
  }
  for (const Question& one : all) {
    const Decision decision = deps.authority.authorize(one);
    if (decision.outcome != Decision::Outcome::kAllow) return "Not allowed: " + decision.reason;
  }
  return std::nullopt;
}

// What the model had read when it asked for the calls of this round, in this turn and in what it
// was given of earlier ones. Labels only add up.
Labels Turn::labels_before(std::size_t round, bool secrets) const {
  Labels labels = context_;
  labels |= Label::kUserInput;
  if (const auto errand = errand_of(state_.message); errand && !errand->own)
    labels |= Label::kUntrustedAgent;
  labels |= Labels{taint_in(state_.message).value_or(0)};
  if (const auto task = sub_task_of(state_.message)) labels |= task->labels;
  for (std::size_t i = 0; i < round; ++i) {
    for (CallRecord& record : state_.rounds[i].calls) {
      if (!record.result) continue;
      if (const tools::Tool* tool = deps_.toolbox.find(record.call.name)) labels |= tool->taint();
      labels |= record.labels;
      if (secrets && holds_secret(record)) labels |= Label::kSecret;
    }
  }
  return labels;
}

// Words that a person or a page said as they stand take nothing of ours along.
bool Turn::is_new(const std::string& words, std::size_t round) const {
  // A sub-agent's task is a model's words, not a person's.
  if (!sub_task_of(state_.message) && text_.contains(words)) return false;
  for (const memory::TranscriptEntry& entry : history_) {
    const auto* said = std::get_if<memory::TranscriptMessage>(&entry);
    const bool user = said != nullptr && said->role == memory::TranscriptMessage::Role::kUser;
    if (user && said->content.contains(words)) return false;
  }
  for (std::size_t i = 0; i < round; ++i) {
    for (const CallRecord& record : state_.rounds[i].calls) {
      if (!record.result || record.result->is_error) continue;
      const tools::Tool* tool = deps_.toolbox.find(record.call.name);
      if (tool != nullptr && is_page(*tool, record.call) && record.result->text.contains(words))
        return false;
    }
  }
  return true;
}

std::vector<Question> Turn::questions_of(const tools::Tool& tool, const ToolCall& call,
                                         std::size_t round) const {
  const std::vector<tools::Need> needs = tool.needs(call.arguments);
  const bool leaves = std::ranges::any_of(needs, [](const tools::Need& need) {
    return !need.carries.empty() || need.action == Action::kAgentMessage ||
           need.action == Action::kXmppSend || need.action == Action::kRemoteExecute;
  });
  Question question{.principal = principal_of(deps_, config_, state_.message),
                    .agent = node_of(config_),
                    .action = Action::kToolInvoke,
                    .resource = call.name,
                    .labels = labels_before(round, leaves),
                    .trace = state_.message.trace,
                    .detail = fmt::format("{}: {}", call.name, to_json(call.arguments))};
  std::vector<Question> all{question};
  for (const tools::Need& need : needs) {
    question.action = need.action;
    question.resource = need.resource;
    question.sends = !need.carries.empty() && is_new(need.carries, round);
    all.push_back(question);
  }
  return all;
}

// In the middle of a call nobody can be asked: what would need a yes is refused with words that let
// the model ask for it by itself.
std::optional<std::string> Turn::why_not(std::size_t round, const std::string& tool,
                                         const tools::Need& need) const {
  const Question question{.principal = principal_of(deps_, config_, state_.message),
                          .agent = node_of(config_),
                          .action = need.action,
                          .resource = need.resource,
                          .sends = !need.carries.empty() && is_new(need.carries, round),
                          .labels = labels_before(round, true),
                          .trace = state_.message.trace,
                          .detail = fmt::format("{}: on the way to {}", tool, need.resource)};
  Decision decision = deps_.authority.authorize(question);
  if (decision.outcome == Decision::Outcome::kAllow) return std::nullopt;
  return std::move(decision.reason);
}

Task<Turn::Admitted> Turn::may_run(Round& round, std::size_t index) {
  const ToolCall& call = round.calls[index].call;
  std::string& allowed_by = round.calls[index].why;
  const tools::Tool* tool = deps_.toolbox.find(call.name);
  if (tool == nullptr || deps_.toolbox.refusal(call)) co_return std::nullopt;  // runs nothing
  const auto number = static_cast<std::size_t>(&round - state_.rounds.data());
  std::vector<Question> asked;
  std::string why;
  for (Question& question : questions_of(*tool, call, number)) {
    Decision decision = deps_.authority.authorize(question);
    if (decision.outcome == Decision::Outcome::kDeny) {
      co_return refused(call, fmt::format("Not allowed: {}. Nothing was done, and trying again "
                                          "will not help; tell the person.",
                                          decision.reason));
    }
    if (decision.outcome == Decision::Outcome::kAllow) {
      allowed_by = std::move(decision.reason);
      continue;
    }
    asked.push_back(std::move(question));
    why = std::move(decision.reason);
  }
  if (asked.empty()) co_return std::nullopt;
  if (delegation_of(state_.message)) {
    co_return refused(call, fmt::format("Not done: {}, and nobody can be asked in a turn that "
                                        "another agent asked for. Say so in your answer.",
                                        why));
  }
  Approval approval{.question = together(std::move(asked)),
                    .conversation = state_.message.conversation,
                    .turn = state_.message.id.str(),
                    .call = fmt::format("{}.{}/{}", number, index, call.id),
                    .summary = tool->describe(call.arguments)};
  if (const auto errand = errand_of(state_.message)) {
    if (errand->owner.empty())
      co_return refused(call, "Not done: it needs a person's yes, and there is nobody to ask.");
    approval.question.principal = {.id = errand->owner};
    approval.conversation = {.channel = "xmpp", .peer = errand->owner};
  }
  auto answered = co_await ask_person(std::move(approval), std::move(why));
  if (!answered) co_return std::unexpected(std::move(answered).error());
  allowed_by = "a person said yes";
  if (answered->empty()) co_return std::nullopt;
  co_return refused(call, *std::move(answered));
}

// Empty: they said yes. The turn's clock stands still meanwhile, and its place is free for others.
Task<std::expected<std::string, Halt>> Turn::ask_person(Approval approval, std::string why) {
  const SteadyTime begun = std::chrono::steady_clock::now();
  const std::function<void()> unlisten = deps_.approvals.on_asked(
      [this, call = approval.call, why = std::move(why)](const Approval& shown) {
        const bool ours = shown.turn == state_.message.id.str() && shown.call == call;
        if (ours) send_question(deps_, state_, shown.id, question_text(shown, why));
      });
  state_.alive = SteadyTime::max();
  if (stops_.place != nullptr) stops_.place->release();
  Ctx patient = stops_.ctx;
  patient.deadline = SteadyTime::max();
  auto answer = co_await deps_.approvals.ask(patient, std::move(approval));
  unlisten();
  if (stops_.place != nullptr) {
    auto place = co_await stops_.places->acquire(patient);
    if (!place) co_return std::unexpected(halt_for(std::move(place).error()));
    *stops_.place = std::move(*place);
  }
  if (stops_.ctx.deadline != SteadyTime::max())
    stops_.ctx.deadline += std::chrono::steady_clock::now() - begun;
  if (auto halt = halted()) co_return std::unexpected(*halt);
  show(Progress::Phase::kStarted);
  if (answer && answer->verdict == Verdict::kYes) co_return std::string();
  if (answer) co_return what_came(*answer);
  if (answer.error().code == Code::kUnavailable)
    co_return std::unexpected(Halt{Halt::Why::kShutdown, {}});
  co_return fmt::format("Not done: it needs a person's yes, and they cannot be asked: {}.",
                        answer.error().message);
}

void Turn::note_done(const ToolCall& call, bool failed) {
  authority::AuditEntry entry{.principal = principal_of(deps_, config_, state_.message).id,
                              .agent = node_of(config_),
                              .action = std::string(action_name(Action::kToolInvoke)),
                              .resource = call.name,
                              .outcome = failed ? "failed" : "done",
                              .detail = {},
                              .trace = state_.message.trace};
  if (auto written = deps_.audit.append(std::move(entry)); !written)
    log::error("agent", "what {} came to is not in the audit log: {}", call.name,
               written.error().to_string());
}

}  // namespace skep::agent
