// The drivers. Each takes the configuration that choose_model completed.
#pragma once

#include <memory>

#include "skep/llm/driver.h"
#include "skep/llm/model.h"
#include "skep/net/http_client.h"

namespace skep::llm {

Result<std::unique_ptr<Driver>> open_anthropic(const LlmConfig& config, net::HttpClient& http);
Result<std::unique_ptr<Driver>> open_openai(const LlmConfig& config, net::HttpClient& http);
Result<std::unique_ptr<Driver>> open_ollama(const LlmConfig& config, net::HttpClient& http);
Result<std::unique_ptr<Driver>> open_gemini(const LlmConfig& config, net::HttpClient& http);
std::unique_ptr<Driver> open_demo();

}  // namespace skep::llm
