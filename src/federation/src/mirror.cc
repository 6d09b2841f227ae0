#include "mirror.h"

#include <algorithm>

#include "answers.h"
#include "skep/base/text.h"
#include "skep/xmpp/caps.h"

namespace skep::federation {
namespace {

using xmpp::AgentSkill;
using xmpp::DataForm;
using xmpp::Element;
using xmpp::ExecStatus;
using xmpp::FormField;
using xmpp::Jid;

std::string node_of(std::string_view skill) {
  return std::string(Mirror::kNodePrefix) + std::string(skill);
}

const json::object* properties_of(const json::value& schema) {
  return get_object(schema, "properties");
}

bool requires_it(const json::value& schema, std::string_view name) {
  const json::array* list = get_array(schema, "required");
  return list != nullptr && std::ranges::any_of(*list, [&](const json::value& one) {
           return one.is_string() && one.as_string() == name;
         });
}

FormField field_of(std::string_view name, const json::value& property, bool required) {
  const std::string_view type = get_string(property, "type");
  FormField field{.var = std::string(name),
                  .label = std::string(get_string(property, "description")),
                  .required = required};
  if (field.label.empty()) field.label = replace_all(std::string(name), "_", " ");
  if (type == "boolean") field.type = "boolean";
  if (type == "array" || type == "object") {
    field.type = "text-multi";
    field.label += type == "array" ? " (one a line)" : " (JSON)";
  }
  const json::array* choices = get_array(property, "enum");
  if (choices == nullptr) return field;
  field.type = "list-single";
  for (const json::value& choice : *choices) {
    if (choice.is_string()) field.options.push_back({"", std::string(choice.as_string())});
  }
  return field;
}

// As a param of an execute says it.
std::string param_of(std::string_view type, std::string value) {
  if (type == "boolean") return value == "1" || value == "true" ? "true" : "false";
  if (type != "array" || trim(value).starts_with('[')) return value;
  json::array lines;
  for (std::string_view rest = value; !rest.empty();) {
    const auto end = rest.find('\n');
    if (const auto line = trim(rest.substr(0, end)); !line.empty()) lines.emplace_back(line);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return to_json(lines);
}

}  // namespace

DataForm form_of(const AgentSkill& skill) {
  DataForm form{.title = skill.name, .instructions = skill.description};
  const json::value schema = parse_json(skill.schema).value_or(json::value());
  const json::object* properties = properties_of(schema);
  if (properties == nullptr) return form;
  for (const auto& [name, property] : *properties) {
    if (form.fields.size() >= xmpp::kFormFieldsMax) break;
    form.fields.push_back(field_of(name, property, requires_it(schema, name)));
  }
  return form;
}

Result<xmpp::ExecuteRequest> request_of(const AgentSkill& skill, const Element& form) {
  SKEP_TRY(const auto values, xmpp::read_submit(form));
  const json::value schema = parse_json(skill.schema).value_or(json::value());
  const json::object* properties = properties_of(schema);
  xmpp::ExecuteRequest request{.skill = skill.id};
  for (const auto& [name, value] : values) {
    if (name == "FORM_TYPE" || trim(value).empty()) continue;
    if (name.empty() || name.size() > xmpp::AgentLimits::kIdBytesMax)
      return fail(Code::kInvalid, "a field without a name, or with one that is too long");
    const json::value* property = properties ? properties->if_contains(name) : nullptr;
    const std::string_view type = property ? get_string(*property, "type") : "";
    request.params.emplace_back(name, param_of(type, value));
  }
  return request;
}

Element command_result(const Element& iq, const xmpp::ExecResult& result) {
  if (result.error) return xmpp::agent_error(iq, *result.error);
  xmpp::CommandAnswer answer{
      .node = node_of(result.skill), .session = result.exec_id, .status = "completed"};
  answer.note = in_plain_words(result);
  if (result.status == ExecStatus::kNeedsConfirmation) {
    answer.note = "A person is asked first; what comes of it comes as a message.";
  } else if (result.status == ExecStatus::kAccepted || result.status == ExecStatus::kRunning) {
    answer.note = "It takes a while; what comes of it comes as a message.";
  } else if (answer.note.empty()) {
    answer.note = fmt::format("It is {}.", xmpp::exec_status_name(result.status));
  }
  return xmpp::command_answer(iq, answer);
}

void Mirror::add_features(xmpp::Features& features) {
  features.add_taker(
      std::string(xmpp::kNsCommands), [this](const Element& iq) { return take(iq); }, false);
  features.add_items(
      [this](const Element& iq, const std::string& node) { return items(iq, node); });
  features.add_node([this](const Element& iq, const std::string& node) { return info(iq, node); });
}

bool Mirror::take(const Element& iq) {
  const auto request = xmpp::read_command(iq);
  if (!request || !request->node.starts_with(kNodePrefix)) return false;
  const auto skill = skill_of(iq, request->node);
  if (!skill) {
    desk_.say(xmpp::stanza_error(iq, "item-not-found", "cancel"));
  } else if (request->action == "cancel") {
    desk_.say(xmpp::command_answer(
        iq, {.node = request->node, .session = request->session, .status = "canceled"}));
  } else if (request->action == "prev") {
    desk_.say(xmpp::command_error(iq, "bad-request", "modify", "bad-action"));
  } else {
    run(iq, *request, *skill);
  }
  return true;
}

// The session's id is the exec-id, so that a form that is sent twice runs once.
void Mirror::run(const Element& iq, const xmpp::CommandRequest& request, const AgentSkill& skill) {
  DataForm form = form_of(skill);
  if (!request.form && !form.fields.empty()) {
    return desk_.say(xmpp::command_answer(iq, {.node = request.node,
                                               .session = mint_ulid(),
                                               .status = "executing",
                                               .form = std::move(form)}));
  }
  Result<xmpp::ExecuteRequest> wanted = xmpp::ExecuteRequest{.skill = skill.id};
  if (request.form) wanted = request_of(skill, *request.form);
  if (!wanted || request.session.size() > xmpp::AgentLimits::kIdBytesMax)
    return desk_.say(xmpp::stanza_error(iq, "bad-request", "modify"));
  wanted->exec_id = request.session.empty() ? mint_ulid() : request.session;
  desk_.run(iq, *std::move(wanted));
}

std::vector<AgentSkill> Mirror::skills_for(const Element& iq) const {
  const auto from = Jid::parse(iq.attribute("from"));
  const PeerConfig* peer = from ? peers_.find(*from) : nullptr;
  if (peer == nullptr || !peer->allow_in) return {};
  return skills_.page(*peer, {}).skills;
}

std::optional<AgentSkill> Mirror::skill_of(const Element& iq, std::string_view node) const {
  if (!node.starts_with(kNodePrefix)) return std::nullopt;
  for (AgentSkill& skill : skills_for(iq)) {
    if (skill.id == node.substr(kNodePrefix.size())) return std::move(skill);
  }
  return std::nullopt;
}

std::optional<std::vector<Element>> Mirror::items(const Element& iq,
                                                  const std::string& node) const {
  if (node != xmpp::kNsCommands) return std::nullopt;
  std::vector<Element> items;
  for (const AgentSkill& skill : skills_for(iq)) {
    Element item("item", std::string(xmpp::kNsDiscoItems));
    items.push_back(item.set("jid", std::string(iq.attribute("to")))
                        .set("node", node_of(skill.id))
                        .set("name", skill.name));
  }
  if (items.empty()) return std::nullopt;
  return items;
}

std::optional<Element> Mirror::info(const Element& iq, const std::string& node) const {
  const auto skill = skill_of(iq, node);
  if (!skill) return std::nullopt;
  Element query("query", std::string(xmpp::kNsDiscoInfo));
  Element identity("identity", query.ns);
  query.add(std::move(
      identity.set("category", "automation").set("type", "command-node").set("name", skill->name)));
  for (const std::string_view ns : {xmpp::kNsCommands, xmpp::kNsDataForm}) {
    Element feature("feature", query.ns);
    query.add(std::move(feature.set("var", std::string(ns))));
  }
  return query;
}

}  // namespace skep::federation
