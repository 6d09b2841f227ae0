#include "skep/llm/model.h"

#include "candidates.h"
#include "classify.h"
#include "families.h"
#include "retries.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "text_calls.h"
#include "tool_names.h"

namespace skep::llm {
namespace {

using std::chrono::milliseconds;
using Outcome = std::expected<Response, Failure>;

constexpr int kAttemptTimeouts =
    5;  // a whole attempt may take this many times the first-byte timeout
constexpr int kHistoryTokensMin = 1024;  // whatever the window

bool is_empty(const Response& response) {
  bool ordinary = response.stop == StopReason::kEnd || response.stop == StopReason::kUnknown;
  return ordinary && std::ranges::none_of(response.parts, [](const Part& part) {
           const auto* text = std::get_if<TextPart>(&part);
           return std::holds_alternative<ToolCall>(part) ||
                  (text != nullptr && !trim(text->text).empty());
         });
}

void fit_history(LlmConfig& config, const Driver& driver) {
  int room = driver.context_window_tokens() - config.max_tokens_per_request - kPromptRoomTokens;
  config.history_token_budget =
      std::min(config.history_token_budget, std::max(kHistoryTokensMin, room));
}

class ConfiguredModel final : public Model {
 public:
  ConfiguredModel(LlmConfig config, Candidates candidates)
      : config_(std::move(config)),
        candidates_(std::move(candidates)),
        slots_(static_cast<std::size_t>(config_.concurrent_max)),
        retries_({.retries = config_.retries, .budget = config_.retry_budget}) {}

  // The only place that tries again.
  Task<Outcome> stream(Ctx ctx, const Request& request, EventSink sink,
                       std::function<void()> on_reset) override {
    Tries tries;
    tries.with = &candidates_.pick(std::chrono::steady_clock::now());
    for (;;) {
      Outcome outcome = co_await attempt(ctx, *tries.with, request, sink);
      tries.spent += outcome ? outcome->usage : outcome.error().usage;
      ++tries.made;
      ++tries.made_with;
      if (auto going = ctx.check(); !going && !outcome) {
        co_return settled(
            std::unexpected(ended(std::move(going).error(), outcome.error().streamed)), tries);
      }
      const bool streamed = outcome ? has_text(*outcome) : outcome.error().streamed;
      if (outcome) understand(request, *outcome, *tries.with, {sink, on_reset});
      if (!turn_to_another(outcome, tries)) {
        auto delay = next_delay(outcome, tries);
        // A wait that the caller's deadline would cut short is not begun: the failure says more
        // than a timeout.
        if (!delay || std::chrono::steady_clock::now() + *delay >= ctx.deadline) {
          co_return settled(std::move(outcome), tries);
        }
        log::info("llm", "{}: trying again in {} ms ({})", tries.with->driver->describe(),
                  delay->count(), outcome ? "the answer was empty" : outcome.error().error.message);
        if (auto slept = co_await sleep_for(ctx, *delay); !slept) {
          co_return settled(std::unexpected(ended(std::move(slept).error(), streamed)), tries);
        }
      }
      if (streamed && on_reset) on_reset();
    }
  }

  [[nodiscard]] const Driver& driver() const override { return *candidates_.all().front().driver; }
  [[nodiscard]] const LlmConfig& config() const override { return config_; }
  [[nodiscard]] std::vector<Way> ways() const override {
    std::vector<Way> out;
    const auto now = std::chrono::steady_clock::now();
    for (const Candidate& one : candidates_.all()) {
      const auto left = std::chrono::ceil<std::chrono::seconds>(one.breaker.open_until() - now);
      const bool resting = !one.breaker.closed() && left.count() > 0;
      out.push_back({one.driver->describe(), resting ? left : std::chrono::seconds(0)});
    }
    return out;
  }

 private:
  struct Tries : Attempts {
    Candidate* with = nullptr;
    Usage spent;
  };

  // Whether somebody else is asked instead, at once.
  bool turn_to_another(const Outcome& outcome, Tries& tries) {
    if (outcome) {
      tries.with->breaker.succeeded();
      return false;
    }
    Candidate* other = candidates_.after_failure(*tries.with, outcome.error(), tries.made_with,
                                                 std::chrono::steady_clock::now());
    if (other == nullptr) return false;
    log::warn("llm", "{}; turning to {}", outcome.error().error.message, other->driver->describe());
    tries.with = other;
    tries.made_with = 0;
    return true;
  }

  struct Watcher {
    const EventSink& sink;
    const std::function<void()>& on_reset;
  };

  // What the answer means where it does not say so in the provider's own way.
  static void understand(const Request& request, Response& response, const Candidate& from,
                         Watcher watcher) {
    rename_calls(request.tools, response);
    const bool streamed = has_text(response);
    if (!from.config.text_tool_calls.value_or(false) || !recover_text_calls(request, response))
      return;
    if (streamed && watcher.on_reset) watcher.on_reset();
    const std::string rest = text_of(response.parts);
    if (watcher.sink && !rest.empty())
      watcher.sink({.type = StreamEvent::Type::kTextDelta, .text = rest});
  }

  static bool has_text(const Response& response) { return !text_of(response.parts).empty(); }

  Failure ended(Error error, bool streamed) const {
    Failure failure = classify_transport(config_.provider, std::move(error));
    failure.streamed = streamed;
    return failure;
  }

  // A model that cannot call tools is not told of any.
  Task<Outcome> attempt(Ctx ctx, Candidate& with, const Request& request, const EventSink& sink) {
    const auto& info = with.config.info;
    if (request.tools.empty() || !info || info->tools)
      co_return co_await attempt_as_is(std::move(ctx), with, request, sink);
    Request plain = request;
    plain.tools = ToolSpecs();
    co_return co_await attempt_as_is(std::move(ctx), with, plain, sink);
  }

  Task<Outcome> attempt_as_is(Ctx ctx, Candidate& with, const Request& request,
                              const EventSink& sink) {
    auto slot = co_await slots_.acquire(ctx);
    if (!slot) {
      Failure failure = ended(std::move(slot).error(), false);
      failure.retryable = false;
      co_return std::unexpected(std::move(failure));
    }
    Ctx bounded = ctx.within(config_.timeout * kAttemptTimeouts);
    Outcome outcome = co_await with.driver->attempt(std::move(bounded), request, sink);
    fit_history(config_, *with.driver);  // it may have a smaller window, or have learned of one
    co_return outcome;
  }

  // How long to wait before another attempt; nothing when this outcome stands.
  std::optional<milliseconds> next_delay(const Outcome& outcome, Tries& tries) {
    if (outcome) {
      if (!is_empty(*outcome) || tries.second_chances-- <= 0) return std::nullopt;
      return milliseconds(0);
    }
    return retries_.next(outcome.error(), tries);
  }

  Outcome settled(Outcome outcome, const Tries& tries) const {
    if (outcome) {
      outcome->usage = tries.spent;
      if (outcome->model.empty()) outcome->model = tries.with->driver->model();
      outcome->provider = tries.with->config.provider;
      if (const auto& info = tries.with->config.info) outcome->price = info->price;
      if (outcome->provider == "demo") outcome->price = Price();
      return outcome;
    }
    outcome.error().usage = tries.spent;
    if (tries.made > 1)
      outcome.error().error.message += fmt::format(" (tried {} times)", tries.made);
    return outcome;
  }

  LlmConfig config_;
  Candidates candidates_;
  Semaphore slots_;
  Retries retries_;
};

}  // namespace

Result<std::unique_ptr<Model>> Model::open(LlmConfig config, Deps deps) {
  if (config.concurrent_max < 1 || config.retries < 0)
    return fail(Code::kInvalid, "[llm] limits must be positive");
  SKEP_TRY(Candidates candidates, Candidates::open(config, deps.http));
  fit_history(config, *candidates.first().driver);
  return std::make_unique<ConfiguredModel>(std::move(config), std::move(candidates));
}

}  // namespace skep::llm
