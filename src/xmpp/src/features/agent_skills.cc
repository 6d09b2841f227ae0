// urn:fluux:agent:0#skills: what somebody may ask of an agent.
#include "features/agent_codec.h"

namespace skep::xmpp {
namespace {

using namespace agent;

constexpr std::size_t kSkillBytesMax = 32 * 1024;  // name, description and schema of one

Element skill_element(const AgentSkill& skill) {
  Element out = element("skill", kNsAgentSkills);
  out.set("id", skill.id);
  set_unless_empty(out, "version", skill.version);
  out.set("destructive", skill.destructive ? "true" : "false");
  set_unless_empty(out, "cost", skill.cost);
  if (!skill.name.empty()) out.add(text_element("name", out.ns, skill.name));
  if (!skill.description.empty()) out.add(text_element("desc", out.ns, skill.description));
  if (skill.schema.empty()) return out;
  Element schema = text_element("schema", out.ns, skill.schema);
  out.add(std::move(schema.set("type", "application/schema+json")));
  return out;
}

Result<AgentSkill> read_skill(const Element& from) {
  AgentSkill skill;
  SKEP_TRY(skill.id, required_id(from, "id"));
  SKEP_TRY(skill.version, id_of(from, "version"));
  SKEP_TRY(skill.cost, id_of(from, "cost"));
  const std::string_view destructive = from.attribute("destructive");
  skill.destructive = destructive == "true" || destructive == "1";
  skill.name = from.child_text("name", kNsAgentSkills);
  skill.description = from.child_text("desc", kNsAgentSkills);
  skill.schema = from.child_text("schema", kNsAgentSkills);
  if (skill.name.size() + skill.description.size() + skill.schema.size() > kSkillBytesMax)
    return fail(Code::kTooLarge, "a skill's description is too long");
  return skill;
}

Result<void> read_page_request(const Element& set, SkillsQuery& query) {
  query.after = set.child_text("after", kNsRsm);
  if (query.after.size() > AgentLimits::kIdBytesMax)
    return fail(Code::kTooLarge, "the place to go on from is too long");
  const std::string max = set.child_text("max", kNsRsm);
  if (max.empty()) return {};
  const auto wanted = number(trim(max));
  if (!wanted || *wanted < 0) return fail(Code::kInvalid, "max is no number");
  query.max = std::min(static_cast<std::size_t>(*wanted), AgentLimits::kPageMax);
  return {};
}

}  // namespace

Element to_element(const SkillsQuery& query) {
  Element out = element("query", kNsAgentSkills);
  set_unless_empty(out, "ver", query.ver);
  if (query.after.empty() && query.max == AgentLimits::kPageMax) return out;
  Element set = element("set", kNsRsm);
  set.add(text_element("max", kNsRsm, std::to_string(query.max)));
  if (!query.after.empty()) set.add(text_element("after", kNsRsm, query.after));
  return std::move(out.add(std::move(set)));
}

Result<SkillsQuery> read_skills_query(const Element& query) {
  SkillsQuery out;
  SKEP_TRY(out.ver, id_of(query, "ver"));
  if (const Element* set = query.child("set", kNsRsm)) SKEP_TRY_VOID(read_page_request(*set, out));
  return out;
}

Element to_element(const SkillsPage& page) {
  Element out = element("query", kNsAgentSkills);
  set_unless_empty(out, "ver", page.ver);
  for (const AgentSkill& skill : page.skills) out.add(skill_element(skill));
  if (page.total <= page.skills.size()) return out;
  Element set = element("set", kNsRsm);
  if (!page.skills.empty()) {
    set.add(text_element("first", kNsRsm, page.skills.front().id));
    set.add(text_element("last", kNsRsm, page.skills.back().id));
  }
  set.add(text_element("count", kNsRsm, std::to_string(page.total)));
  return std::move(out.add(std::move(set)));
}

Result<SkillsPage> read_skills_page(const Element& query) {
  if (query.name != "query" || query.ns != kNsAgentSkills)
    return fail(Code::kInvalid, "this is no list of skills");
  SkillsPage page;
  SKEP_TRY(page.ver, id_of(query, "ver"));
  for (const Element* child : query.children()) {
    if (child->name != "skill" || child->ns != kNsAgentSkills) continue;
    if (page.skills.size() >= AgentLimits::kSkillsMax)
      return fail(Code::kTooLarge, "too many skills in one answer");
    SKEP_TRY(AgentSkill skill, read_skill(*child));
    page.skills.push_back(std::move(skill));
  }
  page.total = page.skills.size();
  if (const Element* set = query.child("set", kNsRsm)) {
    const auto count = number(trim(set->child_text("count", kNsRsm)));
    if (count && *count > 0) page.total = static_cast<std::size_t>(*count);
  }
  return page;
}

}  // namespace skep::xmpp
