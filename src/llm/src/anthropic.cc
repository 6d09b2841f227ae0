#include "drivers.h"
#include "endpoint.h"
#include "families.h"
#include "http_attempt.h"

namespace skep::llm {
namespace {

constexpr std::string_view kApiVersion = "2023-06-01";

class AnthropicDriver final : public Driver {
 public:
  AnthropicDriver(const LlmConfig& config, net::HttpClient& http, std::string url)
      : http_(http),
        url_(std::move(url)),
        key_(config.api_key),
        patience_{config.timeout, config.idle_timeout},
        family_(family_of(config)),
        options_{.model = wire_model(config),
                 .temperature = config.temperature,
                 .images = family_.images,
                 .cache = config.cache} {}

  Task<std::expected<Response, Failure>> attempt(Ctx ctx, const Request& request,
                                                 EventSink sink) override {
    WireOptions options = options_;
    if (request.temperature) options.temperature = request.temperature;
    HttpAttempt call{.provider = "anthropic",
                     .request = json_post(url_, encode_anthropic(request, options), patience_),
                     .key = key_,
                     .raw = request.raw};
    call.request.headers.emplace_back("anthropic-version", kApiVersion);
    if (!key_.empty()) call.request.headers.emplace_back("x-api-key", key_.reveal());
    auto decoder = anthropic_decoder(std::move(sink));
    co_return co_await run_attempt(std::move(ctx), http_, std::move(call), *decoder);
  }

  [[nodiscard]] std::string describe() const override {
    return fmt::format("anthropic ({})", options_.model);
  }
  [[nodiscard]] std::string model() const override { return options_.model; }
  [[nodiscard]] bool takes_images() const override { return family_.images; }
  [[nodiscard]] int context_window_tokens() const override { return family_.window_tokens; }

 private:
  net::HttpClient& http_;
  std::string url_;
  Secret key_;
  Patience patience_;
  Family family_;
  WireOptions options_;
};

}  // namespace

Result<std::unique_ptr<Driver>> open_anthropic(const LlmConfig& config, net::HttpClient& http) {
  SKEP_TRY(auto url, anthropic_url(config.base_url));
  return std::make_unique<AnthropicDriver>(config, http, std::move(url));
}

}  // namespace skep::llm
