// How accepted messages are answered, one after the other in each conversation.
#include <algorithm>

#include "agent_impl.h"
#include "command_replies.h"
#include "directives.h"
#include "failure_text.h"
#include "persona_wizard.h"
#include "role_gate.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/delegation.h"
#include "skep/model/errand.h"
#include "skep/model/reply.h"
#include "skep/model/room_talk.h"
#include "skep/tools/memory_tools.h"

namespace skep::agent {
namespace {

using memory::TranscriptMessage;
using memory::TranscriptTool;

constexpr std::string_view kOverBudget = "over budget";
constexpr Millis kBackOffFirst{100};
constexpr Millis kBackOffMax{30'000};
constexpr std::size_t kToolTextBytesMax = 4096;  // of arguments and result in the transcript
constexpr std::size_t kLoggedErrorBytes = 500;

// Trying again cannot help.
bool is_final(Code code) {
  return code == Code::kInvalid || code == Code::kTooLarge || code == Code::kUnsupported;
}

}  // namespace

Task<void> AgentImpl::run_lane(Lane* lane) {
  while (!lane->queue.empty() && !closing_.stop_requested()) {
    TurnState& turn = lane->queue.front();  // stays there: others are only added behind it
    bool answered = turn.retracted;
    if (!answered) answered = co_await answer(*lane, turn);
    if (!answered) break;
    open_.erase(turn.message.id.str());
    mailbox_.pop(*lane);
  }
  mailbox_.remove(*lane);
}

Task<void> AgentImpl::run_immediate(TurnState turn) {
  bool answered = co_await answer_immediate(turn);
  if (answered) open_.erase(turn.message.id.str());
  --immediate_;
}

Task<bool> AgentImpl::answer_immediate(TurnState& turn) {
  if (!turn.reply) {
    Decision decision = decide_command(parsed_message(turn.message), turn);
    bool settled = co_await settle(turn, std::move(decision));
    if (!settled) co_return false;
  }
  co_return co_await hand_over(turn);
}

// False: stopped before the end, and the journal keeps the rest.
Task<bool> AgentImpl::answer(Lane& lane, TurnState& turn) {
  ParsedText parsed = parsed_message(turn.message);
  const bool heard = parsed.is_command || may_chat(deps_, turn.message);
  if (!turn.reply) {
    std::optional<Decision> decision;
    std::optional<std::string> barred;
    if (!parsed.is_command) barred = why_no_chat(deps_, config_, turn.message);
    if (barred) {
      decision = Decision{
          .text = *std::move(barred), .failed = true, .command = true, .outcome = "refused"};
    } else if (parsed.is_command) {
      auto files = co_await files_for(turn);
      decision = decide_command(parsed, turn, std::move(files));
      co_await send_offered(turn, *decision);
    } else {
      decision = co_await think(lane, turn, std::move(parsed.text));
    }
    if (!decision) co_return false;
    Decision taken = std::move(*decision);
    const std::string_view outcome = taken.outcome;
    bool settled = co_await settle(turn, std::move(taken));
    if (!settled) co_return false;
    const bool watched =
        !parsed.is_command && debugging_.on(turn.message.conversation, deps_.clock.now());
    if (watched) turn.debug = debug_text(turn);
    turn.trace.finish(turn, config_.name, outcome);
  }
  if (!parsed.is_command && heard) store_answer(turn);
  const bool handed_over = co_await hand_over(turn);
  if (handed_over) compact_later(turn);
  co_return handed_over;
}

// The answer is out; what makes the next one possible costs the person no waiting.
void AgentImpl::compact_later(const TurnState& turn) {
  const Conversation& conversation = turn.message.conversation;
  if (turn.history_budget <= 0 || compacting_.contains(conversation)) return;
  const auto budget = static_cast<std::size_t>(turn.history_budget);
  const std::size_t tokens = turn.history_tokens_max + tokens_at_most(text_of(turn.message.parts)) +
                             tokens_at_most(text_of(turn.reply->parts));
  if (is_short(tokens, budget)) return;
  auto entries = deps_.memory.history(conversation);
  if (!entries) return;
  auto plan = plan_compaction(*entries, budget);
  if (!plan) return;
  compacting_.insert(conversation);
  if (!gate_.spawn("compaction", run_compaction(turn.message, std::move(*plan))))
    compacting_.erase(conversation);
}

Task<void> AgentImpl::run_compaction(Message asked, Compaction what) {
  Ctx ctx = gate_.ctx().with_stop(closing_.get_token()).within(config_.turn_timeout);
  ctx.trace = asked.trace;
  ctx.principal = asked.conversation.peer;
  const std::int64_t messages = what.entries;
  renew(deps_);
  AgentDeps deps = deps_;
  if (llm::Model* light = deps.models == nullptr ? nullptr : deps.models->tier("light"))
    deps.model = *light;
  auto done = co_await compact(std::move(ctx), deps, config_, asked, std::move(what));
  if (done) {
    log::info("agent", "{} older messages of {} are summarised for the model", messages,
              asked.conversation.peer);
  } else {
    log::warn("agent", "the older messages of {} are not summarised: {}", asked.conversation.peer,
              done.error().to_string());
  }
  compacting_.erase(asked.conversation);
}

// Holds one of the places for running turns only while it thinks, so that a channel that is away
// blocks nobody else.
Task<std::optional<AgentImpl::Decision>> AgentImpl::think(Lane& lane, TurnState& turn,
                                                          std::string text) {
  turn.raw = debugging_.raw(turn.message.conversation, deps_.clock.now());
  lane.cancel = std::stop_source();
  lane.cancellable = true;
  Ctx base = gate_.ctx();
  JoinedStop either(base.stop, lane.cancel.get_token());
  Ctx ctx = base.with_stop(either.token());
  ctx.trace = turn.message.trace;
  ctx.principal = turn.message.conversation.peer;
  // Who waits for a delegated turn holds a place already: a second one could be waited for in a
  // circle.
  const bool delegated = delegation_of(turn.message).has_value();
  Result<Semaphore::Permit> permit = Semaphore::Permit();
  if (!delegated) permit = co_await turns_.acquire(ctx);
  std::expected<std::string, Halt> outcome = std::unexpected(Halt{Halt::Why::kCancelled, {}});
  if (closing_.stop_requested() && !lane.cancel.stop_requested()) co_return std::nullopt;
  const Usage before = turn.usage;
  if (permit) {
    TurnStops stops{.ctx = ctx.within(config_.turn_timeout),
                    .cancel = lane.cancel.get_token(),
                    .shutdown = base.stop,
                    .places = &turns_,
                    .place = &*permit};
    renew(deps_);
    AgentDeps deps = deps_;  // the turn may have another model
    Turn run(config_, deps, turn, std::move(text), std::move(stops));
    outcome = co_await run.run();
    turn.read = run.labels();
  } else if (lane.cancel.stop_requested()) {
    (void)open_transcript(deps_, turn.message, text);
  }
  lane.cancellable = false;
  turn.alive = SteadyTime::max();
  stats_.usage += Usage{.input = turn.usage.input - before.input,
                        .output = turn.usage.output - before.output,
                        .cache_read = turn.usage.cache_read - before.cache_read,
                        .cache_write = turn.usage.cache_write - before.cache_write};
  if (!outcome && outcome.error().why == Halt::Why::kShutdown) co_return std::nullopt;
  Decision decision = outcome ? decide_answer(*outcome, turn) : decide_halt(outcome.error(), turn);
  co_return decision;
}

AgentImpl::Decision AgentImpl::decide_answer(std::string_view text, const TurnState& turn) {
  Directives said = directives_in(text);
  if (!said.silent) {
    if (said.text.empty()) said.text = kEmptyText;
    return {.text = std::move(said.text), .chosen = std::move(said.reply_to)};
  }
  send_progress(deps_, turn, Progress::Phase::kReset);
  send_progress(deps_, turn, Progress::Phase::kPaused);
  // Programs wait for an answer; people need none.
  const auto errand = errand_of(turn.message);
  const bool waited_for = (errand && !errand->own) || delegation_of(turn.message);
  return {.text = std::string(waited_for ? kNoReplyText : ""), .outcome = "silent"};
}

AgentImpl::Decision AgentImpl::decide_halt(const Halt& halt, const TurnState& turn) {
  send_progress(deps_, turn, Progress::Phase::kPaused);
  if (halt.why == Halt::Why::kCancelled && turn.hung)
    return {.text = std::string(kHungText), .failed = true, .outcome = "hung"};
  if (halt.why == Halt::Why::kCancelled)
    return {.text = std::string(kCancelledText), .outcome = "cancelled"};
  if (halt.why == Halt::Why::kQuota)
    return {.text = halt.error.message + " /usage shows what was used.",
            .failed = true,
            .outcome = kOverBudget};
  if (halt.why == Halt::Why::kLoop)
    return {.text = halt.error.message, .failed = true, .outcome = "stopped"};
  std::string incident = mint_incident();
  log::warn("agent", "incident {}: turn {}: {}", incident, turn.message.id.str(),
            redact(halt.error.to_string(), kLoggedErrorBytes));
  return {.text = failure_text(halt.error.code, incident), .failed = true, .outcome = "failed"};
}

// Only a persona that is being imported comes as a file.
Task<std::vector<AttachedFile>> AgentImpl::files_for(const TurnState& turn) {
  const bool any = std::ranges::any_of(
      turn.message.parts, [](const Part& part) { return std::holds_alternative<FilePart>(part); });
  if (!any || !deps_.attach || !is_for_wizard(turn.message)) co_return std::vector<AttachedFile>();
  Ctx ctx = gate_.ctx().with_stop(closing_.get_token()).within(config_.turn_timeout);
  Message message = turn.message;
  co_return co_await deps_.attach(std::move(ctx), std::move(message));
}

AgentImpl::Decision AgentImpl::decide_command(const ParsedText& command, const TurnState& turn,
                                              std::vector<AttachedFile> files) {
  renew(deps_);
  const Conversation& conversation = turn.message.conversation;
  Lane* lane = mailbox_.find(conversation);
  std::size_t waiting = lane == nullptr ? 0 : lane->queue.size();
  bool in_lane = lane != nullptr && !lane->queue.empty() && &lane->queue.front() == &turn;
  CommandScope scope{
      .config = config_,
      .deps = deps_,
      .stats = stats(),
      .started = started_,
      .conversation = conversation,
      .message = turn.message,
      .waiting_here = waiting - (in_lane ? 1 : 0),
      .may_manage = room_talk(turn.message).value_or(RoomTalk{.may_manage = true}).may_manage,
      .cancel = [this, &conversation] { return cancel_running(conversation); },
      .debug =
          [this, &conversation](std::string_view arguments) {
            return debugging_.command(arguments, conversation, deps_.clock.now());
          },
      .files = std::move(files)};
  Decision decision{.command = true};
  scope.offer = [&decision](OfferedFile file, std::string said) {
    decision.file = std::move(file);
    decision.said = std::move(said);
  };
  decision.text = answer_command(command, scope);
  return decision;
}

// Where it cannot be sent its words are the answer.
Task<void> AgentImpl::send_offered(const TurnState& turn, Decision& decision) {
  if (!decision.file || !deps_.send_file) co_return;
  Ctx ctx = gate_.ctx().with_stop(closing_.get_token()).within(config_.turn_timeout);
  OfferedFile file = *std::exchange(decision.file, std::nullopt);
  const std::string name = file.name;
  auto sent = co_await deps_.send_file(std::move(ctx), turn.message.conversation,
                                       turn.message.id.str(), std::move(file));
  if (sent)
    decision.text = std::move(decision.said);
  else
    log::info("agent", "{} goes as text: {}", name, sent.error().message);
}

// From here on the answer and its id are fixed.
Task<bool> AgentImpl::settle(TurnState& turn, Decision decision) {
  const Message& asked = turn.message;
  Message reply =
      reply_to(asked, MessageId(mint_ulid()), deps_.clock.now(), std::move(decision.text));
  if (!decision.chosen.empty()) put_chosen(reply, decision.chosen);
  if (delegation_of(asked)) put_taint(reply, turn.read.bits);
  if (errand_of(asked)) {
    put_outcome(reply, {.failed = decision.failed,
                        .over_budget = decision.outcome == kOverBudget,
                        .usage = turn.usage,
                        .cost = turn.cost});
  }
  store::EntryId id(asked.id.str());
  std::string record = reply_record(turn, reply);
  auto journaled =
      co_await journal_step(gate_.ctx(), deps_.journal, std::move(id), std::move(record));
  if (!journaled) {
    log::error("agent", "the answer to {} could not be journaled: {}", asked.id.str(),
               journaled.error().to_string());
    co_return false;
  }
  turn.reply = std::move(reply);
  if (decision.failed) ++stats_.failed;
  co_return true;
}

// Again after a crash is harmless: what the transcript holds is left alone.
void AgentImpl::store_answer(const TurnState& turn) {
  const Conversation& conversation = turn.message.conversation;
  const Message& reply = *turn.reply;
  auto own = [&](const memory::TranscriptEntry& entry) {
    const auto* message = std::get_if<TranscriptMessage>(&entry);
    return message != nullptr && message->msg_id == reply.id.str();
  };
  if (turn.resumed) {
    auto stored = deps_.memory.history(conversation);
    if (stored && std::ranges::any_of(*stored, own)) return;
  }
  std::vector<memory::TranscriptEntry> entries;
  for (std::size_t round = 0; round < turn.rounds.size(); ++round) {
    const std::vector<CallRecord>& calls = turn.rounds[round].calls;
    for (std::size_t number = 0; number < calls.size(); ++number) {
      const CallRecord& record = calls[number];
      if (!record.result) continue;
      authority::Labels labels = record.labels;
      if (const tools::Tool* tool = deps_.toolbox.find(record.call.name)) labels |= tool->taint();
      entries.emplace_back(TranscriptTool{
          .turn = turn.message.id.str(),
          .call = fmt::format("{}.{}/{}", round, number, record.call.id),
          .name = record.call.name,
          .arguments = std::string(cut_utf8(to_json(record.call.arguments), kToolTextBytesMax)),
          .result = std::string(cut_utf8(record.result->text, kToolTextBytesMax)),
          .is_error = record.result->is_error,
          .taint = tools::taint_of(labels),
          .ts = reply.sent_at});
    }
  }
  const std::string text = text_of(reply.parts);
  entries.emplace_back(TranscriptMessage{.role = TranscriptMessage::Role::kAssistant,
                                         .content = text.empty() ? std::string(kNoReplyText) : text,
                                         .msg_id = reply.id.str(),
                                         .ts = reply.sent_at,
                                         .thread = conversation.thread,
                                         .turn = turn.message.id.str(),
                                         .model = turn.model,
                                         .usage = turn.usage,
                                         .taint = tools::taint_of(turn.read)});
  auto appended = deps_.memory.append_all(conversation, entries);
  if (!appended)
    log::warn("agent", "the transcript misses a part of turn {}: {}", turn.message.id.str(),
              appended.error().to_string());
}

// A node that came back under its name has another id.
Result<void> AgentImpl::deliver_reply(const TurnState& turn) {
  Message reply = *turn.reply;
  reply.dst = way_back(turn);
  if (!turn.debug.empty()) reply.parts.emplace_back(TextPart{"\n" + turn.debug});
  Result<void> sent = deps_.out.deliver(reply);
  bool lost = !sent && sent.error().code == Code::kNotFound && turn.message.src_name &&
              reply.dst != Destination(*turn.message.src_name);
  if (!lost) return sent;
  reply.dst = *turn.message.src_name;
  return deps_.out.deliver(std::move(reply));
}

// The channel takes the reply and the turn ends, in one stretch without a wait between.
Task<bool> AgentImpl::hand_over(TurnState& turn) {
  const std::string& id = turn.message.id.str();
  Ctx ctx = gate_.ctx().with_stop(closing_.get_token());
  Millis wait = kBackOffFirst;
  for (bool told = false;; told = true) {
    Result<void> sent = deliver_reply(turn);
    if (sent) {
      ++stats_.replied;
      co_return co_await end_entry(turn);
    }
    if (is_final(sent.error().code)) {
      log::error("agent", "the channel will never take the answer to {}: {}", id,
                 sent.error().to_string());
      co_return co_await end_entry(turn);
    }
    if (!told) log::warn("agent", "the answer to {} waits: {}", id, sent.error().to_string());
    Result<void> slept = co_await sleep_for(ctx, wait);
    if (!slept) co_return false;
    wait = std::min(wait * 2, kBackOffMax);
  }
}

Task<bool> AgentImpl::end_entry(const TurnState& turn) {
  store::EntryId id(turn.message.id.str());
  Ctx ctx = gate_.ctx().with_stop(closing_.get_token());
  Millis wait = kBackOffFirst;
  for (;;) {
    Result<void> ended = deps_.journal.end(id);
    if (ended || ended.error().code == Code::kNotFound) co_return true;
    log::error("agent", "turn {} is answered but could not be ended: {}", id.str(),
               ended.error().to_string());
    Result<void> slept = co_await sleep_for(ctx, wait);
    if (!slept) co_return false;
    wait = std::min(wait * 2, kBackOffMax);
  }
}

}  // namespace skep::agent
