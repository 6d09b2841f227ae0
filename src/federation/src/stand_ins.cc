#include "stand_ins.h"

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/reply.h"
#include "tools.h"

namespace skep::federation {
namespace {

constexpr Millis kAgain{500};

store::EntryId entry_of(const Message& message) {
  return store::EntryId("errand-" + message.id.str());
}

}  // namespace

Result<void> StandInImpl::deliver(Message message) {
  if (message.kind == Kind::kSystem || message.kind == Kind::kProgress) return {};
  if (message.kind != Kind::kUser) return fail(Code::kUnsupported, "an agent takes user messages");
  if (out_ == nullptr) return fail(Code::kUnavailable, "it is not on the fabric yet");
  const std::string text = text_of(message.parts);
  if (trim(text).empty()) return fail(Code::kInvalid, "a task needs words");
  if (trim(text) == "/cancel") return take_back(message), Result<void>();
  if (live_.size() >= kWaitingMax)
    return fail(Code::kExhausted, "too many tasks are under way there");
  auto task = std::make_shared<Job>();
  if (message.src_name) task->src_name = message.src_name->str();
  const json::object begin{
      {"agent", name_}, {"message", to_json_value(message)}, {"src_name", task->src_name}};
  const Result<void> begun = deps_.journal.begin(kErrandKind, entry_of(message), to_json(begin));
  if (!begun && begun.error().code == Code::kExists) return {};
  if (!begun) return begun;
  task->message = std::move(message);
  live_.push_back(task);
  deps_.gate.spawn("agent stand-in", run(std::move(task)));
  return {};
}

// Whoever asked does not wait any more.
void StandInImpl::take_back(const Message& message) {
  const std::string src = message.src_name ? message.src_name->str() : std::string();
  for (const Ptr& task : live_) {
    if (task->src_name == src && task->message.conversation == message.conversation)
      task->cancel.request_stop();
  }
}

void StandInImpl::resume() {
  for (const store::JournalEntry& entry : deps_.journal.unfinished(kErrandKind)) {
    auto task = rebuild(entry);
    if (!task) {
      log::error("federation", "errand {} cannot be resumed and stays in the journal: {}",
                 entry.id.str(), task.error().to_string());
    } else if (*task) {
      live_.push_back(*task);
      deps_.gate.spawn("agent stand-in", run(*std::move(task)));
    }
  }
}

// Null: another one's.
Result<StandInImpl::Ptr> StandInImpl::rebuild(const store::JournalEntry& entry) const {
  SKEP_TRY(const json::value begin, parse_json(entry.steps.at(0)));
  if (get_string(begin, "agent") != name_) return nullptr;
  auto task = std::make_shared<Job>();
  const json::value* message = get_member(begin, "message");
  if (message == nullptr) return fail(Code::kCorrupt, "an errand without its message");
  SKEP_TRY(task->message, message_from_json(*message));
  task->src_name = get_string(begin, "src_name");
  for (std::size_t i = 1; i < entry.steps.size(); ++i) {
    SKEP_TRY(const json::value step, parse_json(entry.steps[i]));
    if (const json::value* reply = get_member(step, "message")) {
      SKEP_TRY(task->reply, message_from_json(*reply));
    }
  }
  return task;
}

Task<void> StandInImpl::run(Ptr task) {
  if (!task->reply) {
    std::optional<std::string> text = co_await answer(*task);
    if (!text) co_return;  // the process ends: the next one goes on
    const Message& asked = task->message;
    Message reply = reply_to(asked, MessageId(mint_ulid()), deps_.clock.now(), *std::move(text));
    const json::object step{{"s", "reply"}, {"message", to_json_value(reply)}};
    if (auto kept = deps_.journal.step(entry_of(asked), to_json(step)); !kept) {
      log::error("federation", "an answer cannot be kept: {}", kept.error().to_string());
      co_return;
    }
    task->reply = std::move(reply);
  }
  co_await hand_over(task);
  std::erase(live_, task);
}

// nullopt: the process is stopping.
Task<std::optional<std::string>> StandInImpl::answer(const Job& task) {
  if (auto may = allowed(task); !may) co_return "Not done: " + may.error().message;
  const Ctx base = deps_.gate.ctx();
  JoinedStop either(base.stop, task.cancel.get_token());
  tools::ToolContext context{.ctx = base.with_stop(either.token()),
                             .conversation = task.message.conversation,
                             .turn = task.message.id.str(),
                             .call_id = "errand"};
  context.ctx.trace = task.message.trace;
  Order order{.agent = name_, .skill = std::string(xmpp::kAskSkill)};
  order.arguments[xmpp::kAskParam] = text_of(task.message.parts);
  const auto result = co_await deps_.delegations.run(std::move(context), std::move(order));
  if (!deps_.gate.ctx().check()) co_return std::nullopt;
  if (!result) co_return "Not done: " + result.error().message;
  co_return in_words(name_, *result).text;
}

// Whoever sent it may send to agents; this is about what leaves the house in its name.
Result<void> StandInImpl::allowed(const Job& task) const {
  SKEP_TRY(const Target target, deps_.catalogues.target(name_));
  const std::string_view src = task.src_name;
  authority::Question question{.principal = {.id = task.message.conversation.peer},
                               .agent = std::string(src.substr(0, src.find('@'))),
                               .action = authority::Action::kRemoteExecute,
                               .resource = resource_of(target.jid, xmpp::kAskSkill),
                               .trace = task.message.trace,
                               .detail = "ask " + name_};
  if (!src.starts_with("AI.")) return {};  // a person of ours, through a channel
  const authority::Decision decision = deps_.authority.authorize(question);
  if (decision.outcome == authority::Decision::Outcome::kAllow) return {};
  return fail(Code::kDenied, decision.reason);
}

Task<void> StandInImpl::hand_over(Ptr task) {
  const auto back = Name::parse(task->src_name);
  for (;;) {
    Message reply = *task->reply;
    if (back) reply.dst = *back;
    const Result<void> sent = out_ == nullptr ? fail(Code::kUnavailable, "not on the fabric")
                                              : out_->deliver(std::move(reply));
    const bool final =
        !sent && (sent.error().code == Code::kInvalid || sent.error().code == Code::kUnsupported);
    if (sent || final || !back) break;
    const Result<void> slept = co_await sleep_for(deps_.gate.ctx(), kAgain);
    if (!slept) co_return;
  }
  (void)deps_.journal.end(entry_of(task->message));
}

}  // namespace skep::federation
