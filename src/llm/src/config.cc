#include "skep/base/config.h"

#include <climits>

#include "skep/llm/model.h"

namespace skep::llm {

LlmConfig LlmConfig::read(ConfigSection section) {
  LlmConfig config;
  section.read_choice("provider", {"anthropic", "openai", "gemini", "ollama", "demo"},
                      config.provider);
  section.read("model", config.model);
  section.read("api_key", config.api_key);
  bool has_url = section.read("base_url", config.base_url);
  std::string host;
  if (section.read("host", host)) {
    if (has_url)
      section.problem("host", "base_url is set too: keep one of the two");
    else
      config.base_url = host;
  }
  section.read("max_tokens_per_request", config.max_tokens_per_request,
               {.min = 1, .max = 1'000'000});
  section.read("num_ctx", config.num_ctx, {.min = 0, .max = 10'000'000});
  if (double temperature = 0; section.read("temperature", temperature)) {
    if (temperature < 0 || temperature > 2)
      section.problem("temperature", "must be between 0 and 2");
    else
      config.temperature = temperature;
  }
  section.read("cache", config.cache);
  section.read("history_token_budget", config.history_token_budget,
               {.min = 1'000, .max = 10'000'000});
  section.read_duration("timeout", std::chrono::seconds(1), config.timeout);
  if (config.timeout <= std::chrono::milliseconds(0))
    section.problem("timeout", "must be at least 1 second");
  section.read("retries", config.retries, {.min = 0, .max = 20});
  section.read_duration("retry_budget", std::chrono::seconds(1), config.retry_budget);
  section.read("concurrent_max", config.concurrent_max, {.min = 1, .max = 1'000});
  return config;
}

}  // namespace skep::llm
