#include "skep/llm/embedder.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "breaker.h"
#include "classify.h"
#include "endpoint.h"
#include "http_attempt.h"
#include "retries.h"
#include "skep/async/wait.h"
#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::llm {
namespace {

// What each provider's people would take.
struct Usual {
  std::string_view provider, model;
};
constexpr std::array kUsual{Usual{"openai", "text-embedding-3-small"},
                            Usual{"mistral", "mistral-embed"},
                            Usual{"together", "togethercomputer/m2-bert-80M-8k-retrieval"},
                            Usual{"fireworks", "nomic-ai/nomic-embed-text-v1.5"},
                            Usual{"ollama", "nomic-embed-text"},
                            Usual{"vllm", "nomic-embed-text"},
                            Usual{"lmstudio", "nomic-embed-text"}};

Result<std::string> url_of(const EmbedderConfig& config) {
  if (config.wire == Wire::kOllama) return ollama_url(config.base_url, "embed");
  SKEP_TRY(std::string url, openai_url(config.base_url));
  constexpr std::string_view kChat = "/chat/completions";
  return url.substr(0, url.size() - kChat.size()) + "/embeddings";
}

std::unexpected<Error> bad(std::string_view what) {
  return fail(Code::kCorrupt, fmt::format("the answer is no list of vectors: {}", what));
}

Result<std::vector<float>> vector_from(const json::value* value) {
  const json::array* array = value == nullptr ? nullptr : value->if_array();
  if (array == nullptr || array->empty() || array->size() > embedding_numbers_max)
    return bad("no numbers, or too many");
  std::vector<float> vector;
  vector.reserve(array->size());
  for (const json::value& number : *array) {
    if (!number.is_number()) return bad("not a number");
    const auto x = static_cast<float>(number.to_number<double>());
    if (!std::isfinite(x)) return bad("a number that is none");
    vector.push_back(x);
  }
  return vector;
}

// {"data":[{"index":0,"embedding":[…]}],"usage":{"prompt_tokens":5}}, in any order.
Result<Embedded> openai_answer(const json::value& body, std::size_t texts) {
  const json::array* data = get_array(body, "data");
  if (data == nullptr || data->size() != texts) return bad("not as many as there are texts");
  Embedded out{.vectors = std::vector<std::vector<float>>(texts)};
  for (std::size_t i = 0; i < texts; ++i) {
    const json::value& one = (*data)[i];
    const auto index =
        static_cast<std::size_t>(get_int(one, "index").value_or(static_cast<std::int64_t>(i)));
    if (index >= texts || !out.vectors[index].empty()) return bad("an index twice or too high");
    SKEP_TRY(out.vectors[index], vector_from(get_member(one, "embedding")));
  }
  if (const json::value* usage = get_member(body, "usage"))
    out.usage.input = std::max<std::int64_t>(0, get_int(*usage, "prompt_tokens").value_or(0));
  return out;
}

// {"embeddings":[[…]],"prompt_eval_count":5}
Result<Embedded> ollama_answer(const json::value& body, std::size_t texts) {
  const json::array* data = get_array(body, "embeddings");
  if (data == nullptr || data->size() != texts) return bad("not as many as there are texts");
  Embedded out;
  for (const json::value& one : *data) {
    SKEP_TRY(std::vector<float> vector, vector_from(&one));
    out.vectors.push_back(std::move(vector));
  }
  out.usage.input = std::max<std::int64_t>(0, get_int(body, "prompt_eval_count").value_or(0));
  return out;
}

}  // namespace

Result<EmbedderConfig> EmbedderConfig::choose(EmbedderConfig config, const Catalogue& catalogue,
                                              const EnvLookup& env) {
  const ProviderInfo* provider = catalogue.provider(config.provider);
  if (provider == nullptr) {
    return fail(Code::kInvalid, fmt::format("there is no provider \"{}\" in the catalogue",
                                            cut_utf8(config.provider, 64)));
  }
  if (provider->wire != Wire::kOpenai && provider->wire != Wire::kOllama) {
    return fail(Code::kInvalid,
                fmt::format("{} has no embeddings that are known here", provider->name));
  }
  config.wire = provider->wire;
  if (config.base_url.empty()) config.base_url = provider->base_url;
  if (config.model.empty()) {
    const auto* usual = std::ranges::find(kUsual, config.provider, &Usual::provider);
    if (usual == kUsual.end())
      return fail(Code::kInvalid, fmt::format("{} needs a model to be named", provider->name));
    config.model = usual->model;
  }
  for (const std::string& name : provider->key_variables) {
    if (config.api_key.empty()) config.api_key = Secret(std::string(trim(env(name).value_or(""))));
  }
  if (config.api_key.empty() && provider->key_required) {
    return fail(Code::kInvalid,
                fmt::format("{} needs a key: api_key, or {} in the environment", provider->name,
                            provider->key_variables.empty() ? "a variable"
                                                            : provider->key_variables.front()));
  }
  const ModelInfo* info = catalogue.model(config.model, config.provider);
  if (info != nullptr)
    config.price = info->price;
  else if (provider->key_required)
    config.price = kUnknownPrice;
  return config;
}

std::string embed_request(const EmbedderConfig& config, const std::vector<std::string>& texts) {
  json::array input;
  for (const std::string& text : texts) input.emplace_back(to_valid_utf8(text));
  json::object body{{"model", config.model}, {"input", std::move(input)}};
  if (config.wire == Wire::kOpenai) body["encoding_format"] = "float";
  return to_json(body);
}

Result<Embedded> embed_answer(Wire wire, std::string_view body, std::size_t texts) {
  const auto value = parse_json(body);
  if (!value || !value->is_object()) return bad("no JSON object");
  SKEP_TRY(Embedded out,
           wire == Wire::kOllama ? ollama_answer(*value, texts) : openai_answer(*value, texts));
  const std::size_t numbers = out.vectors.empty() ? 0 : out.vectors.front().size();
  for (const std::vector<float>& vector : out.vectors) {
    if (vector.size() != numbers) return bad("vectors of different lengths");
  }
  return out;
}

struct Embedder::State {
  Breaker breaker;
  Retries retries;
  std::string said;  // by its newest failure
};

Embedder::Embedder(EmbedderConfig config, net::HttpClient& http)
    : config_(std::move(config)),
      http_(http),
      state_(new State{
          .breaker = {},
          .retries = Retries({.retries = config_.retries, .budget = config_.retry_budget}),
          .said = {}}) {}
Embedder::~Embedder() = default;

std::string Embedder::name() const {
  return fmt::format("{} ({})", config_.provider, config_.model);
}

std::string Embedder::trouble() const {
  const auto left = std::chrono::ceil<std::chrono::seconds>(state_->breaker.open_until() -
                                                            std::chrono::steady_clock::now());
  if (state_->breaker.closed() || left.count() <= 0) return {};
  return fmt::format("{} rests for {} s: {}", name(), left.count(), state_->said);
}

Result<void> Embedder::ready() {
  if (state_->breaker.admits(std::chrono::steady_clock::now())) return {};
  const std::string why = trouble();
  return fail(Code::kUnavailable, why.empty() ? name() + " is being tried again" : why);
}

void Embedder::note(const Failure& failure) {
  if (!trouble_of(failure)) return;
  state_->said = failure.error.message;
  // The rest is short whatever the trouble: meanwhile words are searched, and one refused call a
  // minute costs nobody much.
  state_->breaker.failed(Trouble::kPassing, std::chrono::steady_clock::now(),
                         failure.retry_after.value_or(config_.rest));
  log::warn("llm", "texts are searched by their words only: {}", trouble());
}

Task<std::expected<Embedded, Failure>> Embedder::embed(Ctx ctx, std::vector<std::string> texts) {
  Attempts attempts;
  Usage spent;
  const Ctx bounded = ctx.within(config_.all_timeout);
  for (;;) {
    auto outcome = co_await attempt(bounded, texts);
    ++attempts.made;
    ++attempts.made_with;
    spent += outcome ? outcome->usage : outcome.error().usage;
    if (outcome) {
      if (!state_->breaker.closed()) log::info("llm", "{} answers again", name());
      state_->breaker.succeeded();
      outcome->usage = spent;
      co_return outcome;
    }
    Failure& failure = outcome.error();
    failure.usage = spent;
    if (!ctx.check()) co_return outcome;  // the caller's end says nothing about the provider
    const auto delay = state_->retries.next(failure, attempts);
    if (!delay || std::chrono::steady_clock::now() + *delay >= bounded.deadline) {
      if (attempts.made > 1)
        failure.error.message += fmt::format(" (tried {} times)", attempts.made);
      note(failure);
      co_return outcome;
    }
    log::info("llm", "{}: trying again in {} ms ({})", name(), delay->count(),
              failure.error.message);
    if (auto slept = co_await sleep_for(ctx, *delay); !slept) co_return outcome;
  }
}

Task<std::expected<Embedded, Failure>> Embedder::attempt(Ctx ctx,
                                                         const std::vector<std::string>& texts) {
  auto url = url_of(config_);
  if (!url) co_return std::unexpected(Failure{.error = std::move(url).error()});
  net::HttpRequest request =
      json_post(*url, embed_request(config_, texts), {.first_byte = config_.timeout});
  if (!config_.api_key.empty())
    request.headers.emplace_back("authorization",
                                 fmt::format("Bearer {}", config_.api_key.reveal()));
  auto reply = co_await http_.fetch(ctx.within(config_.timeout), std::move(request));
  Failure failure;
  if (!reply) {
    failure = classify_transport(config_.provider, std::move(reply).error());
  } else if (reply->status / 100 != 2) {
    failure = classify_reply(config_.provider, reply->status, reply->headers, reply->body,
                             Clock::system().now());
  } else {
    auto answer = embed_answer(config_.wire, reply->body, texts.size());
    if (answer) co_return *std::move(answer);
    failure.error = std::move(answer).error().in(config_.provider);
    failure.retryable = true;
  }
  // Whatever a server repeats, the key stays here.
  if (!config_.api_key.empty())
    failure.error.message =
        replace_all(std::move(failure.error.message), config_.api_key.reveal(), "…");
  co_return std::unexpected(std::move(failure));
}

}  // namespace skep::llm
