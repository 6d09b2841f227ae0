#include "tier_choice.h"

#include "choices.h"
#include "skep/agent/tiers.h"
#include "skep/tools/spec.h"
#include "turn_journal.h"

namespace skep::agent {
namespace {

using llm::RouterConfig;

constexpr std::string_view kVision = "vision";

// Asks for a stronger model: the turn that sees its result goes on with that.
class Escalate final : public tools::Tool {
 public:
  Escalate()
      : spec_(tools::make_spec(
            std::string(kEscalate),
            "Hand this turn to a stronger, dearer model. Only when the task is beyond you: "
            "intricate reasoning, a hard bug, a decision with consequences.",
            R"({"why":{"type":"string","minLength":1,"maxLength":500}})", {"why"})) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  Task<tools::ToolOutput> call(tools::ToolContext, json::object) override {
    co_return tools::ToolOutput{"From here on the stronger model works on it.", false};
  }

 private:
  llm::ToolSpec spec_;
};

struct Wish {
  std::string tier, why;
};

Wish wish_for(const AgentDeps& deps, const TierQuestion& question) {
  llm::Models& models = *deps.models;
  const RouterConfig& router = models.config().router;
  std::string own = chosen(deps.memory, question.conversation, kTierFile);
  if (models.tier(own) != nullptr) return {std::move(own), "chosen with /tier"};
  if (router.mode == RouterConfig::Mode::kStable) return {router.pinned, "pinned"};
  if (models.tier(question.persona_tier) != nullptr)
    return {question.persona_tier, "the persona's"};
  if (router.mode != RouterConfig::Mode::kAuto) return {};
  const int score = llm::score_of(question.effort);
  return {llm::tier_for(router, score), fmt::format("score {}", score)};
}

}  // namespace

std::unique_ptr<tools::Tool> make_escalate() { return std::make_unique<Escalate>(); }

bool may_escalate(llm::Models& models) {
  const RouterConfig& router = models.config().router;
  const bool stable = router.mode == RouterConfig::Mode::kStable;
  const bool weaker = models.config().usual != router.complex;
  return !stable && weaker && models.tier(router.complex) != nullptr;
}

llm::ToolSpecs escalation_checked(llm::ToolSpecs tools, const AgentDeps& deps) {
  if (deps.models == nullptr || may_escalate(*deps.models)) return tools;
  if (std::ranges::none_of(tools, [](const auto& one) { return one.name == kEscalate; }))
    return tools;
  std::vector<llm::ToolSpec> kept;
  for (const llm::ToolSpec& one : tools) {
    if (one.name != kEscalate) kept.push_back(one);
  }
  return kept;
}

TierChoice choose_tier(const AgentDeps& deps, const TierQuestion& question) {
  if (deps.models == nullptr || !deps.models->any()) return {.model = deps.model};
  llm::Models& models = *deps.models;
  Wish wish = wish_for(deps, question);
  llm::Model* model = wish.tier.empty() ? nullptr : models.tier(wish.tier);
  TierChoice choice{.model = model == nullptr ? models.usual() : *model,
                    .tier = model == nullptr ? models.config().usual : std::move(wish.tier),
                    .why = std::move(wish.why)};
  llm::Model* vision = models.tier(kVision);
  if (question.pictures && vision != nullptr && !choice.model.driver().takes_images())
    return {.model = *vision, .tier = std::string(kVision), .why = "there are pictures"};
  return choice;
}

llm::Model* stronger_model(const AgentDeps& deps, const TurnState& turn) {
  if (deps.models == nullptr || !may_escalate(*deps.models)) return nullptr;
  for (const Round& round : turn.rounds) {
    for (const CallRecord& record : round.calls) {
      if (record.call.name == kEscalate && record.result && !record.result->is_error)
        return deps.models->tier(deps.models->config().router.complex);
    }
  }
  return nullptr;
}

}  // namespace skep::agent
