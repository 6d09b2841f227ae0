// Forms that people of other domains send for our skills: "<schema> NUL <form>". What comes of one
// is within the bounds of an execute, and can be read as arguments or is refused.
#include "mirror.h"

#include <cstdlib>

using namespace skep;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto end = text.find('\0');
  const xmpp::AgentSkill skill{.id = "s", .name = "S", .schema = std::string(text.substr(0, end))};
  const xmpp::DataForm form = federation::form_of(skill);
  require(form.fields.size() <= xmpp::kFormFieldsMax);
  (void)xmpp::form_element(form);
  if (end == std::string_view::npos) return 0;
  const auto element = xmpp::parse_element(text.substr(end + 1), xmpp::kNsClient);
  if (!element) return 0;
  const auto request = federation::request_of(skill, *element);
  if (!request) return 0;
  require(request->skill == "s" && request->params.size() <= xmpp::AgentLimits::kParamsMax);
  for (const auto& [name, value] : request->params) {
    require(!name.empty() && name.size() <= xmpp::AgentLimits::kIdBytesMax);
    // A list of lines becomes JSON: quotes around each, and escapes.
    require(value.size() <= 8 * xmpp::kFormValueBytesMax);
  }
  if (const auto schema = parse_json(skill.schema)) (void)xmpp::arguments_of(*request, *schema);
  return 0;
}
