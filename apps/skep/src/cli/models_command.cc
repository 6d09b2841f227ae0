// skep models: what the catalogue knows, and whether a provider answers.
#include <fmt/format.h>

#include <cstdio>

#include "command_line.h"
#include "configure.h"
#include "skep/base/text.h"

namespace skep::cli {

namespace {

using llm::Catalogue;
using llm::ModelInfo;
using llm::ProviderInfo;

bool has_key(const ProviderInfo& provider, const llm::LlmConfig& config, const EnvLookup& env) {
  if (config.provider == provider.id && !config.api_key.empty()) return true;
  return std::ranges::any_of(provider.key_variables, [&env](const std::string& name) {
    return !trim(env(name).value_or(std::string())).empty();
  });
}

std::string_view key_state(const ProviderInfo& provider, bool key) {
  if (key) return "key found";
  return provider.key_required ? "no key" : "needs no key";
}

std::string per_million(PicoUsd price) {
  return format_usd(price * 1'000'000);  // of a token, into that of a million
}

json::object as_json(const ModelInfo& model) {
  return {{"id", model.id},
          {"tier", llm::tier_name(model.tier)},
          {"context", model.context_tokens},
          {"max_output", model.output_tokens_max},
          {"input_usd_per_million", static_cast<double>(model.price.input) / 1e6},
          {"output_usd_per_million", static_cast<double>(model.price.output) / 1e6},
          {"tools", model.tools},
          {"vision", model.vision},
          {"aliases", json::value_from(model.aliases)}};
}

void print_json(const kernel::KernelConfig& config, const EnvLookup& env) {
  json::array providers;
  for (const ProviderInfo& provider : config.catalogue->providers()) {
    json::array models;
    for (const ModelInfo& model : config.catalogue->models()) {
      if (model.provider == provider.id) models.push_back(as_json(model));
    }
    providers.push_back(json::object{{"id", provider.id},
                                     {"name", provider.name},
                                     {"key", has_key(provider, config.llm, env)},
                                     {"key_required", provider.key_required},
                                     {"key_variables", json::value_from(provider.key_variables)},
                                     {"models", std::move(models)}});
  }
  json::object tiers;
  for (const auto& [tier, name] : config.tiers.models) tiers[tier] = name;
  fmt::print("{}\n", to_json(json::object{{"providers", std::move(providers)},
                                          {"default_tier", config.tiers.usual},
                                          {"tiers", std::move(tiers)}}));
}

void print_models(const Catalogue& catalogue, const ProviderInfo& provider) {
  for (const ModelInfo& model : catalogue.models()) {
    if (model.provider != provider.id) continue;
    const std::string aliases = model.aliases.empty() ? "" : "  also " + join(model.aliases, ", ");
    fmt::print("  {:<52} {:<9} {:>8} tokens  {:>7} in {:>7} out{}{}{}\n", model.id,
               llm::tier_name(model.tier), model.context_tokens, per_million(model.price.input),
               per_million(model.price.output), model.tools ? "" : "  no tools",
               model.vision ? "  sees images" : "", aliases);
  }
}

// What [llm] says, under the names that /tier knows.
void print_tiers(const kernel::KernelConfig& config) {
  const llm::TiersConfig& tiers = config.tiers;
  if (tiers.models.empty()) return;
  const auto line = [&](std::string_view tier, std::string_view name) {
    fmt::print("  {:<12} {}{}\n", tier, name, tier == tiers.usual ? "  (default)" : "");
  };
  fmt::print("tiers:\n");
  if (!tiers.models.contains(llm::TiersConfig::kStandard))
    line(llm::TiersConfig::kStandard, config.llm.model.empty() ? "[llm] model" : config.llm.model);
  for (const auto& [tier, name] : tiers.models) line(tier, name);
}

void print_table(const kernel::KernelConfig& config, const EnvLookup& env, bool all) {
  print_tiers(config);
  std::size_t hidden = 0;
  for (const ProviderInfo& provider : config.catalogue->providers()) {
    const bool key = has_key(provider, config.llm, env);
    if (!all && !key && provider.key_required && provider.id != config.llm.provider) {
      ++hidden;
      continue;
    }
    fmt::print("{} ({}): {}{}\n", provider.id, provider.name, key_state(provider, key),
               key || !provider.key_required || provider.key_variables.empty()
                   ? ""
                   : "; set " + provider.key_variables.front());
    print_models(*config.catalogue, provider);
  }
  fmt::print("Prices in US dollars for a million tokens. More or other models: {}/models.json\n",
             config.home);
  if (hidden > 0)
    fmt::print("{} providers without a key are not shown: --all shows them.\n", hidden);
}

// The configuration with another provider or model in it: what belongs to the configured one is
// left out.
llm::LlmConfig config_for(const kernel::KernelConfig& config, const std::string& target) {
  llm::LlmConfig llm = config.llm;
  llm.retries = 0;
  llm.max_tokens_per_request = 64;
  if (target.empty()) return llm;
  const std::string provider = target.substr(0, target.find(':'));
  const bool named = config.catalogue->provider(provider) != nullptr || provider == "demo";
  if (named && provider != llm.provider) {
    llm.api_key = Secret();
    llm.base_url.clear();
  }
  llm.provider = named ? provider : "";
  if (!named)
    llm.model = target;
  else if (target.size() > provider.size())
    llm.model = target.substr(provider.size() + 1);
  else if (provider != config.llm.provider)
    llm.model.clear();
  return llm;
}

struct Trial {
  std::string model;
  llm::Response answer;
  std::chrono::milliseconds first{0}, whole{0};
  PicoUsd cost = 0;
};

Task<Result<Trial>> try_model(Loop& loop, const kernel::KernelConfig& config,
                              const std::string& target) {
  using Steady = std::chrono::steady_clock;
  net::HttpClient::Deps deps{.loop = loop, .user_agent = "skep/" + std::string(kernel::version())};
  SKEP_CO_TRY(auto http, net::HttpClient::open(std::move(deps)));
  const EnvLookup env = process_env();
  SKEP_CO_TRY(auto choice, co_await llm::choose_model(Ctx{}, config_for(config, target),
                                                      *config.catalogue, *http, env));
  SKEP_CO_TRY(auto model, llm::Model::open(choice.config, {.loop = loop, .http = *http}));
  llm::Request request;
  request.messages = {{llm::Role::kUser, {TextPart{"Answer with the one word: ready"}}}};
  request.max_tokens = choice.config.max_tokens_per_request;
  Trial trial{.model = model->driver().describe()};
  const auto start = Steady::now();
  const auto since = [start] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - start);
  };
  llm::EventSink sink = [&trial, &since](const llm::StreamEvent&) {
    if (trial.first.count() == 0) trial.first = since();
  };
  auto answer = co_await model->stream(Ctx{}, request, std::move(sink), {});
  if (!answer) {
    Error error = std::move(answer).error().error;
    error.message =
        fmt::format("{} ({}) does not work: {}", trial.model, choice.why, error.message);
    co_return fail(std::move(error));
  }
  trial.whole = since();
  trial.answer = std::move(*answer);
  const llm::Price price = choice.config.info ? choice.config.info->price : llm::kUnknownPrice;
  if (choice.config.provider != "demo") trial.cost = price.of(trial.answer.usage);
  co_return trial;
}

}  // namespace

int run_models(const Options& options) {
  const auto config = configure_or_report(options);
  if (!config) return kExitConfig;
  const EnvLookup env = process_env();
  if (options.json)
    print_json(*config, env);
  else
    print_table(*config, env, options.all);
  return 0;
}

int run_models_test(const Options& options) {
  const auto config = configure_or_report(options);
  if (!config) return kExitConfig;
  Loop loop;
  const Result<Trial> trial = loop.run(try_model(loop, *config, options.target));
  if (!trial) return report(trial.error());
  const Usage& usage = trial->answer.usage;
  fmt::print("{}: answered \"{}\" in {} ms (first word after {} ms); {} tokens in, {} out, {}\n",
             trial->model, trim(text_of(trial->answer.parts)), trial->whole.count(),
             trial->first.count(), usage.input + usage.cache_read + usage.cache_write, usage.output,
             format_usd(trial->cost));
  return 0;
}

}  // namespace skep::cli
