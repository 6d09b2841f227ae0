// A configuration that was read again: what may change while everything runs.
#include <algorithm>

#include "kernel_impl.h"
#include "skep/base/log.h"

namespace skep::kernel {
namespace {

// Keys, and sections with all that is in them, that are looked at anew each time they are needed,
// or are handed on below. docs/configuration.md lists them; a test compares.
constexpr std::string_view kLive[] = {"users[",
                                      "agent.allowed_jids",
                                      "agent.allowed_domains",
                                      "agent.admin_jids",
                                      "log.level",
                                      "quota.",
                                      "authority.ask",
                                      "authority.deny",
                                      "authority.tainted",
                                      "agents.idle_secs",
                                      "agents.agents_max",
                                      "agents.children_max",
                                      "agents.heartbeat_secs",
                                      "agents.hung_secs",
                                      "agents.recovery_secs",
                                      "agents.trusted_signers",
                                      "agents.require_signed",
                                      "schedules.jobs_per_agent",
                                      "schedules.jobs_max",
                                      "schedules.every_secs_min",
                                      "schedules.running_max",
                                      "schedules.failures_max",
                                      "schedules.event_cooldown_secs",
                                      "schedules.events_per_hour"};
// Of an account as of [agent].
constexpr std::string_view kLiveOfAccounts[] = {"allowed_jids", "allowed_domains", "admin_jids"};

bool is_live(std::string_view key) {
  const bool listed = std::ranges::any_of(kLive, [&](std::string_view one) {
    const bool all = one.ends_with('.') || one.ends_with('[');
    return all ? key.starts_with(one) : key == one;
  });
  if (listed) return true;
  return key.starts_with("accounts[") &&
         std::ranges::any_of(kLiveOfAccounts, [&](std::string_view one) {
           return key.ends_with(one) && key[key.size() - one.size() - 1] == '.';
         });
}

std::vector<std::string> changed(const std::map<std::string, std::string>& before,
                                 const std::map<std::string, std::string>& after) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : before) {
    const auto same = after.find(key);
    if (same == after.end() || same->second != value) keys.push_back(key);
  }
  for (const auto& [key, value] : after) {
    if (!before.contains(key)) keys.push_back(key);
  }
  std::ranges::sort(keys);
  return keys;
}

}  // namespace

// Processes of nodes read the file themselves.
Result<Reloaded> KernelImpl::reload(const KernelConfig& config) {
  if (authority_) SKEP_TRY_VOID(authority_->authority().set_rules(config.authority.rules));
  // From here on nothing fails.
  Reloaded out;
  for (std::string& key : changed(config_.keys, config.keys)) {
    if (!is_live(key)) {
      out.waiting.push_back(std::move(key));
      continue;
    }
    if (const auto value = config.keys.find(key); value != config.keys.end())
      config_.keys[key] = value->second;
    else
      config_.keys.erase(key);
    out.taken.push_back(std::move(key));
  }
  config_.authority.rules = config.authority.rules;
  take_allow_lists(config_, config);
  if (xmpp_) xmpp_->reload(config.xmpp_nodes());
  if (config_.log_level != config.log_level) log::set_level(log::level_named(config.log_level));
  config_.log_level = config.log_level;
  config_.quota = config.quota;
  if (ledger_) ledger_->set_quota(config.quota);
  const std::string main_tools = std::exchange(config_.agents, config.agents).main_tools;
  config_.agents.main_tools = main_tools;
  const bool tools = std::exchange(config_.schedules, config.schedules).tools;
  config_.schedules.tools = tools;
  audit_reload(out);
  if (!is_main()) return out;
  for (const NodeKind kind : kNodeKinds) {
    if (there_is(kind) && !hosts(kind)) hang_up(node_directory(config_.home, kind));
  }
  return out;
}

void KernelImpl::audit_reload(const Reloaded& reloaded) {
  if (!authority_ || reloaded.taken.empty()) return;
  authority::AuditEntry entry{
      .action = "config_reload", .resource = "skep.toml", .outcome = "done"};
  for (const std::string& key : reloaded.taken)
    entry.detail += (entry.detail.empty() ? "" : ", ") + key;
  if (auto kept = authority_->audit().append(std::move(entry)); !kept)
    log::error("kernel", "the audit log: {}", kept.error().to_string());
}

}  // namespace skep::kernel
