// Models of different strength under names of their own, and which of them a message is for.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/config.h"
#include "skep/llm/model.h"

namespace skep::llm {

// [llm.router]: whether how hard a message looks decides who answers it.
struct RouterConfig {
  enum class Mode : std::uint8_t {
    kOff,    // [llm] default answers
    kAuto,   // by the score below, once for each turn
    kStable  // `pinned` answers, whatever a persona or the model itself would prefer
  };
  Mode mode = Mode::kOff;
  std::string simple = "light", medium, complex = "heavy";  // tiers; empty: [llm] default
  std::string pinned;                                       // empty: [llm] default
  int simple_below = 100, complex_from = 500;               // scores
};

// [llm] default, [llm.tiers], [llm.router]
struct TiersConfig {
  static constexpr std::size_t tiers_max = 16;
  static constexpr std::string_view kStandard = "standard";  // [llm] model, unless it is named

  std::map<std::string, std::string, std::less<>> models;  // tier to "provider:model" or an alias
  std::string usual{kStandard};                            // [llm] default
  // Who may choose with /tier: "everyone", "admins", "nobody".
  std::string choice = "everyone";  // [llm] tier_choice
  RouterConfig router;

  static TiersConfig read(ConfigSection llm);
};

// What the person's side of a conversation shows of how hard it is. Nothing in it comes from us:
// tools and instructions are the same for every message.
struct Effort {
  std::string_view newest;   // the person's words
  std::size_t messages = 0;  // that came before
};
// Tokens of the newest message, 30 for each of its marks of code, 15 for each message beyond ten.
int score_of(const Effort& effort);
// The tier for a score; empty: the usual one.
const std::string& tier_for(const RouterConfig& router, int score);

struct TierInfo {
  std::string name;
  std::string model;  // Driver::describe()
  bool usual = false;
};

// A model that is another one for the next call: borrowed, never null.
class ModelRef {
 public:
  ModelRef(Model& model) : model_(&model) {}   // NOLINT: implicit
  operator Model&() const { return *model_; }  // NOLINT: implicit
  [[nodiscard]] const Driver& driver() const { return model_->driver(); }
  [[nodiscard]] const LlmConfig& config() const { return model_->config(); }
  Task<std::expected<Response, Failure>> stream(Ctx ctx, const Request& request, EventSink sink,
                                                std::function<void()> on_reset) const {
    return model_->stream(std::move(ctx), request, std::move(sink), std::move(on_reset));
  }
  bool operator==(const ModelRef&) const = default;

 private:
  Model* model_;
};

// The models of one process by tier. Loop thread only; what it lends lives as long as it.
class Models {
 public:
  struct Deps {
    Loop& loop;
    net::HttpClient& http;
    const Catalogue& catalogue;
    EnvLookup env;
  };
  // `configured` was opened with `chosen`, whose limits, and at the same provider whose key and
  // place, hold for all; both outlive this. kInvalid naming the tier whose model cannot work, or
  // that is named and not there.
  static Result<std::unique_ptr<Models>> open(TiersConfig config, const LlmConfig& chosen,
                                              Model& configured, Deps deps);

  [[nodiscard]] const TiersConfig& config() const { return config_; }
  [[nodiscard]] bool any() const { return !config_.models.empty(); }
  [[nodiscard]] Model& usual() { return *tier(config_.usual); }
  [[nodiscard]] Model* tier(std::string_view name);  // null: there is none
  // A tier, "provider:model", or an alias; opened when it is first asked for and kept. kInvalid.
  Result<Model*> named(const std::string& name);
  [[nodiscard]] std::vector<TierInfo> tiers() const;  // the usual one first

 private:
  Models(TiersConfig config, const LlmConfig& chosen, Model& configured, Deps deps)
      : config_(std::move(config)),
        chosen_(chosen),
        configured_(configured),
        deps_(std::move(deps)) {}
  Result<LlmConfig> resolve(const std::string& name) const;
  Result<void> check_tier(std::string_view key, const std::string& name);

  TiersConfig config_;
  const LlmConfig& chosen_;
  Model& configured_;
  Deps deps_;
  std::map<std::string, std::unique_ptr<Model>, std::less<>> opened_;  // by their names
};

// What `named` says in terms of `chosen`: its limits, and its key and place where the provider is
// the same. Nobody is asked. kInvalid.
Result<LlmConfig> choose_like(const LlmConfig& chosen, const std::string& named,
                              const Catalogue& catalogue, const EnvLookup& env);

}  // namespace skep::llm
