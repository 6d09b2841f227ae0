// What other agents say: whatever an element holds, reading it gives bounded values, and what was
// read can be written and read again.
#include "skep/xmpp/agent_protocol.h"

#include <cstdlib>

using namespace skep::xmpp;

namespace {

constexpr std::size_t kPayload = 4096;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_execute(const ExecuteRequest& request) {
  std::size_t bytes = request.input.size();
  for (const auto& [name, value] : request.params) {
    require(!name.empty() && name.size() <= AgentLimits::kIdBytesMax);
    bytes += value.size();
  }
  require(bytes <= kPayload && request.params.size() <= AgentLimits::kParamsMax);
  require(read_execute(to_element(request), kPayload) == request);
  (void)arguments_of(request, skep::json::object());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_element({reinterpret_cast<const char*>(data), size}, kNsClient);
  if (!parsed) return 0;
  const Element* payload = agent_payload(*parsed);
  const Element& element = payload != nullptr ? *payload : *parsed;
  if (const auto request = read_execute(element, kPayload)) check_execute(*request);
  if (const auto delegation = read_delegation(element, kPayload)) {
    require(!delegation->chain.empty() && delegation->chain.size() <= AgentLimits::kChainMax);
    require(read_delegation(to_element(*delegation), kPayload).has_value());
    check_execute(delegation->work);
  }
  if (const auto result = read_exec_result(element)) {
    for (const ExecOutput& output : result->outputs)
      require(output.href.empty() || output.text.empty());
    require(read_exec_result(to_element(*result)).has_value());
  }
  if (const auto progress = read_exec_progress(element))
    require(progress->text.size() <= AgentLimits::kNoteBytesMax);
  if (const auto page = read_skills_page(element))
    require(page->skills.size() <= AgentLimits::kSkillsMax);
  (void)read_skills_query(element);
  (void)read_agent_error(*parsed);
  if (const auto confirm = read_agent_confirm(element))
    require(read_agent_confirm(to_element(*confirm)).has_value());
  if (const auto confirmed = read_agent_confirmed(element))
    require(read_agent_confirmed(to_element(*confirmed)) == confirmed);
  return 0;
}
