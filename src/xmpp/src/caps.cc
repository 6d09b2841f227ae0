#include "skep/xmpp/caps.h"

#include <algorithm>

#include "skep/base/text.h"
#include "skep/xmpp/dataform.h"

namespace skep::xmpp {
namespace {

void append_sorted(std::string& out, std::vector<std::string> items) {
  std::ranges::sort(items);
  for (const std::string& item : items) out += item + '<';
}

std::vector<std::string> identities(const Element& query) {
  std::vector<std::string> all;
  for (const Element* child : query.children()) {
    if (child->name != "identity") continue;
    all.push_back(fmt::format("{}/{}/{}/{}", child->attribute("category"), child->attribute("type"),
                              child->attribute("xml:lang"), child->attribute("name")));
  }
  return all;
}

std::vector<std::string> features(const Element& query) {
  std::vector<std::string> all;
  for (const Element* child : query.children()) {
    if (child->name == "feature") all.emplace_back(child->attribute("var"));
  }
  return all;
}

// 5.1 steps 6 and 7: the form's name, then its fields by name, each with its values.
std::string form_text(const Element& form) {
  std::string type;
  std::vector<std::pair<std::string, std::vector<std::string>>> fields;
  for (const Element* field : form.children()) {
    if (field->name != "field") continue;
    std::vector<std::string> values;
    for (const Element* value : field->children()) {
      if (value->name == "value") values.push_back(value->text());
    }
    if (field->attribute("var") == "FORM_TYPE") {
      if (!values.empty()) type = values.front();
    } else {
      fields.emplace_back(field->attribute("var"), std::move(values));
    }
  }
  std::ranges::sort(fields);
  std::string out = type + '<';
  for (auto& [var, values] : fields) {
    out += var + '<';
    append_sorted(out, std::move(values));
  }
  return out;
}

}  // namespace

std::string caps_ver(const Element& query) {
  std::string text;
  append_sorted(text, identities(query));
  append_sorted(text, features(query));
  std::vector<std::string> forms;
  for (const Element* child : query.children()) {
    if (child->name == "x" && child->ns == kNsDataForm) forms.push_back(form_text(*child));
  }
  std::ranges::sort(forms);
  for (const std::string& form : forms) text += form;
  return base64_encode(sha1(text));
}

}  // namespace skep::xmpp
