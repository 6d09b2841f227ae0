// The drivers. Each takes the configuration that choose_model completed.
#pragma once

#include <memory>

#include "skep/llm/driver.h"
#include "skep/llm/model.h"
#include "skep/net/http_client.h"

namespace skep::llm {

inline constexpr std::string_view kAnthropicModel = "claude-sonnet-4-5-20250929";
inline constexpr std::string_view kOpenaiModel = "gpt-4o";
inline constexpr std::string_view kGeminiModel = "gemini-2.5-flash";

Result<std::unique_ptr<Driver>> open_anthropic(const LlmConfig& config, net::HttpClient& http);
Result<std::unique_ptr<Driver>> open_openai(const LlmConfig& config, net::HttpClient& http);
Result<std::unique_ptr<Driver>> open_ollama(const LlmConfig& config, net::HttpClient& http);
Result<std::unique_ptr<Driver>> open_gemini(const LlmConfig& config, net::HttpClient& http);
std::unique_ptr<Driver> open_demo();

}  // namespace skep::llm
