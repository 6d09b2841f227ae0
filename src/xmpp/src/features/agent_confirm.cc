// urn:fluux:agent:0#confirm: asking a person before something is done.
#include "features/agent_codec.h"

namespace skep::xmpp {
namespace {

using namespace agent;

constexpr std::size_t kFieldsMax = 16;
constexpr std::size_t kFieldBytesMax = 4096;

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> known) {
  return std::ranges::find(known, value) != known.end();
}

Result<void> read_action(const Element& action, AgentConfirm& into) {
  SKEP_TRY(into.action, required_id(action, "type"));
  for (const Element* child : action.children()) {
    if (child->ns != kNsAgentConfirm || into.fields.size() >= kFieldsMax) continue;
    into.fields.emplace_back(child->name, std::string(cut_utf8(child->text(), kFieldBytesMax)));
  }
  return {};
}

}  // namespace

Element to_element(const AgentConfirm& confirm) {
  Element out = element("confirm", kNsAgentConfirm);
  out.set("id", confirm.id);
  Element action = element("action", out.ns);
  action.set("type", confirm.action);
  for (const auto& [name, value] : confirm.fields)
    action.add(text_element(name, out.ns, std::string(cut_utf8(value, kFieldBytesMax))));
  out.add(std::move(action));
  if (!confirm.risk.empty()) {
    Element risk = element("risk", out.ns);
    out.add(std::move(risk.set("level", confirm.risk)));
  }
  if (confirm.expires) out.add(text_element("expires", out.ns, format_rfc3339(*confirm.expires)));
  return out;
}

Result<AgentConfirm> read_agent_confirm(const Element& from) {
  AgentConfirm confirm;
  SKEP_TRY(confirm.id, required_id(from, "id"));
  const Element* action = from.child("action", kNsAgentConfirm);
  if (action == nullptr) return fail(Code::kInvalid, "a confirmation without an action");
  SKEP_TRY_VOID(read_action(*action, confirm));
  if (const Element* risk = from.child("risk", kNsAgentConfirm)) {
    confirm.risk = risk->attribute("level");
    if (!is_one_of(confirm.risk, {"low", "medium", "high", "critical"}))
      return fail(Code::kInvalid, "a risk of no known level");
  }
  SKEP_TRY(confirm.expires, time_of(from.child_text("expires", kNsAgentConfirm)));
  return confirm;
}

Element to_element(const AgentConfirmed& confirmed) {
  Element out = element("confirmed", kNsAgentConfirm);
  out.set("id", confirmed.id);
  out.set("decision", confirmed.approve ? "approve" : "deny");
  return std::move(out.set("remember", confirmed.remember));
}

Result<AgentConfirmed> read_agent_confirmed(const Element& from) {
  AgentConfirmed confirmed;
  SKEP_TRY(confirmed.id, required_id(from, "id"));
  const std::string_view decision = from.attribute("decision");
  if (!is_one_of(decision, {"approve", "deny"}))
    return fail(Code::kInvalid, "a decision that is neither approve nor deny");
  confirmed.approve = decision == "approve";
  if (!from.has_attribute("remember")) return confirmed;
  confirmed.remember = from.attribute("remember");
  if (!is_one_of(confirmed.remember, {"none", "contact", "skill"}))
    return fail(Code::kInvalid, "remember is neither none nor contact nor skill");
  return confirmed;
}

Element confirm_result(std::string_view id, std::string_view outcome) {
  Element out = element("confirm-result", kNsAgentConfirm);
  out.set("id", std::string(id));
  return std::move(out.set("outcome", std::string(outcome)));
}

}  // namespace skep::xmpp
