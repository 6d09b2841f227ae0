#include "skep/base/config.h"

#include <climits>

#include "skep/llm/model.h"

namespace skep::llm {

namespace {

// What [llm] and each [[llm.fallback]] have in common: which model, where, with which keys.
void read_way(ConfigSection& section, const Catalogue& catalogue, LlmConfig& config) {
  std::vector<std::string> providers;
  for (const ProviderInfo& provider : catalogue.providers()) providers.push_back(provider.id);
  providers.emplace_back("demo");
  section.read_choice("provider", std::move(providers), config.provider);
  section.read("model", config.model);
  section.read("api_key", config.api_key);
  std::vector<std::string> more_keys;
  section.read("api_keys", more_keys);
  for (std::string& key : more_keys) config.more_keys.emplace_back(std::move(key));
  if (config.api_key.empty() && !config.more_keys.empty()) {
    config.api_key = std::move(config.more_keys.front());
    config.more_keys.erase(config.more_keys.begin());
  }
  const bool has_url = section.read("base_url", config.base_url);
  std::string host;
  if (section.read("host", host)) {
    if (has_url)
      section.problem("host", "base_url is set too: keep one of the two");
    else
      config.base_url = host;
  }
  if (bool written = false; section.read("text_tool_calls", written))
    config.text_tool_calls = written;
  section.read("context_window", config.context_window, {.min = 0, .max = 100'000'000});
  section.read("num_ctx", config.num_ctx, {.min = 0, .max = 10'000'000});
}

void read_limits(ConfigSection& section, LlmConfig& config) {
  section.read("max_tokens_per_request", config.max_tokens_per_request,
               {.min = 1, .max = 1'000'000});
  if (double temperature = 0; section.read("temperature", temperature)) {
    if (temperature < 0 || temperature > 2)
      section.problem("temperature", "must be between 0 and 2");
    else
      config.temperature = temperature;
  }
  section.read("cache", config.cache);
  section.read("history_token_budget", config.history_token_budget,
               {.min = 200, .max = 10'000'000});
  section.read_duration("timeout", std::chrono::seconds(1), config.timeout);
  if (config.timeout <= std::chrono::milliseconds(0))
    section.problem("timeout", "must be at least 1 second");
  section.read_duration("idle_timeout", std::chrono::seconds(1), config.idle_timeout);
  if (config.idle_timeout <= std::chrono::milliseconds(0))
    section.problem("idle_timeout", "must be at least 1 second");
  section.read("retries", config.retries, {.min = 0, .max = 20});
  section.read_duration("retry_budget", std::chrono::seconds(1), config.retry_budget);
  section.read("concurrent_max", config.concurrent_max, {.min = 1, .max = 1'000});
}

}  // namespace

LlmConfig LlmConfig::read(ConfigSection section, const Catalogue& catalogue) {
  LlmConfig limits;
  read_limits(section, limits);
  LlmConfig config = limits;
  read_way(section, catalogue, config);
  for (ConfigSection fallback : section.list("fallback")) {
    LlmConfig other = limits;
    read_way(fallback, catalogue, other);
    if (other.provider.empty() && other.model.empty())
      fallback.problem("provider", "name a provider or a model to turn to");
    config.fallbacks.push_back(std::move(other));
  }
  return config;
}

}  // namespace skep::llm
