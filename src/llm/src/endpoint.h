// Where a provider answers, from what people write in `base_url`, `host` and OLLAMA_HOST.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skep/base/result.h"

namespace skep::llm {

inline constexpr std::string_view kAnthropicUrl = "https://api.anthropic.com";
inline constexpr std::string_view kOpenaiUrl = "https://api.openai.com/v1";
inline constexpr std::string_view kGeminiUrl = "https://generativelanguage.googleapis.com";
inline constexpr std::uint16_t kOllamaPort = 11434;

struct Endpoint {
  std::string scheme;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string path;  // no trailing slash; may be empty

  [[nodiscard]] std::string url() const;  // without a default port
};

// "https://gw.example/llm", "localhost:8000", "[::1]:11434". Without a scheme: http, and
// `default_port` when it gives none. A wildcard host (0.0.0.0, ::) means this machine. kInvalid on
// other schemes, credentials, a query, or no host.
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port);

// The URL to post to; `base_url` empty: the provider's own.
Result<std::string> anthropic_url(std::string_view base_url);  // …/v1/messages
Result<std::string> openai_url(
    std::string_view base_url);  // …/chat/completions, below /v1 when there is no path
Result<std::string> gemini_url(
    std::string_view base_url,
    std::string_view model);  // …/v1beta/models/<model>:streamGenerateContent?alt=sse
Result<std::string> ollama_url(std::string_view base_url, std::string_view call);  // …/api/<call>

}  // namespace skep::llm
