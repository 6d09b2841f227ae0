// Which model to use when the configuration leaves it open.
#include <array>

#include "drivers.h"
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
constexpr std::array<std::string_view, 5> kProviders = {"anthropic", "openai", "gemini", "ollama",
                                                        "demo"};

struct CloudProvider {
  std::string_view name;
  std::string_view key_variable;
  std::string_view url_variable;
  std::string_view default_model;
  std::string_view second_key_variable = {};  // where its users keep the key as well
};
constexpr std::array kCloud = {
    CloudProvider{"anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", kAnthropicModel},
    CloudProvider{"openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", kOpenaiModel},
    CloudProvider{"gemini", "GEMINI_API_KEY", "GEMINI_BASE_URL", kGeminiModel, "GOOGLE_API_KEY"},
};

const CloudProvider* find_cloud(std::string_view name) {
  for (const CloudProvider& cloud : kCloud) {
    if (cloud.name == name) return &cloud;
  }
  return nullptr;
}

std::string lookup(const EnvLookup& env, std::string_view name) {
  return std::string(trim(env(name).value_or(std::string())));
}

std::string found_key(const CloudProvider& cloud, const EnvLookup& env) {
  std::string key = lookup(env, cloud.key_variable);
  if (key.empty() && !cloud.second_key_variable.empty())
    key = lookup(env, cloud.second_key_variable);
  return key;
}

bool is_provider(std::string_view name) {
  return std::ranges::find(kProviders, name) != kProviders.end();
}

// "provider:model[:tag]": only a known provider in front counts, model names hold colons
// themselves.
void split_provider(LlmConfig& config) {
  std::size_t colon = config.model.find(':');
  if (colon == std::string::npos) return;
  std::string prefix = config.model.substr(0, colon);
  if (!is_provider(prefix) || (!config.provider.empty() && config.provider != prefix)) return;
  config.provider = prefix;
  config.model.erase(0, colon + 1);
}

std::optional<std::string_view> provider_by_name(std::string_view model) {
  if (model.starts_with("claude")) return "anthropic";
  if (model.starts_with("gemini")) return "gemini";
  for (std::string_view prefix : {"gpt-", "chatgpt-", "o1", "o3", "o4"}) {
    if (model.starts_with(prefix) && !model.starts_with("gpt-oss")) return "openai";
  }
  return std::nullopt;
}

// The names that an Ollama knows. A bare connection comes first: when nobody listens that ends at
// once, and the HTTP client need not even start.
Task<Result<std::vector<std::string>>> ollama_models(Ctx ctx, std::string base_url,
                                                     net::HttpClient& http) {
  SKEP_CO_TRY(auto endpoint,
              parse_endpoint(base_url.empty() ? "localhost" : base_url, kOllamaPort));
  SKEP_CO_TRY(auto url, ollama_url(base_url, "tags"));
  Ctx probe = ctx.within(kProbeTimeout);
  {
    net::TcpOptions options{.connect_timeout = kProbeTimeout};
    SKEP_CO_TRY(auto stream,
                co_await net::connect_tcp(probe, endpoint.host, endpoint.port, options));
    stream->close();
  }
  net::HttpRequest request{.url = url, .body_bytes_max = kTagsBytesMax};
  SKEP_CO_TRY(auto reply, co_await http.fetch(probe, std::move(request)));
  if (reply.status != 200)
    co_return fail(Code::kUnavailable, fmt::format("{} answers HTTP {}", url, reply.status));
  SKEP_CO_TRY(auto body, parse_json(reply.body));
  std::vector<std::string> names;
  if (const json::array* models = get_array(body, "models")) {
    for (const json::value& model : *models) {
      if (std::string_view name = get_string(model, "name"); !name.empty())
        names.emplace_back(name);
    }
  }
  co_return names;
}

std::string shown_ollama(const LlmConfig& config) {
  auto endpoint =
      parse_endpoint(config.base_url.empty() ? "localhost" : config.base_url, kOllamaPort);
  return endpoint ? fmt::format("{}:{}", endpoint->host, endpoint->port) : config.base_url;
}

void take_ollama_host(LlmConfig& config, const EnvLookup& env) {
  if (config.base_url.empty()) config.base_url = lookup(env, "OLLAMA_HOST");
}

Result<Choice> use_cloud(LlmConfig config, const CloudProvider& cloud, const EnvLookup& env,
                         std::string why) {
  if (config.base_url.empty()) config.base_url = lookup(env, cloud.url_variable);
  if (config.api_key.empty()) config.api_key = Secret(found_key(cloud, env));
  // A server of one's own may well ask for none.
  if (config.api_key.empty() && config.base_url.empty()) {
    return fail(Code::kInvalid, fmt::format("{} needs a key: set {} or [llm] api_key", cloud.name,
                                            cloud.key_variable));
  }
  config.provider = cloud.name;
  if (config.model.empty()) config.model = cloud.default_model;
  return Choice{.config = std::move(config), .why = std::move(why)};
}

Task<Result<Choice>> use_ollama(Ctx ctx, LlmConfig config, net::HttpClient& http,
                                const EnvLookup& env) {
  take_ollama_host(config, env);
  if (!config.model.empty())
    co_return Choice{.config = std::move(config), .why = "[llm] provider is ollama"};
  std::string where = shown_ollama(config);
  auto names = co_await ollama_models(ctx, config.base_url, http);
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

Task<Result<Choice>> use_configured(Ctx ctx, LlmConfig config, net::HttpClient& http,
                                    const EnvLookup& env) {
  if (!is_provider(config.provider)) {
    std::vector<std::string> known(kProviders.begin(), kProviders.end());
    auto near = nearest(config.provider, known);
    co_return fail(
        Code::kInvalid,
        fmt::format("[llm] provider \"{}\" is unknown{}: use one of {} (\"openai\" with base_url "
                    "serves every compatible server)",
                    config.provider, near ? fmt::format(", did you mean \"{}\"?", *near) : "",
                    join(known, ", ")));
  }
  std::string why = fmt::format("[llm] provider is {}", config.provider);
  if (const CloudProvider* cloud = find_cloud(config.provider))
    co_return use_cloud(std::move(config), *cloud, env, why);
  if (config.provider == "ollama")
    co_return co_await use_ollama(std::move(ctx), std::move(config), http, env);
  config.model = "demo";
  co_return Choice{.config = std::move(config), .why = std::move(why)};
}

// A key or a model without a provider still says whose it is.
std::optional<std::string> provider_of_parts(const LlmConfig& config) {
  if (auto by_name = provider_by_name(config.model)) return std::string(*by_name);
  if (config.api_key.reveal().starts_with("sk-ant-")) return "anthropic";
  if (!config.api_key.empty() || !config.base_url.empty()) return "openai";
  return std::nullopt;
}

Task<Result<Choice>> search(Ctx ctx, LlmConfig config, net::HttpClient& http,
                            const EnvLookup& env) {
  // A model of no known family is not a cloud provider's: only an Ollama that has it will do.
  bool any_model = config.model.empty();
  for (const CloudProvider& cloud : kCloud) {
    if (any_model && !found_key(cloud, env).empty()) {
      const bool first = !lookup(env, cloud.key_variable).empty();
      co_return use_cloud(
          std::move(config), cloud, env,
          fmt::format("{} is set", first ? cloud.key_variable : cloud.second_key_variable));
    }
  }
  take_ollama_host(config, env);
  std::string where = shown_ollama(config);
  auto names = co_await ollama_models(ctx, config.base_url, http);
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

}  // namespace

Task<Result<Choice>> choose_model(Ctx ctx, LlmConfig config, net::HttpClient& http,
                                  const EnvLookup& env) {
  split_provider(config);
  if (config.provider.empty()) {
    if (auto provider = provider_of_parts(config)) config.provider = *provider;
  }
  if (!config.provider.empty())
    co_return co_await use_configured(std::move(ctx), std::move(config), http, env);
  co_return co_await search(std::move(ctx), std::move(config), http, env);
}

}  // namespace skep::llm
