#include "skep/xmpp/dataform.h"

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {
namespace {

Element words(std::string_view name, std::string_view ns, const std::string& text) {
  Element element{std::string(name), std::string(ns)};
  return element.text(text);
}

Element field_element(const FormField& field) {
  Element out("field", std::string(kNsDataForm));
  if (!field.var.empty()) out.set("var", field.var);
  out.set("type", field.type);
  if (!field.label.empty()) out.set("label", field.label);
  if (field.required) out.add(Element("required", out.ns));
  if (!field.value.empty()) out.add(words("value", out.ns, field.value));
  for (const FormOption& option : field.options) {
    Element choice("option", out.ns);
    if (!option.label.empty()) choice.set("label", option.label);
    choice.add(words("value", out.ns, option.value));
    out.add(std::move(choice));
  }
  return out;
}

}  // namespace

Element form_element(const DataForm& form) {
  Element out("x", std::string(kNsDataForm));
  out.set("type", "form");
  if (!form.title.empty()) out.add(words("title", out.ns, form.title));
  if (!form.instructions.empty()) out.add(words("instructions", out.ns, form.instructions));
  for (const FormField& field : form.fields) out.add(field_element(field));
  return out;
}

Result<std::map<std::string, std::string>> read_submit(const Element& form) {
  if (form.name != "x" || form.ns != kNsDataForm || form.attribute("type") != "submit")
    return fail(Code::kInvalid, "not a submitted form");
  std::map<std::string, std::string> values;
  for (const Element* field : form.children()) {
    if (field->name != "field" || field->ns != kNsDataForm) continue;
    if (values.size() >= kFormFieldsMax) return fail(Code::kTooLarge, "too many fields");
    std::string joined;
    bool first = true;
    for (const Element* value : field->children()) {
      if (value->name != "value") continue;
      if (!std::exchange(first, false)) joined += '\n';
      joined += value->text();
      if (joined.size() > kFormValueBytesMax) return fail(Code::kTooLarge, "a value is too long");
    }
    values.emplace(field->attribute("var"), std::move(joined));
  }
  return values;
}

std::optional<CommandRequest> read_command(const Element& iq) {
  if (iq.attribute("type") != "set") return std::nullopt;
  const Element* command = iq.child("command", kNsCommands);
  if (command == nullptr) return std::nullopt;
  CommandRequest request{.node = std::string(command->attribute("node")),
                         .session = std::string(command->attribute("sessionid")),
                         .action = std::string(command->attribute("action"))};
  if (request.action.empty()) request.action = "execute";
  if (const Element* form = command->child("x", kNsDataForm)) request.form = *form;
  return request;
}

Element command_answer(const Element& iq, const CommandAnswer& answer) {
  Element command("command", std::string(kNsCommands));
  command.set("node", answer.node).set("sessionid", answer.session).set("status", answer.status);
  if (answer.form) {
    Element actions("actions", command.ns);
    actions.set("execute", "complete").add(Element("complete", command.ns));
    command.add(std::move(actions)).add(form_element(*answer.form));
  }
  if (!answer.note.empty()) {
    Element note = words("note", command.ns, answer.note);
    command.add(std::move(note.set("type", answer.is_error ? "error" : "info")));
  }
  return iq_result(iq).add(std::move(command));
}

Element command_error(const Element& iq, std::string_view condition, std::string_view type,
                      std::string_view own) {
  Element answer = stanza_error(iq, condition, type);
  for (auto& node : answer.content) {
    if (auto* error = std::get_if<Element>(&node); error != nullptr && error->name == "error")
      error->add(Element(std::string(own), std::string(kNsCommands)));
  }
  return answer;
}

}  // namespace skep::xmpp
