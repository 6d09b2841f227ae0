#include "executor.h"

#include "answers.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/errand.h"

namespace skep::federation {

using xmpp::AgentFault;
using xmpp::Element;
using xmpp::ExecResult;
using xmpp::ExecStatus;
using xmpp::Jid;

namespace {

constexpr Millis kAgain{500};  // a full disk, a full agent

// A JSON object or list is given as such.
bool is_json(std::string_view text) {
  const std::string_view inner = trim(text);
  if (inner.empty() || (inner.front() != '{' && inner.front() != '[')) return false;
  return parse_json(inner, {.depth_max = 32}).has_value();
}

}  // namespace

void Executor::restore() {
  for (const store::JournalEntry& entry : deps_.journal.unfinished(kExecutionKind)) {
    auto rebuilt = rebuild(entry);
    if (rebuilt) {
      live_[(*rebuilt)->id] = *rebuilt;
    } else {
      log::error("federation", "execution {} cannot be resumed and stays in the journal: {}",
                 entry.id.str(), rebuilt.error().to_string());
    }
  }
}

void Executor::start() {
  if (!live_.empty()) log::info("federation", "resuming {} executions", live_.size());
  for (const auto& [id, e] : live_) launch(e);
}

Result<void> Executor::accept(Ptr e) {
  if (live_.size() >= deps_.config.running_max)
    return fail(Code::kExhausted, "too many executions are under way");
  SKEP_TRY_VOID(deps_.journal.begin(kExecutionKind, entry_id(*e), begin_record(*e)));
  live_[e->id] = e;
  deps_.counts.add("accepted");
  launch(e);
  return {};
}

Executor::Ptr Executor::find(const std::string& peer, const std::string& exec_id) const {
  for (const auto& [id, e] : live_) {
    if (e->exec_id == exec_id && e->peer() == peer) return e;
  }
  return nullptr;
}

Executor::Ptr Executor::by_id(const std::string& id) const {
  const auto at = live_.find(id);
  return at == live_.end() ? nullptr : at->second;
}

void Executor::again(Execution& e, const Jid& caller) {
  tell(e, e.status());
  if (e.caller == caller || (e.result && e.packed)) return;
  e.caller = caller;
  (void)deps_.journal.step(entry_id(e), caller_record(caller));
}

Result<void> Executor::cancel(Execution& e) {
  if (e.cancel.stop_requested() || e.result) return {};
  SKEP_TRY_VOID(deps_.journal.step(entry_id(e), cancelled_record()));
  e.cancel.request_stop();
  return {};
}

void Executor::launch(const Ptr& e) {
  gate_.spawn("agent execution", run(e));
  if (!e->told && !e->result && e->reply != xmpp::ReplyMode::kSync)
    gate_.spawn("agent execution answer", tell_later(e));
}

Task<void> Executor::run(Ptr e) {
  if (!e->result) {
    std::optional<ExecResult> result = co_await work(e);
    if (!result && !e->result) co_return;  // the process ends: the next one goes on
    if (!e->result) {
      ExecResult decided = *std::move(result);
      const bool kept = co_await decide_surely(e, std::move(decided));
      if (!kept) co_return;
    }
  }
  co_await hand_back(e);
}

// Waiting is announced, so that nobody waits for an answer to an iq for minutes.
Task<void> Executor::tell_later(Ptr e) {
  if (e->reply != xmpp::ReplyMode::kAsync) {
    const auto slept = co_await sleep_for(gate_.ctx(), deps_.config.sync_wait);
    if (!slept) co_return;
  }
  tell(*e, ExecStatus::kAccepted);
}

void Executor::tell(Execution& e, ExecStatus status) {
  if (e.told || (e.result && e.packed)) return;
  const Element answer = answer_to(e, result_of(e, status));
  if (auto kept = deps_.journal.step(entry_id(e), told_record()); !kept) return;
  e.told = true;
  deps_.post.say(answer);
}

bool Executor::needs_person(const Execution& e) const {
  if (!e.confirmed_by.empty()) return false;
  const PeerConfig* peer = deps_.peers.find(e.caller);
  if (peer == nullptr || e.must_ask || peer->confirm == "always") return true;
  return peer->confirm == "effects" && deps_.skills.has_effects(e.skill);
}

// nullopt: the process is stopping.
Task<std::optional<ExecResult>> Executor::work(Ptr e) {
  const Ctx base = gate_.ctx();
  JoinedStop either(base.stop, e->cancel.get_token());
  if (e->cancel.stop_requested()) {  // a process that died had been told
    if (e->skill == xmpp::kAskSkill) stop_agent(*e);
    co_return result_of(*e, ExecStatus::kCancelled);
  }
  Ctx ctx = base.with_stop(either.token());
  ctx.trace = e->id;
  ctx.principal = e->peer();
  if (e->deadline.time_since_epoch().count() > 0)
    ctx = ctx.within(std::max(Millis(1), Millis(e->deadline - deps_.clock.now())));
  if (needs_person(*e)) {
    std::optional<ExecResult> refused = co_await confirm(ctx, e);
    if (refused || e->confirmed_by.empty()) co_return refused;
  }
  const Ctx limited = ctx.within(e->timeout);
  if (e->skill == xmpp::kAskSkill) co_return co_await ask_agent(limited, e);
  co_return co_await run_tool(limited, e);
}

// A result when it may not run; nullopt and confirmed_by when it may.
Task<std::optional<ExecResult>> Executor::confirm(Ctx ctx, Ptr e) {
  e->waits_for_person = true;
  if (e->reply != xmpp::ReplyMode::kSync) tell(*e, ExecStatus::kNeedsConfirmation);
  const Result<authority::Answer> answer = co_await deps_.confirmations.ask(ctx, *e);
  e->waits_for_person = false;
  if (!answer && answer.error().code == Code::kUnavailable)
    co_return std::nullopt;  // it is asked again
  if (!answer) {
    if (auto end = ended(ctx, *e)) co_return end;
    if (gate_.ctx().check()) co_return failure(*e, AgentFault::kDenied, answer.error().message);
    co_return std::nullopt;
  }
  if (answer->verdict == authority::Verdict::kExpired)
    co_return failure(*e, AgentFault::kExpired, "Nobody answered in time; it was not run.");
  if (answer->verdict == authority::Verdict::kNo)
    co_return failure(*e, AgentFault::kDenied, "A person said no; it was not run.");
  (void)deps_.journal.step(entry_id(*e), confirmed_record(answer->by));
  e->confirmed_by = answer->by.empty() ? "a person" : answer->by;
  co_return std::nullopt;
}

// What is to be said when the Ctx has ended; nullopt when it has not, or the process is stopping.
std::optional<ExecResult> Executor::ended(const Ctx& ctx, const Execution& e) const {
  if (!gate_.ctx().check()) return std::nullopt;
  if (e.cancel.stop_requested()) return result_of(e, ExecStatus::kCancelled);
  if (ctx.check()) return std::nullopt;
  return failure(e, AgentFault::kTimeout, "It took too long and was ended.");
}

Task<std::optional<ExecResult>> Executor::run_tool(Ctx ctx, Ptr e) {
  const bool effects = deps_.skills.has_effects(e->skill);
  if (effects && e->started)
    co_return failure(*e, AgentFault::kFailed,
                      "It was interrupted and may or may not have happened; it was not run again.");
  if (effects) {
    auto kept = deps_.journal.step(entry_id(*e), started_record());
    if (!kept) co_return failure(*e, AgentFault::kFailed, "It could not be written down.");
    e->started = true;
  }
  const WallTime begun = deps_.clock.now();
  tools::ToolContext context{
      .ctx = ctx,
      .conversation = {.channel = "agent", .peer = e->peer(), .thread = e->id},
      .turn = e->id,
      .call_id = e->skill,
      .tokens_left = e->tokens_max,
      .cost_left = e->usd_max,
      .whole = true};
  const ToolCall call{.id = e->exec_id, .name = e->skill, .arguments = e->arguments};
  tools::ToolOutput output = co_await deps_.toolbox.call(std::move(context), call);
  if (!gate_.ctx().check()) co_return std::nullopt;
  if (auto end = ended(ctx, *e); end && (output.is_error || e->cancel.stop_requested()))
    co_return end;
  ExecResult result = output.is_error ? failure(*e, AgentFault::kFailed, output.text)
                                      : result_of(*e, ExecStatus::kCompleted);
  if (!output.is_error) {
    const bool json = is_json(output.text);
    result.outputs.push_back({json ? "application/json" : "text/plain", std::move(output.text)});
  }
  const Usage& usage = output.usage;
  result.usage = xmpp::ExecUsage{.input = usage.input + usage.cache_read + usage.cache_write,
                                 .output = usage.output,
                                 .ms = (deps_.clock.now() - begun).count(),
                                 .usd = output.cost};
  co_return result;
}

Message Executor::errand_for(const Execution& e) const {
  Message message;
  message.id = MessageId(e.id);
  message.trace = e.id;
  message.dst = deps_.agent;
  message.kind = Kind::kUser;
  message.sent_at = e.accepted;
  message.conversation = {.channel = "agent", .peer = e.peer(), .thread = e.id};
  message.reply_address = {.from = e.address, .to = e.caller.str()};
  message.wants_progress = true;
  std::string text(get_string(e.arguments, xmpp::kAskParam));
  // No command of ours is meant by a word of another program.
  if (trim(text).starts_with('/')) text = "/" + std::string(trim(text));
  message.parts.emplace_back(TextPart{std::move(text)});
  put_errand(message,
             {.tokens_max = e.tokens_max, .cost_max = e.usd_max, .owner = deps_.config.owner});
  put_role(message, Role::kUser);  // [federation.peers] says what they may; it ends at talking
  return message;
}

// The same id until there is a reply: the agent takes it once.
Task<std::optional<ExecResult>> Executor::ask_agent(Ctx ctx, Ptr e) {
  deps_.confirmations.expect(*e);
  for (;;) {
    Result<void> taken = deps_.out.deliver(errand_for(*e));
    if (taken) break;
    if (taken.error().code != Code::kExhausted && taken.error().code != Code::kUnavailable)
      co_return failure(*e, AgentFault::kFailed, "The agent could not take the task.");
    log::debug("federation", "{} waits: {}", e->id, taken.error().to_string());
    const Result<void> slept = co_await sleep_for(ctx, kAgain);
    if (!slept) co_return ended(ctx, *e);
  }
  while (!e->result) {
    const Result<void> changed = co_await e->changed.wait(ctx);
    if (changed || e->result) continue;
    std::optional<ExecResult> end = ended(ctx, *e);
    if (end) stop_agent(*e);
    co_return end;
  }
  co_return e->result;
}

void Executor::stop_agent(const Execution& e) {
  Message stop = errand_for(e);
  stop.id = MessageId(mint_ulid());
  stop.wants_progress = false;
  stop.parts = {TextPart{"/cancel"}};
  if (auto sent = deps_.out.deliver(std::move(stop)); !sent)
    log::warn("federation", "a turn goes on in vain: {}", sent.error().to_string());
}

Result<void> Executor::take_reply(const Message& reply) {
  const Ptr e = by_id(reply.in_reply_to.str());
  if (!e || e->result) return {};  // cancelled, or too late
  const Outcome outcome = outcome_of(reply).value_or(Outcome());
  const std::string text = ::skep::text_of(reply.parts);
  const AgentFault why = outcome.over_budget ? AgentFault::kQuotaExceeded : AgentFault::kFailed;
  ExecResult result =
      outcome.failed ? failure(*e, why, text) : result_of(*e, ExecStatus::kCompleted);
  if (!outcome.failed) result.outputs.push_back({"text/plain", text});
  const Usage& usage = outcome.usage;
  result.usage = xmpp::ExecUsage{.input = usage.input + usage.cache_read + usage.cache_write,
                                 .output = usage.output,
                                 .ms = (deps_.clock.now() - e->accepted).count(),
                                 .usd = outcome.cost};
  return decide(*e, std::move(result));
}

void Executor::take_progress(const Message& message) {
  const Ptr e = by_id(message.in_reply_to.str());
  if (!e || !e->told || e->result || !message.progress) return;
  if (message.progress->phase != Progress::Phase::kToolStart) return;
  if (++e->progress_seq > kProgressMax) return;
  Element note = message_to(*e, fmt::format("{}-p{}", e->id, e->progress_seq));
  note.add(xmpp::to_element(xmpp::ExecProgress{
      .exec_id = e->exec_id, .seq = e->progress_seq, .text = "uses " + message.progress->text}));
  note.add(Element("store", std::string(xmpp::kNsHints)));
  deps_.post.say(std::move(note));
}

ExecResult Executor::result_of(const Execution& e, ExecStatus status) const {
  return {.skill = e.skill, .exec_id = e.exec_id, .status = status};
}

ExecResult Executor::failure(const Execution& e, AgentFault fault, std::string text) const {
  const bool expired = fault == AgentFault::kExpired;
  ExecResult result = result_of(e, expired ? ExecStatus::kExpired : ExecStatus::kFailed);
  result.error = xmpp::AgentError{fault, std::move(text)};
  return result;
}

Result<void> Executor::decide(Execution& e, ExecResult result) {
  result = deps_.outputs.bounded(std::move(result));
  SKEP_TRY_VOID(deps_.journal.step(entry_id(e), result_record(result)));
  deps_.counts.add(xmpp::exec_status_name(result.status));
  e.result = std::move(result);
  e.packed = deps_.outputs.fits(*e.result);
  e.changed.notify_all();
  if (deps_.audit) deps_.audit(e, xmpp::exec_status_name(e.result->status));
  return {};
}

Task<bool> Executor::decide_surely(Ptr e, ExecResult result) {
  for (;;) {
    const Result<void> decided = decide(*e, result);
    if (decided) co_return true;
    log::error("federation", "the result of {} cannot be kept: {}", e->id,
               decided.error().to_string());
    const Result<void> slept = co_await sleep_for(gate_.ctx(), kAgain);
    if (!slept) co_return false;
  }
}

// Uploading takes a while; the asker is told meanwhile that it has been accepted.
Task<bool> Executor::packed_surely(Ptr e) {
  if (e->packed) co_return true;
  if (deps_.outputs.fits(*e->result)) co_return e->packed = true;
  const Ctx ctx = gate_.ctx();
  std::optional<ExecResult> result =
      co_await deps_.outputs.pack(ctx, *e->result, fmt::format("{}-{}", e->skill, e->id));
  if (!result) co_return false;
  if (auto kept = deps_.journal.step(entry_id(*e), packed_record(*result)); !kept)
    log::warn("federation", "the result of {} is packed again after a restart: {}", e->id,
              kept.error().to_string());
  e->result = *std::move(result);
  co_return e->packed = true;
}

Task<void> Executor::hand_back(Ptr e) {
  const bool packed = co_await packed_surely(e);
  if (!packed) co_return;
  Element answer = answer_to(*e, *e->result);
  const auto told = co_await deps_.post.deliver(gate_.ctx(), std::move(answer));
  if (!told) co_return;
  deps_.confirmations.finished(*e);
  const auto kept = co_await deps_.archive.put(gate_.ctx(), *e);
  if (!kept) {
    log::error("federation", "the result of {} stays in the journal: {}", e->id,
               kept.error().to_string());
    co_return;
  }
  (void)deps_.journal.end(entry_id(*e));
  live_.erase(e->id);
}

json::array Executor::list() const {
  json::array all;
  for (const auto& [id, e] : live_) {
    all.push_back(json::object{{"id", id},
                               {"caller", e->peer()},
                               {"skill", e->skill},
                               {"exec_id", e->exec_id},
                               {"status", xmpp::exec_status_name(e->status())}});
  }
  return all;
}

}  // namespace skep::federation
