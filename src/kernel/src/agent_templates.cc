#include "skep/kernel/agent_templates.h"

#include <array>

#include "skep/base/text.h"

// Of agent_templates_data.S.
#define SKEP_TEMPLATE(name) extern "C" const char skep_agent_##name[], skep_agent_##name##_end[];
SKEP_TEMPLATE(analyst)
SKEP_TEMPLATE(assistant)
SKEP_TEMPLATE(coder)
SKEP_TEMPLATE(coordinator)
SKEP_TEMPLATE(librarian)
SKEP_TEMPLATE(planner)
SKEP_TEMPLATE(researcher)
SKEP_TEMPLATE(reviewer)
SKEP_TEMPLATE(translator)
SKEP_TEMPLATE(writer)
#undef SKEP_TEMPLATE

namespace skep::kernel {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::span<const AgentTemplate> agent_templates() {
#define SKEP_TEMPLATE(name) \
  AgentTemplate { #name, between(skep_agent_##name, skep_agent_##name##_end) }
  static const std::array kAll{SKEP_TEMPLATE(analyst),    SKEP_TEMPLATE(assistant),
                               SKEP_TEMPLATE(coder),      SKEP_TEMPLATE(coordinator),
                               SKEP_TEMPLATE(librarian),  SKEP_TEMPLATE(planner),
                               SKEP_TEMPLATE(researcher), SKEP_TEMPLATE(reviewer),
                               SKEP_TEMPLATE(translator), SKEP_TEMPLATE(writer)};
#undef SKEP_TEMPLATE
  return kAll;
}

Result<std::string_view> agent_template(std::string_view name) {
  std::vector<std::string> names;
  for (const AgentTemplate& one : agent_templates()) {
    if (one.name == name) return one.toml;
    names.emplace_back(one.name);
  }
  const auto near = nearest(name, names);
  return fail(Code::kNotFound, fmt::format("there is no template \"{}\"; {}", cut_utf8(name, 64),
                                           near ? fmt::format("did you mean \"{}\"?", *near)
                                                : "they are: " + join(names, ", ")));
}

}  // namespace skep::kernel
