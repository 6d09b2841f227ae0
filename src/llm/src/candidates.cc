#include "candidates.h"

#include "classify.h"
#include "drivers.h"

namespace skep::llm {
namespace {

constexpr int kAttemptsBeforeOthers = 2;  // with one candidate, for what may pass by itself

Result<Wire> wire_of(const LlmConfig& config) {
  if (config.wire) return *config.wire;
  SKEP_TRY(const Catalogue catalogue, Catalogue::open());
  if (const ProviderInfo* provider = catalogue.provider(config.provider)) return provider->wire;
  return fail(Code::kInvalid, fmt::format("[llm] provider \"{}\" is unknown", config.provider));
}

Result<std::unique_ptr<Driver>> open_driver(const LlmConfig& config, net::HttpClient& http) {
  if (config.provider == "demo") return open_demo();
  SKEP_TRY(const Wire wire, wire_of(config));
  switch (wire) {
    case Wire::kAnthropic:
      return open_anthropic(config, http);
    case Wire::kOpenai:
      return open_openai(config, http);
    case Wire::kGemini:
      return open_gemini(config, http);
    case Wire::kOllama:
      return open_ollama(config, http);
  }
  return fail(Code::kInternal, "a wire format without a driver");
}

bool may_pass_by_itself(const Failure& failure) {
  return failure.retryable && failure.error.code != Code::kExhausted;
}

}  // namespace

Result<Candidates> Candidates::open(const LlmConfig& config, net::HttpClient& http) {
  Candidates candidates;
  const auto add = [&](const LlmConfig& one) -> Result<void> {
    SKEP_TRY(auto driver, open_driver(one, http));
    candidates.all_.push_back({.config = one, .driver = std::move(driver)});
    return {};
  };
  SKEP_TRY_VOID(add(config));
  for (const Secret& key : config.more_keys) {
    LlmConfig other = config;
    other.api_key = key;
    SKEP_TRY_VOID(add(other));
  }
  for (const LlmConfig& fallback : config.fallbacks) SKEP_TRY_VOID(add(fallback));
  return candidates;
}

Candidate& Candidates::pick(SteadyTime now) {
  for (Candidate& one : all_) {
    if (one.breaker.admits(now)) return one;
  }
  return *std::ranges::min_element(all_, {},
                                   [](const Candidate& one) { return one.breaker.open_until(); });
}

Candidate* Candidates::after_failure(Candidate& tried, const Failure& failure, int attempts_with_it,
                                     SteadyTime now) {
  const auto trouble = trouble_of(failure);
  if (!trouble) return nullptr;
  if (may_pass_by_itself(failure) && attempts_with_it < kAttemptsBeforeOthers) return nullptr;
  tried.breaker.failed(*trouble, now, failure.retry_after.value_or(std::chrono::milliseconds(0)));
  for (Candidate& one : all_) {
    if (&one != &tried && one.breaker.admits(now)) return &one;
  }
  return nullptr;
}

}  // namespace skep::llm
