#include "skills.h"

#include "skep/base/text.h"

namespace skep::federation {
namespace {

using xmpp::AgentSkill;
using xmpp::SkillsPage;

std::string version_of(const std::vector<AgentSkill>& skills) {
  SkillsPage page{.skills = skills, .total = skills.size()};
  return hex_encode(sha256(xmpp::to_xml(xmpp::to_element(page)))).substr(0, 16);
}

}  // namespace

llm::ToolSpec Skills::ask_spec() const {
  const std::string task(xmpp::kAskParam);
  json::object schema{
      {"type", "object"},
      {"properties", json::object{{task, json::object{{"type", "string"}, {"minLength", 1}}}}},
      {"required", json::array{task}},
      {"additionalProperties", false}};
  return {std::string(xmpp::kAskSkill),
          fmt::format("Give {} a task in plain words; the answer is text.", agent_name_),
          std::move(schema)};
}

AgentSkill Skills::describe(const llm::ToolSpec& spec) const {
  return {.id = spec.name,
          .version = "1",
          .destructive = has_effects(spec.name),
          .cost = spec.name == xmpp::kAskSkill ? "medium" : "low",
          .name = replace_all(spec.name, "_", " "),
          .description = spec.description,
          .schema = std::string(spec.input_schema.text())};
}

template <class May>
std::vector<AgentSkill> Skills::those(May may) const {
  std::vector<AgentSkill> skills;
  if (may(xmpp::kAskSkill)) skills.push_back(describe(ask_spec()));
  for (const llm::ToolSpec& spec : toolbox_.specs()) {
    if (may(spec.name)) skills.push_back(describe(toolbox_.find(spec.name)->spec()));
  }
  std::ranges::sort(skills, {}, &AgentSkill::id);
  return skills;
}

SkillsPage Skills::page(const PeerConfig& peer, const xmpp::SkillsQuery& query) const {
  std::vector<AgentSkill> all =
      those([&](std::string_view skill) { return peers_.may_run(peer, skill); });
  SkillsPage page{.ver = version_of(all)};
  if (query.ver == page.ver) return page;
  page.total = all.size();
  const auto from = std::ranges::upper_bound(all, query.after, {}, &AgentSkill::id);
  const auto left = static_cast<std::size_t>(all.end() - from);
  const auto taken = static_cast<std::ptrdiff_t>(std::min(left, query.max));
  page.skills.assign(from, from + taken);
  return page;
}

SkillsPage Skills::everything() const {
  SkillsPage page{.skills = those([&](std::string_view skill) { return peers_.exposed(skill); })};
  page.ver = version_of(page.skills);
  page.total = page.skills.size();
  return page;
}

bool Skills::known(std::string_view skill) const {
  const bool there = skill == xmpp::kAskSkill || toolbox_.find(skill) != nullptr;
  return there && peers_.exposed(skill);
}

// What a turn of the agent does is decided there, tool by tool.
bool Skills::has_effects(std::string_view skill) const {
  const tools::Tool* tool = toolbox_.find(skill);
  return tool != nullptr && !tool->repeatable();
}

json::value Skills::schema(std::string_view skill) const {
  const tools::Tool* tool = toolbox_.find(skill);
  if (skill != xmpp::kAskSkill && tool == nullptr) return {};
  const llm::ToolSpec spec = tool != nullptr ? tool->spec() : ask_spec();
  return parse_json(spec.input_schema.text()).value_or(json::value());
}

std::vector<tools::Need> Skills::needs(std::string_view skill,
                                       const json::object& arguments) const {
  const tools::Tool* tool = toolbox_.find(skill);
  return tool == nullptr ? std::vector<tools::Need>() : tool->needs(json::value(arguments));
}

Result<void> Skills::check(std::string_view skill, const json::object& arguments) const {
  if (skill != xmpp::kAskSkill) {
    const auto refusal = toolbox_.refusal({.name = std::string(skill), .arguments = arguments});
    return refusal ? fail(Code::kInvalid, refusal->text) : Result<void>();
  }
  const bool right = arguments.size() == 1 && !trim(get_string(arguments, xmpp::kAskParam)).empty();
  if (right) return {};
  return fail(Code::kInvalid, fmt::format("/{}: one text that is not empty", xmpp::kAskParam));
}

}  // namespace skep::federation
