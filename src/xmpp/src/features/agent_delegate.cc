// urn:fluux:agent:0#delegate: one agent asks another, and says through whose hands it came.
#include "features/agent_codec.h"

namespace skep::xmpp {
namespace {

using namespace agent;

constexpr std::size_t kChainBytesMax = AgentLimits::kChainMax * 256;
constexpr std::int64_t kDepthMax = 16;

Result<int> depth_of(const Element& from, std::string_view key) {
  const auto depth = number(from.attribute(key));
  if (!depth || *depth < 1) return fail(Code::kInvalid, fmt::format("{} is no depth", key));
  return static_cast<int>(std::min(*depth, kDepthMax));
}

Result<std::vector<std::string>> read_chain(std::string_view text) {
  std::vector<std::string> chain;
  if (text.size() > kChainBytesMax) return fail(Code::kTooLarge, "the chain is too long");
  for (const std::string_view word : split_words(text)) {
    if (chain.size() >= AgentLimits::kChainMax)
      return fail(Code::kTooLarge, "the chain is too long");
    SKEP_TRY(const Jid jid, Jid::parse(word));
    chain.push_back(jid.bare().str());
  }
  if (chain.empty()) return fail(Code::kInvalid, "a delegation says through whom it came");
  return chain;
}

// <task/> is <execute skill='ask'/> with its text as the one param.
Result<ExecuteRequest> read_task(const Element& task, std::size_t payload_bytes_max) {
  Element execute = element("execute", kNsAgentExecute);
  execute.attributes = task.attributes;
  execute.set("skill", std::string(kAskSkill));
  Element param = text_element("param", kNsAgentExecute, task.text());
  execute.add(std::move(param.set("name", std::string(kAskParam))));
  return read_execute(execute, payload_bytes_max);
}

bool is_task(const ExecuteRequest& work) {
  return work.budget == ExecBudget() && work.skill == kAskSkill && work.input.empty() &&
         work.params.size() == 1 && work.params.front().first == kAskParam;
}

}  // namespace

Element to_element(const AgentDelegation& delegation) {
  Element out = element("delegate", kNsAgentDelegate);
  out.set("depth", std::to_string(delegation.depth));
  out.set("max-depth", std::to_string(delegation.depth_max));
  out.set("chain", join(delegation.chain, " "));
  set_unless_empty(out, "origin", delegation.origin);
  add_budget(out, delegation.budget);
  Element work = to_element(delegation.work);
  if (!is_task(delegation.work)) return std::move(out.add(std::move(work)));
  Element task = text_element("task", out.ns, delegation.work.params.front().second);
  std::erase_if(work.attributes, [](const auto& one) { return one.first == "skill"; });
  task.attributes = std::move(work.attributes);
  return std::move(out.add(std::move(task)));
}

Result<AgentDelegation> read_delegation(const Element& from, std::size_t payload_bytes_max) {
  AgentDelegation delegation;
  SKEP_TRY(delegation.depth, depth_of(from, "depth"));
  SKEP_TRY(delegation.depth_max, depth_of(from, "max-depth"));
  SKEP_TRY(delegation.chain, read_chain(from.attribute("chain")));
  SKEP_TRY(delegation.origin, id_of(from, "origin"));
  SKEP_TRY(delegation.budget, read_budget(from));
  const Element* execute = from.child("execute", kNsAgentExecute);
  const Element* task = from.child("task", kNsAgentDelegate);
  if ((execute == nullptr) == (task == nullptr))
    return fail(Code::kInvalid, "a delegation holds one execute or one task");
  if (execute != nullptr) {
    SKEP_TRY(delegation.work, read_execute(*execute, payload_bytes_max));
  } else {
    SKEP_TRY(delegation.work, read_task(*task, payload_bytes_max));
  }
  return delegation;
}

}  // namespace skep::xmpp
