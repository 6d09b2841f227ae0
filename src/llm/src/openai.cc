#include "drivers.h"
#include "endpoint.h"
#include "http_driver.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::llm {
namespace {

// Compatible servers differ in the fields they take. What one has refused by name is left out from
// then on.
class OpenaiDriver final : public HttpDriver {
 public:
  OpenaiDriver(const LlmConfig& config, net::HttpClient& http, std::string url)
      : HttpDriver(config.provider, config, http, std::move(url)),
        temperature_taken_(!family_.no_temperature) {
    options_.max_completion_tokens = family_.max_completion_tokens;
  }

  Task<std::expected<Response, Failure>> attempt(Ctx ctx, const Request& request,
                                                 EventSink sink) override {
    WireOptions options = options_for(request);
    if (!temperature_taken_) options.temperature.reset();
    std::string body = encode_openai(request, options);
    auto decoder = openai_decoder(std::move(sink), body.size());
    HttpAttempt call = attempt_with(std::move(body), request);
    add_bearer(call.request);
    auto answer = co_await run_attempt(std::move(ctx), http_, std::move(call), *decoder);
    if (!answer && answer.error().error.code == Code::kInvalid &&
        adapt(options, answer.error().error.message)) {
      answer.error().retryable = true;
      answer.error().retry_after = std::chrono::milliseconds(0);
    }
    co_return answer;
  }

 private:
  // Whether the refusal names a field that we sent and can do without. `sent` is what this attempt
  // used: another one may have adapted meanwhile, and then this one just tries again.
  bool adapt(const WireOptions& sent, std::string_view message) {
    std::string said = to_lower_ascii(message);
    auto names = [&said](std::string_view field) { return said.find(field) != std::string::npos; };
    bool limit = names("max_tokens") || names("max_completion_tokens");
    bool unsupported = names("unsupported") || names("not supported") || names("unrecognized") ||
                       names("unknown") || names("not permitted") || names("extra inputs") ||
                       names("does not support") || names("use 'max_");
    if (!unsupported) return false;
    if (sent.stream_options && names("stream_options")) {
      options_.stream_options = false;
    } else if (limit && !names("context") &&
               (!limit_swapped_ || sent.max_completion_tokens != options_.max_completion_tokens)) {
      options_.max_completion_tokens = !sent.max_completion_tokens;
      limit_swapped_ = true;
    } else if (sent.temperature && names("temperature")) {
      temperature_taken_ = false;
    } else {
      return false;
    }
    log::info("llm", "{} refuses a field of the request; left out from now on", describe());
    return true;
  }

  bool temperature_taken_;
  bool limit_swapped_ = false;
};

}  // namespace

Result<std::unique_ptr<Driver>> open_openai(const LlmConfig& config, net::HttpClient& http) {
  SKEP_TRY(auto url, openai_url(config.base_url));
  return std::make_unique<OpenaiDriver>(config, http, std::move(url));
}

}  // namespace skep::llm
