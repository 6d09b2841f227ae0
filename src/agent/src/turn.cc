#include "turn.h"

#include <algorithm>

#include "bill.h"
#include "claims.h"
#include "compact.h"
#include "directives.h"
#include "failure_text.h"
#include "persona_use.h"
#include "retry.h"
#include "skep/agent/repair.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/errand.h"
#include "sub_task.h"
#include "tier_choice.h"

namespace skep::agent {
namespace {

using llm::ChatMessage;
using llm::Role;
using llm::StopReason;

constexpr int kContinuationsMax = 3;
constexpr std::size_t kShrunkResultBytes =
    4000;  // of each tool result, after the model said that its context is exceeded
constexpr int kBudgetMin = 500;  // tokens of history that are left when a window is very small
constexpr std::size_t kFramingTokens = 500;  // roles, tool syntax and our estimate's error

// What is left of the model's window for history.
int history_budget(const AgentDeps& deps, const llm::ToolSpecs& tools, std::size_t system_tokens,
                   int wanted) {
  const llm::LlmConfig& config = deps.model.config();
  auto window = static_cast<std::int64_t>(deps.model.driver().context_window_tokens());
  if (window <= 0) return wanted;
  std::size_t fixed = system_tokens + kFramingTokens;
  for (const llm::ToolSpec& tool : tools) {
    fixed +=
        llm::estimate_tokens(tool.description) + llm::estimate_tokens(tool.input_schema.text());
  }
  std::int64_t left = window - static_cast<std::int64_t>(fixed) - config.max_tokens_per_request;
  return static_cast<int>(std::clamp<std::int64_t>(left, kBudgetMin, std::max(kBudgetMin, wanted)));
}

std::string text_in(const std::vector<Part>& parts) {
  std::string text;
  for (const Part& part : parts) {
    if (const auto* piece = std::get_if<TextPart>(&part)) text += piece->text;
  }
  return text;
}

std::string shortened(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  return fmt::format("{}\n[cut: {} bytes in all]", cut_utf8(text, bytes_max), text.size());
}

int answer_tokens(const AgentConfig& config, const ConversationSettings& settings,
                  const llm::LlmConfig& llm) {
  int tokens = llm.max_tokens_per_request;
  for (const int limit : {config.answer_tokens_max, settings.answer_tokens_max})
    if (limit > 0) tokens = std::min(tokens, limit);
  return tokens;
}

}  // namespace

Turn::Turn(const AgentConfig& config, AgentDeps& deps, TurnState& state, std::string text,
           TurnStops stops)
    : config_(config),
      deps_(deps),
      state_(state),
      text_(std::move(text)),
      stops_(std::move(stops)),
      guard_(guard_for(config)) {}

Task<std::expected<std::string, Halt>> Turn::run() {
  show(Progress::Phase::kStarted);
  state_.trace.begin(deps_.turn_log, deps_.clock.now());
  co_await take_files();
  if (auto halt = halted()) co_return std::unexpected(*halt);
  history_ = open_transcript(deps_, state_.message, text_);
  state_.history_tokens_max = tokens_at_most(history_);
  if (is_retry(state_.message) && !room_talk(state_.message)) drop_last_exchange(history_, text_);
  if (deps_.settings) settings_ = deps_.settings(state_.message.conversation);
  dress(deps_, state_.message.conversation, settings_);
  choose_model();
  const bool sees = deps_.model.driver().may_take_images();
  specs_ = escalation_checked(offered(deps_.toolbox.specs(sees), settings_), deps_);
  state_.trace.offer(specs_);
  state_.trace.set(settings_);
  prepare(settings_.history_token_budget > 0 ? settings_.history_token_budget
                                             : deps_.model.config().history_token_budget);
  int fitting = history_budget(deps_, specs_, llm::estimate_tokens(prompt_.system), budget_);
  // Again only where something must be left out.
  if (fitting < budget_ && state_.history_tokens_max > static_cast<std::size_t>(fitting))
    prepare(fitting);
  budget_ = std::min(budget_, fitting);
  state_.history_budget = budget_;
  if (!state_.rounds.empty()) {
    look_again();
    recount();
    auto finished =
        co_await run_tools(state_.rounds.size() - 1);  // what the last process left open
    if (!finished) co_return std::unexpected(finished.error());
  }
  for (;;) {
    bool tools_allowed = state_.rounds.size() < static_cast<std::size_t>(config_.tool_rounds_max);
    auto response = co_await ask(tools_allowed);
    if (!response) co_return std::unexpected(response.error());
    state_.usage += response->usage;
    state_.model = response->model;
    llm::Response taken = std::move(*response);
    auto step = co_await advance(std::move(taken), tools_allowed);
    if (!step) co_return std::unexpected(step.error());
    if (step->answer) co_return std::move(*step->answer);
  }
}

// Once for all calls of the turn, so that what the provider has cached of it stays of use.
void Turn::choose_model() {
  const bool pictures =
      std::ranges::any_of(
          state_.message.parts,
          [](const Part& part) { return std::holds_alternative<ImagePart>(part); }) ||
      std::ranges::any_of(files_, [](const AttachedFile& file) { return file.image.has_value(); });
  TierChoice choice = choose_tier(deps_, {.conversation = state_.message.conversation,
                                          .persona_tier = settings_.tier,
                                          .effort = {.newest = text_, .messages = history_.size()},
                                          .pictures = pictures});
  deps_.model = choice.model;
  state_.trace.set_tier(std::move(choice.tier), std::move(choice.why));
}

// Before the transcript, which names what was found and not what was announced.
Task<void> Turn::take_files() {
  const bool any = std::ranges::any_of(state_.message.parts, [](const Part& part) {
    return std::holds_alternative<FilePart>(part);
  });
  if (!deps_.attach || !any) co_return;
  files_ = co_await deps_.attach(stops_.ctx, state_.message);
  auto taken = files_.begin();
  for (Part& part : state_.message.parts) {
    if (taken == files_.end()) break;
    if (auto* file = std::get_if<FilePart>(&part)) *file = (taken++)->file;
  }
}

void Turn::prepare(int budget) {
  budget_ = budget;
  PromptInput input{.agent_name = config_.name,
                    .texts = deps_.memory.texts(state_.message.conversation),
                    .tools = specs_,
                    .history = std::move(history_),  // lent, see below
                    .newest = {TextPart{text_}},
                    .files = files_,
                    .now = deps_.clock.now(),
                    .time_zone = config_.time_zone,
                    .channel = state_.message.conversation.channel,
                    .peer = state_.message.conversation.peer,
                    .room = sub_task_of(state_.message) ? std::nullopt : room_talk(state_.message),
                    .settings = settings_,
                    .history_token_budget = budget};
  for (const Part& part : state_.message.parts) {
    const bool known = std::holds_alternative<TextPart>(part) ||
                       (!files_.empty() && std::holds_alternative<FilePart>(part));
    if (!known) input.newest.push_back(part);
  }
  prompt_ = assemble(input);
  context_ |= prompt_.labels;
  history_ = std::move(input.history);
}

std::vector<ChatMessage> Turn::messages() const {
  std::vector<ChatMessage> messages = prompt_.messages;
  for (const Round& round : state_.rounds) {
    messages.push_back({Role::kAssistant, round.parts});
    ChatMessage results{Role::kUser, {}};
    for (const CallRecord& record : round.calls) {
      if (!record.result) continue;
      ToolResult result = *record.result;
      result.text = shortened(result.text, result_bytes_max_);
      results.parts.emplace_back(std::move(result));
    }
    for (const CallRecord& record : round.calls) {
      if (!record.image) continue;
      results.parts.emplace_back(TextPart{fmt::format("[The image of {}]", record.call.name)});
      results.parts.emplace_back(*record.image);
    }
    messages.push_back(std::move(results));
  }
  std::ranges::copy(tail_, std::back_inserter(messages));
  repair(messages);
  return messages;
}

Task<std::expected<llm::Response, Halt>> Turn::ask(bool tools_allowed) {
  for (;;) {
    if (auto halt = halted()) co_return std::unexpected(*halt);
    if (llm::Model* stronger = stronger_model(deps_, state_)) deps_.model = *stronger;
    if (auto spent = all_spent()) co_return std::unexpected(*std::move(spent));
    const llm::LlmConfig& llm = deps_.model.config();
    llm::Request request{.system = prompt_.system,
                         .messages = messages(),
                         .cached_messages = prompt_.cached_messages,
                         .tools = specs_,
                         .tools_allowed = tools_allowed,
                         .max_tokens = answer_tokens(config_, settings_, llm),
                         .temperature = llm.temperature,
                         .raw = state_.raw};
    if (!state_.rounds.empty()) request.cached_messages = request.messages.size();
    auto hold = reserve_for(deps_, config_, state_.message, request);
    if (!hold) co_return std::unexpected(Halt{Halt::Why::kQuota, std::move(hold).error()});
    auto response = co_await call_model(request, std::move(*hold));
    if (auto halt = halted()) co_return std::unexpected(*halt);
    bool exceeded = response ? response->stop == StopReason::kContextExceeded &&
                                   calls_in(response->parts).empty()
                             : response.error().error.code == Code::kTooLarge;
    if (response && !exceeded) co_return std::move(*response);
    if (response) state_.usage += response->usage;
    if (!exceeded) co_return std::unexpected(halt_for(response.error().error));
    if (shrunk_)
      co_return std::unexpected(
          halt_for({Code::kTooLarge, "the context is exceeded even with half the history"}));
    shrunk_ = true;
    result_bytes_max_ = kShrunkResultBytes;
    co_await summarise_older();
    prepare(budget_ / 2);
    show(Progress::Phase::kReset);
  }
}

// The model has said that the conversation is too long for it, whatever we had thought.
Task<void> Turn::summarise_older() {
  auto plan = plan_compaction(history_, static_cast<std::size_t>(std::max(0, budget_ / 2)));
  if (!plan) co_return;
  auto done = co_await compact(stops_.ctx, deps_, config_, state_.message, std::move(*plan));
  if (!done) {
    log::warn("agent", "the conversation with {} is cut, not summarised: {}",
              state_.message.conversation.peer, done.error().to_string());
    co_return;
  }
  history_ = open_transcript(deps_, state_.message, text_);
}

// Every call is on the bill, the failed ones too.
Task<std::expected<llm::Response, llm::Failure>> Turn::call_model(const llm::Request& request,
                                                                  memory::Ledger::Hold hold) {
  DirectiveFilter filter;
  const auto watched = [this](const std::string& text) {
    if (!text.empty()) show(Progress::Phase::kText, text);
  };
  llm::EventSink sink = [&](const llm::StreamEvent& event) {
    if (event.type == llm::StreamEvent::Type::kTextDelta) watched(filter.feed(event.text));
  };
  std::function<void()> on_reset = [&] {
    filter = DirectiveFilter();
    show(Progress::Phase::kReset);
  };
  const auto from = TurnTrace::now();
  auto response =
      co_await deps_.model.stream(stops_.ctx, request, std::move(sink), std::move(on_reset));
  watched(filter.finish());
  const PicoUsd cost = settle_call(deps_, config_, state_.message, std::move(hold), response);
  state_.cost += cost;
  state_.trace.model_call(from, request, response, cost);
  co_return response;
}

Task<std::expected<Turn::Step, Halt>> Turn::advance(llm::Response response, bool tools_allowed) {
  const bool calls = !calls_in(response.parts).empty();
  const bool cut = response.stop == StopReason::kMaxTokens;
  if (response.stop == StopReason::kRefusal) {
    show(Progress::Phase::kReset);
    co_return Step{std::string(kRefusalText)};
  }
  if (calls && tools_allowed && !cut) {
    if (!carried_.empty())
      response.parts.insert(response.parts.begin(), TextPart{std::exchange(carried_, {})});
    tail_.clear();
    continuations_ = 0;
    auto journaled = co_await journal(assistant_record(response));
    if (!journaled) co_return std::unexpected(journaled.error());
    state_.rounds.push_back(make_round(std::move(response.parts)));
    auto ran = co_await run_tools(state_.rounds.size() - 1);
    if (!ran) co_return std::unexpected(ran.error());
    if (auto futile = all_failing()) co_return std::unexpected(*futile);
    co_return Step{};
  }
  if ((cut || response.stop == StopReason::kPause) && continuations_ < kContinuationsMax) {
    go_on_writing(response, cut && calls);
    co_return Step{};
  }
  std::string text = final_text(carried_ + text_in(response.parts));
  if (cut) text += fmt::format("\n\n{}", kPartialText);
  if (question_claim(text)) co_return Step{};
  co_return Step{std::move(text)};
}

// Once in a turn: what was never done must not stand in the answer as done.
bool Turn::question_claim(const std::string& text) {
  if (claim_questioned_ || !state_.rounds.empty() || deps_.toolbox.specs().empty()) return false;
  if (!claims_to_have_sent(text)) return false;
  claim_questioned_ = true;
  carried_.clear();
  tail_ = {{Role::kAssistant, {TextPart{text}}},
           {Role::kUser, {TextPart{std::string(kNothingWasSent)}}}};
  show(Progress::Phase::kReset);
  return true;
}

// A call that the limit cut is never run: its arguments may be anything.
void Turn::go_on_writing(const llm::Response& response, bool call_cut) {
  ++continuations_;
  carried_ += text_in(response.parts);
  tail_.clear();
  if (!trim(carried_).empty()) tail_.push_back({Role::kAssistant, {TextPart{carried_}}});
  std::string_view ask =
      call_cut ? "The length limit cut your tool call; it was not run. Send it again, shorter."
               : "The length limit cut your answer. Go on exactly where it stops; repeat nothing.";
  tail_.push_back({Role::kUser, {TextPart{std::string(ask)}}});
}

std::string Turn::final_text(std::string text) const {
  if (!trim(text).empty()) return std::string(trim(text));
  std::string said;
  for (const Round& round : state_.rounds) {
    std::string piece = text_in(round.parts);
    if (trim(piece).empty()) continue;
    said += fmt::format("{}{}", said.empty() ? "" : "\n\n", trim(piece));
  }
  if (!said.empty()) return said;
  return std::string(state_.rounds.empty() ? kEmptyText : kEmptyAfterToolsText);
}

Task<std::expected<void, Halt>> Turn::journal(std::string record) {
  store::EntryId id(state_.message.id.str());
  auto stepped = co_await journal_step(stops_.ctx, deps_.journal, std::move(id), std::move(record));
  if (auto halt = halted()) co_return std::unexpected(*halt);
  if (!stepped) co_return std::unexpected(halt_for({Code::kInternal, stepped.error().to_string()}));
  co_return std::expected<void, Halt>();
}

std::optional<Halt> Turn::halted() const {
  if (stops_.shutdown.stop_requested()) return Halt{Halt::Why::kShutdown, {}};
  if (stops_.cancel.stop_requested()) return Halt{Halt::Why::kCancelled, {}};
  return std::nullopt;
}

Halt Turn::halt_for(Error error) const {
  if (auto halt = halted()) return *halt;
  return {Halt::Why::kFailed, std::move(error)};
}

// What it does is a sign of life; a tool may take its time.
void Turn::show(Progress::Phase phase, std::string_view text) {
  state_.alive = std::chrono::steady_clock::now();
  if (phase == Progress::Phase::kToolStart) {
    if (const tools::Tool* tool = deps_.toolbox.find(text)) state_.alive += tool->timeout();
  }
  bool always = phase == Progress::Phase::kStarted || phase == Progress::Phase::kPaused;
  if (always || state_.message.wants_progress) send_progress(deps_, state_, phase, text);
}

}  // namespace skep::agent
