#include "drivers.h"
#include "endpoint.h"
#include "families.h"
#include "http_attempt.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::llm {
namespace {

// Compatible servers differ in the fields they take. What one has refused by name is left out from
// then on.
class OpenaiDriver final : public Driver {
 public:
  OpenaiDriver(const LlmConfig& config, net::HttpClient& http, std::string url)
      : name_(config.provider),
        http_(http),
        url_(std::move(url)),
        key_(config.api_key),
        patience_{config.timeout, config.idle_timeout},
        family_(family_of(config)),
        temperature_taken_(!family_.no_temperature),
        options_{.model = wire_model(config),
                 .temperature = config.temperature,
                 .images = family_.images,
                 .max_completion_tokens = family_.max_completion_tokens} {}

  Task<std::expected<Response, Failure>> attempt(Ctx ctx, const Request& request,
                                                 EventSink sink) override {
    WireOptions options = options_;
    if (request.temperature) options.temperature = request.temperature;
    if (!temperature_taken_) options.temperature.reset();
    std::string body = encode_openai(request, options);
    auto decoder = openai_decoder(std::move(sink), body.size());
    HttpAttempt call{.provider = name_,
                     .request = json_post(url_, std::move(body), patience_),
                     .key = key_,
                     .raw = request.raw};
    if (!key_.empty())
      call.request.headers.emplace_back("authorization", fmt::format("Bearer {}", key_.reveal()));
    auto answer = co_await run_attempt(std::move(ctx), http_, std::move(call), *decoder);
    if (!answer && answer.error().error.code == Code::kInvalid &&
        adapt(options, answer.error().error.message)) {
      answer.error().retryable = true;
      answer.error().retry_after = std::chrono::milliseconds(0);
    }
    co_return answer;
  }

  [[nodiscard]] std::string describe() const override {
    return fmt::format("{} ({})", name_, options_.model);
  }
  [[nodiscard]] std::string model() const override { return options_.model; }
  [[nodiscard]] bool takes_images() const override { return family_.images; }
  [[nodiscard]] int context_window_tokens() const override { return family_.window_tokens; }

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

  std::string name_;  // of the provider
  net::HttpClient& http_;
  std::string url_;
  Secret key_;
  Patience patience_;
  Family family_;
  bool temperature_taken_;
  bool limit_swapped_ = false;
  WireOptions options_;
};

}  // namespace

Result<std::unique_ptr<Driver>> open_openai(const LlmConfig& config, net::HttpClient& http) {
  SKEP_TRY(auto url, openai_url(config.base_url));
  return std::make_unique<OpenaiDriver>(config, http, std::move(url));
}

}  // namespace skep::llm
