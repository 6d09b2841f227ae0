#include "endpoint.h"

#include <fmt/format.h>

#include <charconv>

#include "skep/base/text.h"

namespace skep::llm {
namespace {

std::uint16_t scheme_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return fail(Code::kInvalid, fmt::format("'{}' is no port", text));
  }
  return port;
}

// "host", "host:port", "[v6]:port", or a bare v6 address.
Result<void> parse_authority(std::string_view text, Endpoint& into) {
  if (text.find('@') != std::string_view::npos) {
    return fail(Code::kInvalid, "the URL carries credentials: use api_key for them");
  }
  std::string_view port;
  if (text.starts_with('[')) {
    std::size_t close = text.find(']');
    if (close == std::string_view::npos)
      return fail(Code::kInvalid, "the URL has an unclosed bracket");
    into.host = text.substr(1, close - 1);
    std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':')
      return fail(Code::kInvalid, "the URL's address is garbled");
    if (!rest.empty()) port = rest.substr(1);
  } else if (std::size_t colon = text.find(':');
             colon != std::string_view::npos && colon == text.rfind(':')) {
    into.host = text.substr(0, colon);
    port = text.substr(colon + 1);
  } else {
    into.host = text;
  }
  if (!port.empty()) {
    SKEP_TRY(into.port, parse_port(port));
  }
  if (into.host.empty()) return fail(Code::kInvalid, "the URL names no host");
  return {};
}

bool has_suffix_path(const Endpoint& endpoint, std::string_view suffix) {
  return endpoint.path.ends_with(suffix);
}

}  // namespace

std::string Endpoint::url() const {
  bool v6 = host.find(':') != std::string::npos;
  std::string out = fmt::format("{}://{}{}{}", scheme, v6 ? "[" : "", host, v6 ? "]" : "");
  if (port != scheme_port(scheme)) out += fmt::format(":{}", port);
  return out + path;
}

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  text = trim(text);
  Endpoint endpoint{.scheme = "http"};
  bool plain = true;
  if (std::size_t at = text.find("://"); at != std::string_view::npos) {
    endpoint.scheme = to_lower_ascii(text.substr(0, at));
    text.remove_prefix(at + 3);
    plain = false;
  }
  if (endpoint.scheme != "http" && endpoint.scheme != "https") {
    return fail(Code::kInvalid, fmt::format("'{}' is neither http nor https", endpoint.scheme));
  }
  if (text.find_first_of("?# \t\r\n") != std::string_view::npos) {
    return fail(Code::kInvalid, "the URL may hold no query, fragment or blank");
  }
  std::size_t slash = std::min(text.find('/'), text.size());
  endpoint.path = text.substr(slash);
  while (endpoint.path.ends_with('/')) endpoint.path.pop_back();
  SKEP_TRY_VOID(parse_authority(text.substr(0, slash), endpoint));
  if (endpoint.port == 0)
    endpoint.port = plain && default_port != 0 ? default_port : scheme_port(endpoint.scheme);
  if (endpoint.host == "0.0.0.0") endpoint.host = "127.0.0.1";
  if (endpoint.host == "::") endpoint.host = "::1";
  return endpoint;
}

Result<std::string> anthropic_url(std::string_view base_url) {
  SKEP_TRY(auto endpoint, parse_endpoint(base_url.empty() ? kAnthropicUrl : base_url, 0));
  return endpoint.url() + (has_suffix_path(endpoint, "/v1") ? "/messages" : "/v1/messages");
}

Result<std::string> openai_url(std::string_view base_url) {
  SKEP_TRY(auto endpoint, parse_endpoint(base_url.empty() ? kOpenaiUrl : base_url, 0));
  if (has_suffix_path(endpoint, "/chat/completions")) return endpoint.url();
  return endpoint.url() + (endpoint.path.empty() ? "/v1/chat/completions" : "/chat/completions");
}

Result<std::string> gemini_url(std::string_view base_url, std::string_view model) {
  SKEP_TRY(auto endpoint, parse_endpoint(base_url.empty() ? kGeminiUrl : base_url, 0));
  constexpr std::string_view kModelCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  if (model.starts_with("models/")) model.remove_prefix(7);  // as their lists name them
  if (model.empty() || model.find_first_not_of(kModelCharacters) != std::string_view::npos) {
    return fail(Code::kInvalid, fmt::format("[llm] model \"{}\" is no Gemini model's name", model));
  }
  return fmt::format("{}{}/models/{}:streamGenerateContent?alt=sse", endpoint.url(),
                     has_suffix_path(endpoint, "/v1beta") ? "" : "/v1beta", model);
}

Result<std::string> ollama_url(std::string_view base_url, std::string_view call) {
  SKEP_TRY(auto endpoint, parse_endpoint(base_url.empty() ? "localhost" : base_url, kOllamaPort));
  for (std::string_view suffix : {"/api", "/v1"}) {  // people copy these from other clients
    if (has_suffix_path(endpoint, suffix))
      endpoint.path.resize(endpoint.path.size() - suffix.size());
  }
  return fmt::format("{}/api/{}", endpoint.url(), call);
}

}  // namespace skep::llm
