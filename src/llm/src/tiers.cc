#include "skep/llm/tiers.h"

#include "skep/base/text.h"

namespace skep::llm {
namespace {

constexpr std::size_t kNameBytesMax = 32;

bool is_tier_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

void read_router(ConfigSection section, RouterConfig& router) {
  std::string mode = "off";
  section.read_choice("mode", {"off", "auto", "stable"}, mode);
  if (mode == "auto") router.mode = RouterConfig::Mode::kAuto;
  if (mode == "stable") router.mode = RouterConfig::Mode::kStable;
  section.read("simple", router.simple);
  section.read("medium", router.medium);
  section.read("complex", router.complex);
  section.read("pinned", router.pinned);
  section.read("simple_below", router.simple_below, {.min = 0, .max = 1'000'000});
  section.read("complex_from", router.complex_from, {.min = 0, .max = 1'000'000});
  if (router.simple_below > router.complex_from)
    section.problem("simple_below", "must not be over complex_from");
}

}  // namespace

TiersConfig TiersConfig::read(ConfigSection llm) {
  TiersConfig config;
  llm.read("default", config.usual);
  llm.read_choice("tier_choice", {"everyone", "admins", "nobody"}, config.choice);
  ConfigSection tiers = llm.child("tiers");
  for (const std::string& name : tiers.value_names()) {
    std::string model;
    if (!tiers.read(name, model)) continue;
    if (!is_tier_name(name)) {
      tiers.problem(name, "a tier's name is 1 to 32 of a-z 0-9 _ -");
    } else if (trim(model).empty()) {
      tiers.problem(name, "names no model");
    } else {
      config.models[name] = trim(model);
    }
  }
  if (config.models.size() > tiers_max)
    tiers.problem("", fmt::format("there are more than {}", tiers_max));
  read_router(llm.child("router"), config.router);
  return config;
}

Result<std::unique_ptr<Models>> Models::open(TiersConfig config, const LlmConfig& chosen,
                                             Model& configured, Deps deps) {
  std::unique_ptr<Models> models(
      new Models(std::move(config), chosen, configured, std::move(deps)));
  for (const auto& [tier, name] : models->config_.models) {
    auto opened = models->named(name);
    if (!opened) return fail(std::move(opened).error().in("[llm.tiers] " + tier));
  }
  const TiersConfig& is = models->config_;
  SKEP_TRY_VOID(models->check_tier("[llm] default", is.usual));
  if (is.router.mode == RouterConfig::Mode::kStable)
    SKEP_TRY_VOID(models->check_tier("[llm.router] pinned", is.router.pinned));
  if (is.router.mode != RouterConfig::Mode::kAuto) return models;
  SKEP_TRY_VOID(models->check_tier("[llm.router] simple", is.router.simple));
  SKEP_TRY_VOID(models->check_tier("[llm.router] medium", is.router.medium));
  SKEP_TRY_VOID(models->check_tier("[llm.router] complex", is.router.complex));
  return models;
}

Result<void> Models::check_tier(std::string_view key, const std::string& name) {
  if (name.empty() || tier(name) != nullptr) return {};
  return fail(Code::kInvalid, fmt::format("{}: there is no tier \"{}\" in [llm.tiers]", key, name));
}

Model* Models::tier(std::string_view name) {
  const auto found = config_.models.find(name);
  if (found == config_.models.end()) return name == TiersConfig::kStandard ? &configured_ : nullptr;
  const auto opened = opened_.find(found->second);
  return opened == opened_.end() ? nullptr : opened->second.get();
}

Result<Model*> Models::named(const std::string& name) {
  if (Model* found = tier(name)) return found;
  const auto there = opened_.find(name);
  if (there != opened_.end()) return there->second.get();
  SKEP_TRY(LlmConfig config, choose_like(chosen_, name, deps_.catalogue, deps_.env));
  SKEP_TRY(auto model, Model::open(std::move(config), {.loop = deps_.loop, .http = deps_.http}));
  return opened_.emplace(name, std::move(model)).first->second.get();
}

std::vector<TierInfo> Models::tiers() const {
  std::vector<TierInfo> all;
  const auto add = [&](const std::string& name, const Model& model) {
    const TierInfo info{name, model.driver().describe(), name == config_.usual};
    all.insert(info.usual ? all.begin() : all.end(), info);
  };
  if (!config_.models.contains(TiersConfig::kStandard))
    add(std::string(TiersConfig::kStandard), configured_);
  for (const auto& [tier, name] : config_.models) add(tier, *opened_.at(name));
  return all;
}

Result<LlmConfig> choose_like(const LlmConfig& chosen, const std::string& named,
                              const Catalogue& catalogue, const EnvLookup& env) {
  LlmConfig config = chosen;
  const std::string prefix = named.substr(0, named.find(':'));
  const bool has_prefix =
      prefix.size() < named.size() && (catalogue.provider(prefix) != nullptr || prefix == "demo");
  const ModelInfo* own = catalogue.model(named, chosen.provider);
  const ModelInfo* any = own != nullptr ? own : catalogue.model(named);
  std::string provider = chosen.provider;
  if (has_prefix)
    provider = prefix;
  else if (any != nullptr)
    provider = any->provider;
  if (named == "demo") provider = "demo";
  config.model = has_prefix ? named.substr(prefix.size() + 1) : named;
  config.wire.reset();
  config.info.reset();
  if (provider == chosen.provider) return choose_named(std::move(config), catalogue, env);
  config.provider = provider;
  config.api_key = Secret();
  config.more_keys.clear();
  config.base_url.clear();
  return choose_named(std::move(config), catalogue, env);
}

}  // namespace skep::llm
