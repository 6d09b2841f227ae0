#include "drivers.h"
#include "endpoint.h"
#include "http_driver.h"

namespace skep::llm {
namespace {

constexpr std::string_view kApiVersion = "2023-06-01";

class AnthropicDriver final : public HttpDriver {
 public:
  AnthropicDriver(const LlmConfig& config, net::HttpClient& http, std::string url)
      : HttpDriver("anthropic", config, http, std::move(url)) {
    options_.cache = config.cache;
  }

  Task<std::expected<Response, Failure>> attempt(Ctx ctx, const Request& request,
                                                 EventSink sink) override {
    HttpAttempt call = attempt_with(encode_anthropic(request, options_for(request)), request);
    call.request.headers.emplace_back("anthropic-version", kApiVersion);
    add_key(call.request, "x-api-key");
    auto decoder = anthropic_decoder(std::move(sink));
    co_return co_await run_attempt(std::move(ctx), http_, std::move(call), *decoder);
  }
};

}  // namespace

Result<std::unique_ptr<Driver>> open_anthropic(const LlmConfig& config, net::HttpClient& http) {
  SKEP_TRY(auto url, anthropic_url(config.base_url));
  return std::make_unique<AnthropicDriver>(config, http, std::move(url));
}

}  // namespace skep::llm
