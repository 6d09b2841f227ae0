// What a manifest grants, and what a child may not have.
#include <cmath>

#include "skep/agent/manifest.h"
#include "skep/base/text.h"

namespace skep::agent {
namespace {

using authority::Action;
using authority::Capability;
using authority::Grants;

// A list that is there replaces what the profile gave of its kind.
void replace(std::vector<Capability>& all, Action action,
             const std::optional<std::vector<std::string>>& patterns) {
  if (!patterns) return;
  std::erase_if(all, [&](const Capability& one) { return one.action == action; });
  for (const std::string& pattern : *patterns) all.push_back({action, pattern});
}

std::unexpected<Error> escalation(std::string what) {
  return fail(Code::kDenied, "privilege escalation: " + std::move(what));
}

std::string described(const Capability& one) {
  const std::string_view name = authority::action_name(one.action);
  return one.pattern.empty() ? std::string(name) : fmt::format("{} \"{}\"", name, one.pattern);
}

// 0 is no limit.
template <class T>
bool exceeds(T child, T parent) {
  return parent > 0 && (child == 0 || child > parent);
}
template <class T>
T within(T child, T parent) {
  return exceeds(child, parent) && child == 0 ? parent : child;
}

Result<void> check_limits(const Manifest& child, const Manifest& parent) {
  if (exceeds(child.tokens_per_hour, parent.tokens_per_hour))
    return escalation("more max_llm_tokens_per_hour than its parent");
  if (exceeds(child.tokens_per_day, parent.tokens_per_day))
    return escalation("more max_llm_tokens_per_day than its parent");
  if (exceeds(child.tokens_per_month, parent.tokens_per_month))
    return escalation("more max_llm_tokens_per_month than its parent");
  if (exceeds(child.usd_per_hour, parent.usd_per_hour))
    return escalation("more max_cost_per_hour_usd than its parent");
  if (exceeds(child.usd_per_day, parent.usd_per_day))
    return escalation("more max_cost_per_day_usd than its parent");
  if (exceeds(child.usd_per_month, parent.usd_per_month))
    return escalation("more max_cost_per_month_usd than its parent");
  if (exceeds(child.tool_calls_per_minute, parent.tool_calls_per_minute))
    return escalation("more max_tool_calls_per_minute than its parent");
  return {};
}

// A key or an endpoint of the child's own choice could carry the house's key, or every prompt, to
// a stranger.
bool way_is_parents(const ModelWay& way, const Manifest& parent) {
  if (way.api_key_env.empty() && way.base_url.empty()) return true;
  auto same = [&](const ModelWay& other) {
    return other.provider == way.provider && other.api_key_env == way.api_key_env &&
           other.base_url == way.base_url;
  };
  return same(parent.model) || std::ranges::any_of(parent.fallbacks, same);
}

}  // namespace

Grants Manifest::grants() const {
  std::vector<Capability> all;
  if (tools) {
    all = Grants::of_tools(*tools).all();
    // To read on in what a tool gave is no right of its own.
    if (!tools->empty()) all.push_back({Action::kToolInvoke, "result_read"});
  } else if (const auto preset = Grants::of_profile(profile.empty() ? "minimal" : profile)) {
    all = preset->all();  // parse() lets no other profile pass
  }
  replace(all, Action::kNetConnect, network);
  replace(all, Action::kMemoryRead, memory_read);
  replace(all, Action::kMemoryWrite, memory_write);
  replace(all, Action::kShellExec, shell);
  replace(all, Action::kAgentMessage, agent_message);
  replace(all, Action::kAgentKill, agent_kill);
  if (agent_spawn) {
    std::erase_if(all, [](const Capability& one) { return one.action == Action::kAgentSpawn; });
    if (*agent_spawn) all.push_back({Action::kAgentSpawn, {}});
  }
  if (exec_policy == ExecPolicy::kDeny)
    std::erase_if(all, [](const Capability& one) { return one.action == Action::kShellExec; });
  return Grants(std::move(all));
}

memory::SpendLimits Manifest::limits() const {
  auto pico = [](double usd) { return static_cast<PicoUsd>(std::llround(usd * 1e12)); };
  return {.hourly_tokens = tokens_per_hour,
          .daily_tokens = tokens_per_day,
          .monthly_tokens = tokens_per_month,
          .hourly_cost = pico(usd_per_hour),
          .daily_cost = pico(usd_per_day),
          .monthly_cost = pico(usd_per_month)};
}

bool Manifest::lists_allow(std::string_view tool) const {
  auto named = [&](const std::string& entry) { return equals_ignoring_ascii_case(entry, tool); };
  if (std::ranges::any_of(tool_blocklist, named)) return false;
  return tool_allowlist.empty() || std::ranges::any_of(tool_allowlist, named);
}

Result<void> Manifest::check_child_of(const Manifest& parent) const {
  const Grants mine = grants(), theirs = parent.grants();
  if (const Capability* over = theirs.beyond(mine))
    return escalation(described(*over) + " is not its parent's to give");
  if (wakes.mode != Wakes::Mode::kReactive && !theirs.allow(Action::kSchedule, {}))
    return escalation("schedule is not its parent's to give");
  const ExecPolicy own = exec_policy.value_or(ExecPolicy::kFull);
  if (own > parent.exec_policy.value_or(ExecPolicy::kFull))
    return escalation(fmt::format("exec_policy \"{}\"", exec_policy_name(own)));
  for (const std::string& tool : parent.tool_blocklist) {
    if (lists_allow(tool) && mine.allow(authority::Action::kToolInvoke, tool))
      return escalation(fmt::format("tool \"{}\" is blocked for its parent", tool));
  }
  for (const std::string& tool : tool_allowlist) {
    if (!parent.lists_allow(tool))
      return escalation(fmt::format("tool \"{}\" is not on its parent's tool_allowlist", tool));
  }
  SKEP_TRY_VOID(check_limits(*this, parent));
  const bool ways =
      way_is_parents(model, parent) && std::ranges::all_of(fallbacks, [&](const ModelWay& way) {
        return way_is_parents(way, parent);
      });
  if (!ways) return escalation("an api_key_env or base_url that is not its parent's");
  const std::string& folder = parent.workspace.empty() ? parent.name : parent.workspace;
  if (!workspace.empty() && workspace != folder && workspace != name)
    return escalation(fmt::format("workspace \"{}\" is not its parent's", workspace));
  return {};
}

Manifest Manifest::bounded_by(const Manifest& parent) const {
  Manifest out = *this;
  out.tokens_per_hour = within(tokens_per_hour, parent.tokens_per_hour);
  out.tokens_per_day = within(tokens_per_day, parent.tokens_per_day);
  out.tokens_per_month = within(tokens_per_month, parent.tokens_per_month);
  out.usd_per_hour = within(usd_per_hour, parent.usd_per_hour);
  out.usd_per_day = within(usd_per_day, parent.usd_per_day);
  out.usd_per_month = within(usd_per_month, parent.usd_per_month);
  out.tool_calls_per_minute = within(tool_calls_per_minute, parent.tool_calls_per_minute);
  if (!exec_policy) out.exec_policy = parent.exec_policy;
  for (const std::string& tool : parent.tool_blocklist) {
    if (lists_allow(tool)) out.tool_blocklist.push_back(tool);
  }
  if (!parent.tool_allowlist.empty() && tool_allowlist.empty())
    out.tool_allowlist = parent.tool_allowlist;
  return out;
}

}  // namespace skep::agent
