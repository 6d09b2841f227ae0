#include "drivers.h"
#include "endpoint.h"
#include "http_driver.h"

namespace skep::llm {
namespace {

// Google's Gemini API, v1beta.
class GeminiDriver final : public HttpDriver {
 public:
  GeminiDriver(const LlmConfig& config, net::HttpClient& http, std::string url)
      : HttpDriver("gemini", config, http, std::move(url)) {}

  Task<std::expected<Response, Failure>> attempt(Ctx ctx, const Request& request,
                                                 EventSink sink) override {
    HttpAttempt call = attempt_with(encode_gemini(request, options_for(request)), request);
    add_key(call.request, "x-goog-api-key");
    auto decoder = gemini_decoder(std::move(sink));
    co_return co_await run_attempt(std::move(ctx), http_, std::move(call), *decoder);
  }
};

}  // namespace

Result<std::unique_ptr<Driver>> open_gemini(const LlmConfig& config, net::HttpClient& http) {
  SKEP_TRY(auto url, gemini_url(config.base_url, wire_model(config)));
  return std::make_unique<GeminiDriver>(config, http, std::move(url));
}

}  // namespace skep::llm
