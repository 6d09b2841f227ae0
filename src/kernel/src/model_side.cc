#include "model_side.h"

namespace skep::kernel {
namespace {

// Whether somebody would have to be asked for it.
bool is_open(const llm::LlmConfig& config) {
  return config.provider.empty() || (config.provider == "ollama" && config.model.empty());
}

}  // namespace

Task<Result<std::unique_ptr<ModelSide>>> ModelSide::open(Ctx ctx, Loop& loop, net::HttpClient& http,
                                                         const KernelConfig& config) {
  std::unique_ptr<ModelSide> side(new ModelSide(loop, http));
  const EnvLookup env = process_env();
  SKEP_CO_TRY(llm::Choice choice,
              co_await llm::choose_model(ctx, config.llm, *config.catalogue, http, env));
  SKEP_CO_TRY(side->now_, side->opened(std::move(choice), config));
  co_return side;
}

Result<ModelSetPtr> ModelSide::opened(llm::Choice choice, const KernelConfig& config) const {
  auto set = std::make_shared<ModelSet>();
  set->catalogue = config.catalogue;
  set->choice = std::move(choice);
  SKEP_TRY(set->model, llm::Model::open(set->choice.config, {.loop = loop_, .http = http_}));
  llm::Models::Deps deps{
      .loop = loop_, .http = http_, .catalogue = *set->catalogue, .env = process_env()};
  SKEP_TRY(set->tiers,
           llm::Models::open(config.tiers, set->choice.config, *set->model, std::move(deps)));
  return set;
}

Result<ModelSetPtr> ModelSide::prepare(const KernelConfig& config) const {
  auto chosen = llm::choose_named(config.llm, *config.catalogue, process_env());
  if (!chosen && (is_open(config.llm) || std::ranges::any_of(config.llm.fallbacks, is_open)))
    return ModelSetPtr();
  if (!chosen) return fail(std::move(chosen).error());
  std::string why = "[llm] provider is " + chosen->provider;
  return opened({.config = *std::move(chosen), .why = std::move(why)}, config);
}

void take_models(agent::AgentDeps& deps, const ModelSetPtr& set) {
  deps.model = *set->model;
  deps.models = set->tiers.get();
  deps.models_held = set;
}

}  // namespace skep::kernel
