#include "tier_replies.h"

#include "choices.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::agent {
namespace {

using llm::RouterConfig;

// What holds where nobody has chosen.
std::string_view otherwise(const RouterConfig& router) {
  switch (router.mode) {
    case RouterConfig::Mode::kAuto:
      return "each message decides, by how hard it looks";
    case RouterConfig::Mode::kStable:
      return "pinned by my operator";
    case RouterConfig::Mode::kOff:
      break;
  }
  return "the usual one";
}

std::string shown(const CommandScope& scope) {
  const llm::Models& models = *scope.deps.models;
  const std::string own = chosen(scope.deps.memory, scope.conversation, kTierFile);
  std::string text = "Tiers:";
  bool there = false;
  for (const llm::TierInfo& tier : models.tiers()) {
    there |= tier.name == own;
    text += fmt::format("\n- {}: {}{}{}", tier.name, tier.model, tier.usual ? " (usual)" : "",
                        tier.name == own ? " (chosen here)" : "");
  }
  const RouterConfig& router = models.config().router;
  return text +
         (there ? fmt::format("\nHere {} answers, as you chose; /tier reset takes that back.", own)
                : fmt::format("\nHere: {}.", otherwise(router)));
}

std::optional<std::string> refusal(const CommandScope& scope) {
  if (!scope.may_manage) return "The tier of this room is for its owners and administrators.";
  const std::string& choice = scope.deps.models->config().choice;
  const bool admin = scope.deps.is_admin && scope.deps.is_admin(scope.conversation);
  if (choice == "nobody" || (choice == "admins" && !admin))
    return "Which model answers is not for you to choose here ([llm] tier_choice).";
  return std::nullopt;
}

}  // namespace

bool has_tiers(const AgentDeps& deps) { return deps.models != nullptr && deps.models->any(); }

std::string tier_reply(std::string_view arguments, const CommandScope& scope) {
  const std::string wanted = to_lower_ascii(trim(arguments));
  if (wanted.empty()) return shown(scope);
  if (auto refused = refusal(scope)) return *std::move(refused);
  llm::Models& models = *scope.deps.models;
  const bool reset = wanted == "reset";
  if (!reset && models.tier(wanted) == nullptr)
    return fmt::format("There is no tier \"{}\". {}", cut_utf8(wanted, 32), shown(scope));
  auto kept = choose(scope.deps.memory, scope.conversation, kTierFile, reset ? "" : wanted);
  if (!kept) {
    log::warn("agent", "/tier could not be kept: {}", kept.error().to_string());
    return "Sorry, I could not keep that: my memory cannot be written.";
  }
  if (reset)
    return fmt::format("Nothing is chosen any more: {}.", otherwise(models.config().router));
  return fmt::format("From now on {} answers here: {}.", wanted,
                     models.tier(wanted)->driver().describe());
}

}  // namespace skep::agent
