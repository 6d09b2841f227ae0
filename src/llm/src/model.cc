#include "skep/llm/model.h"

#include <random>

#include "classify.h"
#include "drivers.h"
#include "families.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::llm {
namespace {

using std::chrono::milliseconds;
using Outcome = std::expected<Response, Failure>;

constexpr int kAttemptTimeouts =
    5;  // a whole attempt may take this many times the first-byte timeout
constexpr int kHistoryTokensMin = 1024;  // whatever the window
constexpr int kSecondChances = 1;        // for an empty or garbled answer

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
      std::max(kHistoryTokensMin, std::min(config.history_token_budget, room));
}

class ConfiguredModel final : public Model {
 public:
  ConfiguredModel(LlmConfig config, std::unique_ptr<Driver> driver)
      : config_(std::move(config)),
        driver_(std::move(driver)),
        slots_(static_cast<std::size_t>(config_.concurrent_max)),
        random_(std::random_device{}()) {}

  // The only place that tries again.
  Task<Outcome> stream(Ctx ctx, const Request& request, EventSink sink,
                       std::function<void()> on_reset) override {
    Tries tries;
    for (;;) {
      Outcome outcome = co_await attempt(ctx, request, sink);
      tries.spent += outcome ? outcome->usage : outcome.error().usage;
      ++tries.made;
      if (auto going = ctx.check(); !going && !outcome) {
        co_return settled(
            std::unexpected(ended(std::move(going).error(), outcome.error().streamed)), tries);
      }
      auto delay = next_delay(outcome, tries);
      // A wait that the caller's deadline would cut short is not begun: the failure says more than
      // a timeout.
      if (!delay || std::chrono::steady_clock::now() + *delay >= ctx.deadline) {
        co_return settled(std::move(outcome), tries);
      }
      bool streamed = outcome ? has_text(*outcome) : outcome.error().streamed;
      log::info("llm", "{}: trying again in {} ms ({})", driver_->describe(), delay->count(),
                outcome ? "the answer was empty" : outcome.error().error.message);
      if (auto slept = co_await sleep_for(ctx, *delay); !slept) {
        co_return settled(std::unexpected(ended(std::move(slept).error(), streamed)), tries);
      }
      if (streamed && on_reset) on_reset();
    }
  }

  [[nodiscard]] const Driver& driver() const override { return *driver_; }
  [[nodiscard]] const LlmConfig& config() const override { return config_; }

 private:
  struct Tries {
    int made = 0;
    int second_chances = kSecondChances;
    milliseconds waited{0};
    Usage spent;
  };

  static bool has_text(const Response& response) { return !text_of(response.parts).empty(); }

  Failure ended(Error error, bool streamed) const {
    Failure failure = classify_transport(config_.provider, std::move(error));
    failure.streamed = streamed;
    return failure;
  }

  Task<Outcome> attempt(Ctx ctx, const Request& request, const EventSink& sink) {
    auto slot = co_await slots_.acquire(ctx);
    if (!slot) {
      Failure failure = ended(std::move(slot).error(), false);
      failure.retryable = false;
      co_return std::unexpected(std::move(failure));
    }
    Ctx bounded = ctx.within(config_.timeout * kAttemptTimeouts);
    Outcome outcome = co_await driver_->attempt(std::move(bounded), request, sink);
    fit_history(config_, *driver_);  // the driver may have learned of a smaller window
    co_return outcome;
  }

  // How long to wait before another attempt; nothing when this outcome stands.
  std::optional<milliseconds> next_delay(const Outcome& outcome, Tries& tries) {
    if (outcome) {
      if (!is_empty(*outcome) || tries.second_chances-- <= 0) return std::nullopt;
      return milliseconds(0);
    }
    const Failure& failure = outcome.error();
    if (!failure.retryable || tries.made > config_.retries) return std::nullopt;
    if (failure.error.code == Code::kCorrupt && tries.second_chances-- <= 0) return std::nullopt;
    double jitter = std::uniform_real_distribution<double>(0, 1)(random_);
    milliseconds delay = retry_delay(tries.made, failure.retry_after, jitter);
    if (tries.waited + delay > config_.retry_budget) return std::nullopt;
    tries.waited += delay;
    return delay;
  }

  Outcome settled(Outcome outcome, const Tries& tries) const {
    if (outcome) {
      outcome->usage = tries.spent;
      if (outcome->model.empty()) outcome->model = driver_->model();
      return outcome;
    }
    outcome.error().usage = tries.spent;
    if (tries.made > 1)
      outcome.error().error.message += fmt::format(" (tried {} times)", tries.made);
    return outcome;
  }

  LlmConfig config_;
  std::unique_ptr<Driver> driver_;
  Semaphore slots_;
  std::minstd_rand random_;
};

Result<std::unique_ptr<Driver>> open_driver(const LlmConfig& config, net::HttpClient& http) {
  if (config.provider == "anthropic") return open_anthropic(config, http);
  if (config.provider == "openai") return open_openai(config, http);
  if (config.provider == "ollama") return open_ollama(config, http);
  if (config.provider == "gemini") return open_gemini(config, http);
  if (config.provider == "demo") return open_demo();
  return fail(Code::kInvalid, fmt::format("[llm] provider \"{}\" is unknown", config.provider));
}

}  // namespace

Result<std::unique_ptr<Model>> Model::open(LlmConfig config, Deps deps) {
  if (config.concurrent_max < 1 || config.retries < 0)
    return fail(Code::kInvalid, "[llm] limits must be positive");
  SKEP_TRY(auto driver, open_driver(config, deps.http));
  fit_history(config, *driver);
  return std::make_unique<ConfiguredModel>(std::move(config), std::move(driver));
}

}  // namespace skep::llm
