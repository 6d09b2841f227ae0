// urn:fluux:agent:0#errors: why something was not done, for programs.
#include "features/agent_codec.h"

namespace skep::xmpp {
namespace {

using namespace agent;

struct Row {
  AgentFault fault;
  std::string_view name, condition, type;
};
// In the order of the enumeration.
constexpr std::array kRows = {
    Row{AgentFault::kUnknownSkill, "unknown-skill", "item-not-found", "cancel"},
    Row{AgentFault::kInvalidParams, "invalid-params", "bad-request", "modify"},
    Row{AgentFault::kNotAuthorised, "not-authorised", "forbidden", "auth"},
    Row{AgentFault::kSkillDisabled, "skill-disabled", "service-unavailable", "cancel"},
    Row{AgentFault::kQuotaExceeded, "quota-exceeded", "resource-constraint", "wait"},
    Row{AgentFault::kRateLimited, "rate-limited", "resource-constraint", "wait"},
    Row{AgentFault::kTimeout, "timeout", "remote-server-timeout", "wait"},
    Row{AgentFault::kDenied, "denied", "not-allowed", "cancel"},
    Row{AgentFault::kExpired, "expired", "not-allowed", "cancel"},
    Row{AgentFault::kDelegationDepth, "delegation-depth", "policy-violation", "cancel"},
    Row{AgentFault::kDelegationLoop, "delegation-loop", "policy-violation", "cancel"},
    Row{AgentFault::kPayloadTooLarge, "payload-too-large", "not-acceptable", "modify"},
    Row{AgentFault::kFailed, "failed", "internal-server-error", "cancel"},
};

const Row& row_of(AgentFault fault) { return kRows.at(static_cast<std::size_t>(fault)); }

}  // namespace

std::string_view agent_fault_name(AgentFault fault) { return row_of(fault).name; }

std::optional<AgentFault> agent_fault_from(std::string_view name) {
  const auto at = std::ranges::find(kRows, name, &Row::name);
  return at == kRows.end() ? std::nullopt : std::optional(at->fault);
}

Element agent_error(const Element& request, const AgentError& error) {
  const Row& row = row_of(error.fault);
  Element answer = stanza_error(request, row.condition, row.type, note(error.text));
  Element condition = element(row.name, kNsAgentErrors);
  if (error.retry_after_secs > 0)
    condition.set("retry-after", std::to_string(error.retry_after_secs));
  for (Element::Node& node : answer.content) {
    if (auto* child = std::get_if<Element>(&node); child != nullptr && child->name == "error")
      child->add(std::move(condition));
  }
  return answer;
}

std::optional<AgentError> read_agent_error(const Element& stanza) {
  const Element* error = stanza.child("error", kNsClient);
  if (error == nullptr) return std::nullopt;
  for (const Element* child : error->children()) {
    if (child->ns != kNsAgentErrors) continue;
    const auto wait = number(child->attribute("retry-after")).value_or(0);
    return AgentError{agent_fault_from(child->name).value_or(AgentFault::kFailed),
                      note(error->child_text("text", kNsStanzas)),
                      static_cast<int>(std::clamp<std::int64_t>(wait, 0, 86'400))};
  }
  return std::nullopt;
}

// Written by error_of_stanza(): "condition (application-condition): text".
std::optional<AgentFault> agent_fault_of(const Error& error) {
  const std::string_view said = error.message;
  const auto from = said.find(" (");
  const auto to = said.find(')', from == std::string_view::npos ? 0 : from);
  if (from == std::string_view::npos || to == std::string_view::npos) return std::nullopt;
  return agent_fault_from(said.substr(from + 2, to - from - 2));
}

}  // namespace skep::xmpp
