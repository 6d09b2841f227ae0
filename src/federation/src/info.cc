#include "info.h"

#include "skep/xmpp/agent_protocol.h"
#include "skep/xmpp/dataform.h"

namespace skep::federation {
namespace {

using xmpp::Element;

Element field(std::string_view name, const std::vector<std::string>& values,
              std::string_view type = {}) {
  Element out("field", std::string(xmpp::kNsDataForm));
  out.set("var", std::string(name));
  if (!type.empty()) out.set("type", std::string(type));
  for (const std::string& value : values) {
    Element text("value", out.ns);
    out.add(std::move(text.text(value)));
  }
  return out;
}

}  // namespace

Element info_form(const FederationConfig& config) {
  Element form("x", std::string(xmpp::kNsDataForm));
  form.set("type", "result");
  form.add(field("FORM_TYPE", {std::string(xmpp::kNsAgentInfo)}, "hidden"));
  form.add(field("version", {"0"}));
  if (!config.languages.empty()) form.add(field("languages", config.languages, "text-multi"));
  form.add(field("max_payload", {std::to_string(config.payload_bytes_max)}));
  form.add(field("concurrency", {std::to_string(config.running_max)}));
  form.add(field("auth", {"allowlist"}));
  form.add(field("omemo", {"false"}, "boolean"));
  if (!config.contact.empty()) form.add(field("contact", config.contact, "text-multi"));
  return form;
}

}  // namespace skep::federation
