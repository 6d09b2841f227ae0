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
                                      "personas.",
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
                                      "schedules.event_depth_max",
                                      "schedules.events_per_hour",
                                      "schedules.webhooks.",
                                      "schedules.webhook_hosts",
                                      "mail."};
// Of an account as of [agent].
constexpr std::string_view kLiveOfAccounts[] = {"allowed_jids", "allowed_domains", "admin_jids"};

// [llm] and what is in it, but for sub-agents, whose tool names them.
bool is_of_models(std::string_view key) {
  return key.starts_with("llm.") && !key.starts_with("llm.agents.");
}

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

// The models that a changed [llm] names; null: it has not changed, or takes a restart.
Result<ModelSetPtr> KernelImpl::fresh_models(const KernelConfig& config) const {
  const std::vector<std::string> keys = changed(config_.keys, config.keys);
  if (!models_ || std::ranges::none_of(keys, is_of_models)) return ModelSetPtr();
  return models_->prepare(config);
}

// Processes of nodes read the file themselves.
Result<Reloaded> KernelImpl::reload(const KernelConfig& config) {
  SKEP_TRY(ModelSetPtr models, fresh_models(config));
  if (personas_) SKEP_TRY_VOID(personas_->check(config.personas));
  if (authority_) SKEP_TRY_VOID(authority_->authority().set_rules(config.authority.rules));
  // From here on nothing fails.
  Reloaded out;
  const bool live_models = models || !models_;  // without an agent here, another process has them
  for (std::string& key : changed(config_.keys, config.keys)) {
    if (!is_live(key) && !(live_models && is_of_models(key))) {
      out.waiting.push_back(std::move(key));
      continue;
    }
    if (const auto value = config.keys.find(key); value != config.keys.end())
      config_.keys[key] = value->second;
    else
      config_.keys.erase(key);
    out.taken.push_back(std::move(key));
  }
  if (models) {
    models_->put(std::move(models));
    config_.llm = config.llm;
    config_.tiers = config.tiers;
    config_.catalogue = config.catalogue;
  }
  if (personas_) personas_->use(config.personas);
  config_.personas = config.personas;
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
  config_.mail = config.mail;
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
