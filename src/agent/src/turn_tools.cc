// The tool calls of a turn: which are run, and when.
#include <algorithm>

#include "bill.h"
#include "failure_text.h"
#include "skep/base/text.h"
#include "turn.h"

namespace skep::agent {
namespace {

bool same_call(const ToolCall& a, const ToolCall& b) {
  return a.name == b.name && a.arguments == b.arguments && a.arguments_error.empty() &&
         b.arguments_error.empty();
}

ToolResult result_for(const ToolCall& call, std::string text, bool is_error) {
  return {.call_id = call.id, .name = call.name, .text = std::move(text), .is_error = is_error};
}

}  // namespace

LoopGuardConfig guard_for(const AgentConfig& config) {
  constexpr int kCallsOfARound = 3;
  LoopGuardConfig guard = config.loop_guard;
  const bool usual = guard.end == LoopGuardConfig{}.end;
  if (usual) guard.end = std::max(guard.end, kCallsOfARound * config.tool_rounds_max);
  return guard;
}

// What an earlier process has let run counts too.
void Turn::recount() {
  for (const Round& round : state_.rounds) {
    for (std::size_t index = 0; index < round.calls.size(); ++index) {
      if (round.calls[index].result && earlier_twin(round, index) == nullptr)
        (void)guard_.check(round.calls[index].call);
    }
  }
}

// The journal holds no pictures: one that a tool had fetched just before the end is fetched again,
// or the model would answer without having seen it.
void Turn::look_again() {
  for (CallRecord& record : state_.rounds.back().calls) {
    const tools::Tool* tool = deps_.toolbox.find(record.call.name);
    if (record.shows && tool != nullptr && tool->repeatable()) record.result.reset();
  }
}

Task<std::expected<void, Halt>> Turn::run_tools(std::size_t round) {
  for (;;) {
    Indices wave = next_wave(state_.rounds[round]);
    if (wave.empty()) co_return std::expected<void, Halt>();
    Indices to_run;
    for (const std::size_t index : wave) {
      if (auto halt = halted()) co_return std::unexpected(*halt);
      Admitted admitted = co_await admit(state_.rounds[round], index);
      if (!admitted) co_return std::unexpected(std::move(admitted).error());
      if (!*admitted) {
        to_run.push_back(index);
        continue;
      }
      ToolResult result = std::move(**admitted);
      const ToolCall& call = state_.rounds[round].calls[index].call;
      state_.trace.tool_call(TurnTrace::now(), fmt::format("{}.{}/{}", round, index, call.id), call,
                             result, "not run");
      auto kept = co_await keep(state_.rounds[round], index, std::move(result));
      if (!kept) co_return std::unexpected(std::move(kept).error());
    }
    auto ran = co_await run_wave(state_.rounds[round], std::move(to_run));
    if (!ran) co_return std::unexpected(std::move(ran).error());
  }
}

// The first call without a result, and those right behind it that may run beside it. A call that
// repeats one of them waits for its result.
Turn::Indices Turn::next_wave(const Round& round) const {
  auto beside = [&](const CallRecord& record) {
    const tools::Tool* tool = deps_.toolbox.find(record.call.name);
    return tool != nullptr && tool->side_by_side();
  };
  // Those that act run beside their own kind only, and those that look are not run before them.
  auto fits = [&](const CallRecord& first, const CallRecord& record) {
    const tools::Tool* tool = deps_.toolbox.find(first.call.name);
    if (!tool->repeatable()) return first.call.name == record.call.name;
    return beside(record) && deps_.toolbox.find(record.call.name)->repeatable();
  };
  Indices wave;
  for (std::size_t index = 0; index < round.calls.size(); ++index) {
    const CallRecord& record = round.calls[index];
    if (record.result) continue;
    const bool repeats = std::ranges::any_of(
        wave, [&](std::size_t at) { return same_call(round.calls[at].call, record.call); });
    if (!wave.empty() && (repeats || !fits(round.calls[wave.front()], record))) break;
    wave.push_back(index);
    if (!beside(record)) break;
  }
  return wave;
}

// Nothing: it may run now.
Task<Turn::Admitted> Turn::admit(Round& round, std::size_t index) {
  CallRecord& record = round.calls[index];
  if (const CallRecord* twin = earlier_twin(round, index))
    co_return result_for(record.call, twin->result->text, twin->result->is_error);
  const tools::Tool* tool = deps_.toolbox.find(record.call.name);
  const bool offered =
      std::ranges::find(specs_, record.call.name, &llm::ToolSpec::name) != specs_.end();
  if (tool != nullptr && !offered) {
    const bool blind = tool->only_shows() && !deps_.model.driver().may_take_images();
    co_return result_for(record.call,
                         blind ? "Not run: this model cannot see images."
                               : "Not run: the persona in use does not have this tool.",
                         true);
  }
  const bool repeatable = tool == nullptr || tool->repeatable();
  LoopGuard::Verdict verdict = guard_.check(record.call);
  if (record.started && !repeatable)
    co_return result_for(record.call, std::string(kLostToolText), true);
  if (verdict.what == LoopGuard::Do::kEnd)
    co_return std::unexpected(Halt{Halt::Why::kLoop, {Code::kExhausted, std::move(verdict.note)}});
  if (verdict.what == LoopGuard::Do::kBlock)
    co_return result_for(record.call, std::move(verdict.note), true);
  record.note = std::move(verdict.note);
  auto refused = co_await may_run(round, index);
  if (!refused || *refused) co_return refused;
  if (!repeatable) {
    auto journaled = co_await journal(tool_start_record(index, record.call.name));
    if (!journaled) co_return std::unexpected(std::move(journaled).error());
  }
  co_return std::nullopt;
}

Task<std::expected<void, Halt>> Turn::run_wave(Round& round, Indices wave) {
  std::vector<std::optional<Halt>> halts(wave.size());
  if (wave.size() == 1) {
    co_await run_call(round, wave.front(), halts.front());
  } else if (!wave.empty()) {
    Gate beside(deps_.loop);
    for (std::size_t i = 0; i < wave.size(); ++i)
      beside.spawn("tool call", run_call(round, wave[i], halts[i]));
    co_await beside.drain(Ctx{});  // each ends with the turn's own Ctx
  }
  for (const std::optional<Halt>& halt : halts) {
    if (halt) co_return std::unexpected(*halt);
  }
  co_return std::expected<void, Halt>();
}

Task<void> Turn::run_call(Round& round, std::size_t index, std::optional<Halt>& halt) {
  CallRecord& record = round.calls[index];
  show(Progress::Phase::kToolStart, record.call.name);
  const auto number = static_cast<std::size_t>(&round - state_.rounds.data());
  // Providers reuse their ids, so ours say which round and which call of it.
  tools::ToolContext context{
      .ctx = stops_.ctx,
      .conversation = state_.message.conversation,
      .turn = state_.message.id.str(),
      .call_id = fmt::format("{}.{}/{}", number, index, record.call.id),
      .delegation = delegation_of(state_.message).value_or(Delegation()),
      .asked = &state_.message,
      .labels = labels_before(number, /*secrets=*/true),
      .payer = payer_of(deps_, config_, state_.message),
      .role = deps_.role_of ? deps_.role_of(state_.message) : std::nullopt,
      .tokens_left = tokens_left(),
      .cost_left = cost_left(),
      .why_not = [this, number, name = record.call.name](const tools::Need& need) {
        return why_not(number, name, need);
      }};
  const auto from = TurnTrace::now();
  const std::string place = context.call_id;
  tools::ToolOutput output = co_await deps_.toolbox.call(std::move(context), record.call);
  halt = halted();  // then there is no result: what happened is not known
  if (halt) co_return;
  record.labels = output.labels;
  state_.usage += output.usage;
  state_.cost += output.cost;
  note_done(record.call, output.is_error);
  if (output.image && deps_.model.driver().takes_images())
    record.image = std::move(output.image);
  else if (output.image)
    output.text += "\n[You cannot see images: this is all there is to know.]";
  record.shows = record.image.has_value();
  show(Progress::Phase::kToolEnd, record.call.name);
  ToolResult result = result_for(record.call, std::move(output.text), output.is_error);
  state_.trace.tool_call(from, place, record.call, result, record.why);
  if (!record.note.empty()) result.text += "\n" + record.note;
  auto kept = co_await keep(round, index, std::move(result));
  if (!kept) halt = std::move(kept).error();
}

Task<std::expected<void, Halt>> Turn::keep(Round& round, std::size_t index, ToolResult result) {
  auto journaled = co_await journal(tool_result_record(index, result, round.calls[index]));
  if (!journaled) co_return std::unexpected(std::move(journaled).error());
  round.calls[index].result = std::move(result);
  co_return std::expected<void, Halt>();
}

// The same call earlier in the same round: one run answers both.
const CallRecord* Turn::earlier_twin(const Round& round, std::size_t index) const {
  for (std::size_t i = 0; i < index; ++i) {
    const CallRecord& earlier = round.calls[i];
    if (earlier.result && same_call(earlier.call, round.calls[index].call)) return &earlier;
  }
  return nullptr;
}

// Rounds in which nothing works any more end the turn before they have used up its purse.
std::optional<Halt> Turn::all_failing() const {
  const auto rounds = static_cast<std::size_t>(config_.loop_guard.failed_rounds);
  if (state_.rounds.size() < rounds) return std::nullopt;
  const std::string* last = nullptr;
  for (auto round = state_.rounds.end() - static_cast<std::ptrdiff_t>(rounds);
       round != state_.rounds.end(); ++round) {
    for (const CallRecord& record : round->calls) {
      if (!record.result || !record.result->is_error) return std::nullopt;
      last = &record.result->text;
    }
  }
  constexpr std::size_t kShownBytes = 200;
  return Halt{Halt::Why::kLoop,
              {Code::kExhausted,
               fmt::format("I stopped: my tools failed {} times in a row. The last one said: {}",
                           rounds, cut_utf8(*last, kShownBytes))}};
}

}  // namespace skep::agent
