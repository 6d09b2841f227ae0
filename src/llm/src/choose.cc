// Which model to use when the configuration leaves it open.
#include <array>

#include "endpoint.h"
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/llm/model.h"
#include "skep/net/stream.h"

namespace skep::llm {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProbeTimeout{300};
constexpr std::size_t kTagsBytesMax = 4u << 20;

// What the choice is made from. Outlives the coroutines below.
struct Sources {
  const Catalogue& catalogue;
  const EnvLookup& env;
  net::HttpClient* http = nullptr;  // null: nobody is asked

  [[nodiscard]] std::string variable(std::string_view name) const {
    return name.empty() ? std::string() : std::string(trim(env(name).value_or(std::string())));
  }
  // The variable that holds the provider's key; empty: none does.
  [[nodiscard]] std::string_view key_variable(const ProviderInfo& provider) const {
    for (const std::string& name : provider.key_variables) {
      if (!variable(name).empty()) return name;
    }
    return {};
  }
};

std::string_view provider_by_name(std::string_view model) {
  if (model.starts_with("claude")) return "anthropic";
  if (model.starts_with("gemini")) return "gemini";
  for (std::string_view prefix : {"gpt-", "chatgpt-", "o1", "o3", "o4"}) {
    if (model.starts_with(prefix) && !model.starts_with("gpt-oss")) return "openai";
  }
  return {};
}

// "provider:model[:tag]": only a known provider in front counts, model names hold colons
// themselves ("mistral:latest" is an Ollama's, and no Mistral key makes it otherwise).
void split_provider(LlmConfig& config, const Sources& from) {
  const std::size_t colon = config.model.find(':');
  if (colon == std::string::npos || from.catalogue.model(config.model) != nullptr) return;
  const std::string prefix = config.model.substr(0, colon);
  const ProviderInfo* provider = from.catalogue.provider(prefix);
  if (provider == nullptr && prefix != "demo") return;
  if (!config.provider.empty() && config.provider != prefix) return;
  config.provider = prefix;
  config.model.erase(0, colon + 1);
}

void take_text_calls(LlmConfig& config, const Sources& from) {
  if (config.text_tool_calls) return;
  const ProviderInfo* provider = from.catalogue.provider(config.provider);
  const ModelInfo* info = from.catalogue.model(config.model, config.provider);
  if (info != nullptr) config.text_tool_calls = info->text_calls;
  if (!config.text_tool_calls && provider != nullptr) config.text_tool_calls = provider->text_calls;
}

// Takes the catalogue's entry for the model, under whatever name it was asked for.
void take_info(LlmConfig& config, const Sources& from) {
  if (const ProviderInfo* provider = from.catalogue.provider(config.provider))
    config.wire = provider->wire;
  take_text_calls(config, from);
  const ModelInfo* info = from.catalogue.model(config.model, config.provider);
  if (info == nullptr) return;
  config.model = info->id;
  config.info = *info;
  config.max_tokens_per_request = std::min(config.max_tokens_per_request, info->output_tokens_max);
}

Result<void> check_status(const net::HttpResponse& reply, const std::string& url) {
  if (reply.status == 200) return {};
  return fail(Code::kUnavailable, fmt::format("{} answers HTTP {}", url, reply.status));
}

// The models that a server on this machine offers: `list` and `name` are where its answer has them.
// A bare connection comes first: when nobody listens that ends at once, and the HTTP client need
// not even start.
Task<Result<std::vector<std::string>>> offered_models(Ctx ctx, Endpoint endpoint, std::string url,
                                                      std::string_view list, std::string_view name,
                                                      net::HttpClient& http) {
  Ctx probe = ctx.within(kProbeTimeout);
  {
    net::TcpOptions options{.connect_timeout = kProbeTimeout};
    SKEP_CO_TRY(auto stream,
                co_await net::connect_tcp(probe, endpoint.host, endpoint.port, options));
    stream->close();
  }
  net::HttpRequest request{.url = url, .body_bytes_max = kTagsBytesMax};
  SKEP_CO_TRY(auto reply, co_await http.fetch(probe, std::move(request)));
  SKEP_CO_TRY_VOID(check_status(reply, url));
  SKEP_CO_TRY(auto body, parse_json(reply.body));
  std::vector<std::string> names;
  if (const json::array* models = get_array(body, list)) {
    for (const json::value& model : *models) {
      if (std::string_view found = get_string(model, name); !found.empty())
        names.emplace_back(found);
    }
  }
  co_return names;
}

Task<Result<std::vector<std::string>>> ollama_models(Ctx ctx, std::string base_url,
                                                     net::HttpClient& http) {
  SKEP_CO_TRY(auto endpoint,
              parse_endpoint(base_url.empty() ? "localhost" : base_url, kOllamaPort));
  SKEP_CO_TRY(auto url, ollama_url(base_url, "tags"));
  co_return co_await offered_models(std::move(ctx), std::move(endpoint), std::move(url), "models",
                                    "name", http);
}

std::string shown_ollama(const LlmConfig& config) {
  auto endpoint =
      parse_endpoint(config.base_url.empty() ? "localhost" : config.base_url, kOllamaPort);
  return endpoint ? fmt::format("{}:{}", endpoint->host, endpoint->port) : config.base_url;
}

void take_ollama_host(LlmConfig& config, const Sources& from) {
  if (config.base_url.empty()) config.base_url = from.variable("OLLAMA_HOST");
}

Result<Choice> use_cloud(LlmConfig config, const ProviderInfo& provider, const Sources& from,
                         std::string why) {
  if (config.base_url.empty()) config.base_url = from.variable(provider.url_variable);
  if (config.api_key.empty()) config.api_key = Secret(from.variable(from.key_variable(provider)));
  // A server of one's own may well ask for none.
  if (config.api_key.empty() && config.base_url.empty()) {
    return fail(Code::kInvalid, fmt::format("{} needs a key: set {} or [llm] api_key", provider.id,
                                            provider.key_variables.front()));
  }
  if (config.base_url.empty()) config.base_url = provider.base_url;
  config.provider = provider.id;
  if (config.model.empty()) config.model = provider.default_model;
  return Choice{.config = std::move(config), .why = std::move(why)};
}

// Where a server on this machine that speaks OpenAI's protocol (vLLM, LM Studio) is, and its key.
void take_local_server(LlmConfig& config, const ProviderInfo& provider, const Sources& from) {
  if (config.base_url.empty()) config.base_url = from.variable(provider.url_variable);
  if (config.base_url.empty()) config.base_url = provider.base_url;
  if (config.api_key.empty()) config.api_key = Secret(from.variable(from.key_variable(provider)));
}

Task<Result<Choice>> use_local(Ctx ctx, LlmConfig config, const ProviderInfo& provider,
                               const Sources& from, std::string why) {
  take_local_server(config, provider, from);
  if (!config.model.empty()) co_return Choice{.config = std::move(config), .why = std::move(why)};
  SKEP_CO_TRY(auto endpoint, parse_endpoint(config.base_url, 0));
  SKEP_CO_TRY(auto chat, openai_url(config.base_url));
  std::string url = chat.substr(0, chat.size() - std::string_view("chat/completions").size());
  auto names = co_await offered_models(std::move(ctx), std::move(endpoint), url + "models", "data",
                                       "id", *from.http);
  if (!names || names->empty()) {
    co_return fail(
        Code::kUnavailable,
        fmt::format("no {} with a model at {} ({}): start it, or set [llm] model and "
                    "base_url",
                    provider.name, config.base_url, names ? "it has none" : names.error().message));
  }
  config.model = names->front();
  co_return Choice{.config = std::move(config), .why = fmt::format("{} ({})", why, names->front())};
}

Task<Result<Choice>> use_ollama(Ctx ctx, LlmConfig config, const Sources& from) {
  take_ollama_host(config, from);
  if (!config.model.empty())
    co_return Choice{.config = std::move(config), .why = "[llm] provider is ollama"};
  std::string where = shown_ollama(config);
  auto names = co_await ollama_models(ctx, config.base_url, *from.http);
  if (!names) {
    Error error = std::move(names).error();
    if (error.code != Code::kInvalid && error.code != Code::kCancelled)
      error.code = Code::kUnavailable;
    error.message = fmt::format("no Ollama at {} ({}): start it, or set [llm] model and host",
                                where, error.message);
    co_return fail(std::move(error));
  }
  if (names->empty()) {
    co_return fail(Code::kInvalid,
                   fmt::format("the Ollama at {} has no model: run `ollama pull` for one", where));
  }
  config.model = names->front();
  co_return Choice{.config = std::move(config),
                   .why = fmt::format("Ollama answers on {} ({})", where, names->front())};
}

Error unknown_provider(std::string_view provider, const Sources& from) {
  std::vector<std::string> known;
  for (const ProviderInfo& one : from.catalogue.providers()) known.push_back(one.id);
  known.emplace_back("demo");
  auto near = nearest(provider, known);
  return {Code::kInvalid,
          fmt::format("[llm] provider \"{}\" is unknown{}: use one of {} (\"openai\" with base_url "
                      "serves every compatible server)",
                      provider, near ? fmt::format(", did you mean \"{}\"?", *near) : "",
                      join(known, ", "))};
}

Task<Result<Choice>> use_configured(Ctx ctx, LlmConfig config, const Sources& from) {
  std::string why = fmt::format("[llm] provider is {}", config.provider);
  if (config.provider == "demo") {
    config.model = "demo";
    co_return Choice{.config = std::move(config), .why = std::move(why)};
  }
  const ProviderInfo* provider = from.catalogue.provider(config.provider);
  if (provider == nullptr) co_return fail(unknown_provider(config.provider, from));
  if (provider->wire == Wire::kOllama)
    co_return co_await use_ollama(std::move(ctx), std::move(config), from);
  if (provider->key_required) co_return use_cloud(std::move(config), *provider, from, why);
  co_return co_await use_local(std::move(ctx), std::move(config), *provider, from, why);
}

// A key or a model without a provider still says whose it is.
std::string_view provider_of_parts(const LlmConfig& config, const Sources& from) {
  if (auto by_name = provider_by_name(config.model); !by_name.empty()) return by_name;
  if (config.api_key.reveal().starts_with("sk-ant-")) return "anthropic";
  if (!config.api_key.empty() || !config.base_url.empty()) return "openai";
  // An alias of a model that can be paid for; a name that a local Ollama may have as well is not
  // taken away from it.
  const ModelInfo* info = config.model.empty() ? nullptr : from.catalogue.model(config.model);
  if (info == nullptr) return {};
  const ProviderInfo* provider = from.catalogue.provider(info->provider);
  return from.key_variable(*provider).empty() ? std::string_view() : provider->id;
}

Task<Result<Choice>> search(Ctx ctx, LlmConfig config, const Sources& from) {
  // A model of no known family is not a cloud provider's: only an Ollama that has it will do.
  const bool any_model = config.model.empty();
  for (const ProviderInfo& provider : from.catalogue.providers()) {
    const std::string_view variable = from.key_variable(provider);
    if (any_model && provider.key_required && !variable.empty()) {
      co_return use_cloud(std::move(config), provider, from, fmt::format("{} is set", variable));
    }
  }
  take_ollama_host(config, from);
  std::string where = shown_ollama(config);
  auto names = co_await ollama_models(ctx, config.base_url, *from.http);
  SKEP_CO_TRY_VOID(ctx.check());
  bool has_it =
      names && std::ranges::any_of(*names, [&config](const std::string& name) {
        return config.model.empty() || name == config.model || name == config.model + ":latest";
      });
  if (has_it) {
    config.provider = "ollama";
    if (any_model) config.model = names->front();
    std::string why = fmt::format("Ollama answers on {} ({})", where, config.model);
    co_return Choice{.config = std::move(config), .why = std::move(why)};
  }
  if (!any_model) {
    co_return fail(
        Code::kInvalid,
        fmt::format("[llm] model \"{}\" fits no known provider, and no Ollama on {} has it: set "
                    "[llm] provider",
                    config.model, where));
  }
  std::string why = "no key and no Ollama found";
  if (names) why = fmt::format("no key found, and the Ollama on {} has no model", where);
  config.provider = "demo";
  config.model = "demo";
  config.base_url.clear();
  co_return Choice{.config = std::move(config), .why = std::move(why)};
}

Task<Result<Choice>> choose_one(Ctx ctx, LlmConfig config, const Sources& from) {
  split_provider(config, from);
  if (config.provider.empty()) config.provider = provider_of_parts(config, from);
  auto choice = config.provider.empty()
                    ? co_await search(std::move(ctx), std::move(config), from)
                    : co_await use_configured(std::move(ctx), std::move(config), from);
  if (choice) take_info(choice->config, from);
  co_return choice;
}

// The same for a configuration that leaves nothing to find out.
Result<LlmConfig> choose_one_named(LlmConfig config, const Sources& from) {
  split_provider(config, from);
  if (config.provider.empty()) config.provider = provider_of_parts(config, from);
  if (config.provider == "demo") {
    config.model = "demo";
    return config;
  }
  const ProviderInfo* provider = from.catalogue.provider(config.provider);
  if (provider == nullptr) return fail(unknown_provider(config.provider, from));
  const bool may_be_open = provider->key_required && !provider->default_model.empty();
  if (config.model.empty() && !may_be_open)
    return fail(Code::kInvalid, fmt::format("name a model of {}", provider->id));
  if (provider->wire == Wire::kOllama) {
    take_ollama_host(config, from);
  } else if (provider->key_required) {
    SKEP_TRY(Choice choice, use_cloud(std::move(config), *provider, from, {}));
    config = std::move(choice.config);
  } else {
    take_local_server(config, *provider, from);
  }
  take_info(config, from);
  return config;
}

}  // namespace

Result<LlmConfig> choose_named(LlmConfig config, const Catalogue& catalogue, const EnvLookup& env) {
  const Sources from{catalogue, env};
  std::vector<LlmConfig> fallbacks = std::exchange(config.fallbacks, {});
  SKEP_TRY(LlmConfig chosen, choose_one_named(std::move(config), from));
  for (LlmConfig& one : fallbacks) {
    SKEP_TRY(LlmConfig fallback, choose_one_named(std::move(one), from));
    chosen.fallbacks.push_back(std::move(fallback));
  }
  return chosen;
}

Task<Result<Choice>> choose_model(Ctx ctx, LlmConfig config, const Catalogue& catalogue,
                                  net::HttpClient& http, const EnvLookup& env) {
  const Sources from{catalogue, env, &http};
  std::vector<LlmConfig> fallbacks = std::exchange(config.fallbacks, {});
  SKEP_CO_TRY(Choice choice, co_await choose_one(ctx, std::move(config), from));
  for (std::size_t at = 0; at < fallbacks.size(); ++at) {
    auto fallback = co_await choose_one(ctx, std::move(fallbacks[at]), from);
    if (!fallback) {
      Error error = std::move(fallback).error();
      error.message = fmt::format("[[llm.fallback]] {}: {}", at + 1, error.message);
      co_return fail(std::move(error));
    }
    choice.config.fallbacks.push_back(std::move(fallback->config));
  }
  co_return choice;
}

}  // namespace skep::llm
