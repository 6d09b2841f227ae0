#include "role_gate.h"

#include <fmt/format.h>

#include "principal.h"

namespace skep::agent {
namespace {

using authority::Action;
using authority::Decision;
using authority::Question;

Question question_of(const AgentDeps& deps, const AgentConfig& config, const Message& message,
                     Action action, std::string detail) {
  return {.principal = principal_of(deps, config, message),
          .agent = node_of(config),
          .action = action,
          .resource = authority::takes_resource(action) ? node_of(config) : std::string(),
          .direct = true,
          .trace = message.trace,
          .detail = std::move(detail)};
}

std::string refusal_of(const std::string& reason) {
  return fmt::format("Not allowed: {}. /help lists what you may do.", reason);
}

}  // namespace

std::optional<Role> role_of(const AgentDeps& deps, const Message& message) {
  return deps.role_of ? deps.role_of(message) : std::nullopt;
}

bool may_chat(const AgentDeps& deps, const Message& message) {
  return !authority::why_role_bars(role_of(deps, message), Action::kChat);
}

std::optional<std::string> why_no_chat(const AgentDeps& deps, const AgentConfig& config,
                                       const Message& message) {
  if (!role_of(deps, message)) return std::nullopt;
  const Decision decision =
      deps.authority.authorize(question_of(deps, config, message, Action::kChat, "a message"));
  if (decision.outcome == Decision::Outcome::kAllow) return std::nullopt;
  return refusal_of(decision.reason);
}

std::optional<std::string> why_barred(const CommandInfo& info, const CommandScope& scope) {
  const auto action = action_of(info);
  if (!action) return std::nullopt;
  return authority::why_role_bars(role_of(scope.deps, scope.message), *action);
}

std::optional<std::string> why_refused(const CommandInfo& info, const CommandScope& scope) {
  const auto action = action_of(info);
  if (!action || !role_of(scope.deps, scope.message)) return std::nullopt;
  const Decision decision = scope.deps.authority.authorize(
      question_of(scope.deps, scope.config, scope.message, *action, "/" + info.name));
  if (decision.outcome == Decision::Outcome::kAllow) return std::nullopt;
  return refusal_of(decision.reason);
}

bool may_do(Action action, const CommandScope& scope, std::string* why) {
  if (!role_of(scope.deps, scope.message)) return true;
  const Decision decision = scope.deps.authority.authorize(
      question_of(scope.deps, scope.config, scope.message, action, "a command"));
  if (decision.outcome == Decision::Outcome::kAllow) return true;
  if (why != nullptr) *why = refusal_of(decision.reason);
  return false;
}

}  // namespace skep::agent
