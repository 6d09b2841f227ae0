#include "drivers.h"
#include "endpoint.h"
#include "http_driver.h"
#include "skep/base/json.h"
#include "skep/base/log.h"

namespace skep::llm {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShowTimeout{5'000};
constexpr int kWindowStep = 1024;  // asked-for windows are rounded up to this

// Pictures aside: their cost is the model's affair.
std::size_t request_tokens(const Request& request) {
  std::size_t tokens = estimate_tokens(request.system);
  if (request.tools_allowed) tokens += estimate_tokens(function_tools(request.tools));
  for (const ChatMessage& message : request.messages) {
    tokens += estimate_tokens(plain_text(message.parts, true));
    for (const Part& part : message.parts) {
      if (const auto* result = std::get_if<ToolResult>(&part))
        tokens += estimate_tokens(result->text);
      if (const auto* call = std::get_if<ToolCall>(&part))
        tokens += estimate_tokens(to_json(call->arguments));
    }
  }
  return tokens;
}

// The server's own default window is small, and it cuts a longer prompt without a word: so we
// always ask for one.
class OllamaDriver final : public HttpDriver {
 public:
  OllamaDriver(const LlmConfig& config, net::HttpClient& http, std::string chat_url,
               std::string show_url)
      : HttpDriver("ollama", config, http, std::move(chat_url)), show_url_(std::move(show_url)) {
    options_ = {
        .model = config.model, .temperature = config.temperature, .num_ctx = wanted_window(config)};
  }

  Task<std::expected<Response, Failure>> attempt(Ctx ctx, const Request& request,
                                                 EventSink sink) override {
    if (!asked_) co_await ask_about_model(ctx);
    if (auto fits = check_size(request); !fits) co_return std::unexpected(std::move(fits).error());
    HttpAttempt call = attempt_with(encode_ollama(request, options_for(request)), request);
    call.framing = Framing::kLines;
    add_bearer(call.request);
    auto decoder = ollama_decoder(std::move(sink));
    co_return co_await run_attempt(std::move(ctx), http_, std::move(call), *decoder);
  }

  [[nodiscard]] int context_window_tokens() const override { return options_.num_ctx; }
  [[nodiscard]] bool may_take_images() const override { return !asked_ || options_.images; }

 private:
  static int wanted_window(const LlmConfig& config) {
    if (config.num_ctx > 0) return config.num_ctx;
    int room = config.history_token_budget + config.max_tokens_per_request + kPromptRoomTokens;
    return (room + kWindowStep - 1) / kWindowStep * kWindowStep;
  }

  // What the server would cut off without a word is refused here.
  Step check_size(const Request& request) const {
    std::size_t tokens = request_tokens(request);
    if (tokens <= static_cast<std::size_t>(options_.num_ctx)) return {};
    return std::unexpected(Failure{
        .error = {Code::kTooLarge, fmt::format("ollama: the conversation is too long for this "
                                               "model: about {} tokens for a window of {}",
                                               tokens, options_.num_ctx)}});
  }

  // Once: how long the model's window is, whether it sees pictures and calls tools. A server that
  // does not say is taken at its word later, by its answer to the call itself.
  Task<void> ask_about_model(Ctx ctx) {
    json::object body;
    body["model"] = options_.model;
    net::HttpRequest request = json_post(show_url_, to_json(body), {kShowTimeout, kShowTimeout});
    add_bearer(request);
    auto reply = co_await http_.fetch(ctx.within(kShowTimeout), std::move(request));
    if (!reply) co_return;
    asked_ = true;
    if (reply->status != 200) co_return;
    if (auto about = parse_json(reply->body)) learn(*about);
  }

  void learn(const json::value& about) {
    if (const json::object* info = get_object(about, "model_info")) {
      for (const auto& [key, value] : *info) {
        if (!std::string_view(key).ends_with(".context_length") || !value.is_int64()) continue;
        if (value.get_int64() > 0 && value.get_int64() < options_.num_ctx) {
          options_.num_ctx = static_cast<int>(value.get_int64());
        }
      }
    }
    const json::array* abilities = get_array(about, "capabilities");
    if (abilities == nullptr) return;
    auto can = [abilities](std::string_view what) {
      return std::ranges::any_of(*abilities, [what](const json::value& v) {
        return v.is_string() && v.get_string() == what;
      });
    };
    options_.images = can("vision");
    options_.tools = can("tools");
    if (!options_.tools)
      log::warn("llm", "the model {} cannot call tools: it is not offered any", options_.model);
  }

  std::string show_url_;
  bool asked_ = false;
};

}  // namespace

Result<std::unique_ptr<Driver>> open_ollama(const LlmConfig& config, net::HttpClient& http) {
  if (config.model.empty()) return fail(Code::kInvalid, "[llm] model is required for ollama");
  SKEP_TRY(auto chat, ollama_url(config.base_url, "chat"));
  SKEP_TRY(auto show, ollama_url(config.base_url, "show"));
  return std::make_unique<OllamaDriver>(config, http, std::move(chat), std::move(show));
}

}  // namespace skep::llm
