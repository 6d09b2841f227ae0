// How agents come to be, and what they may be given.
#include <filesystem>

#include "agents_impl.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::kernel {

namespace fs = std::filesystem;

Task<Result<AgentEntry>> AgentsImpl::spawn(SpawnRequest request) {
  AgentEntry entry{.id = Uuid::random(),
                   .mode = request.mode,
                   .created_at = deps_.clock.now(),
                   .last_active = deps_.clock.now()};
  const std::string by = request.parent.empty() ? "a person" : request.parent;
  auto checked = check_spawn(request, entry);
  if (!checked) {
    if (checked.error().code == Code::kDenied) {
      record({.agent = by,
              .action = "agent_spawn",
              .resource = entry.name,
              .outcome = "deny",
              .detail = checked.error().message});
    }
    co_return fail(std::move(checked).error());
  }
  const agent::Manifest manifest = *std::move(checked);
  const std::string key = to_lower_ascii(entry.name);
  keep(entry).busy = true;  // the name is taken from here on
  std::string text = request.parent.empty() ? request.manifest : manifest.to_text();
  Result<void> made = co_await make(entry, std::move(text));
  AgentSlot& slot = *slots_.at(key);
  if (made) made = attach(slot);
  slot.busy = false;
  if (!made) {
    std::error_code ignored;
    fs::remove_all(directory(entry), ignored);  // it was not there before
    by_id_.erase(entry.id);
    slots_.erase(key);
    co_await persist_removal(entry.id);
    co_return fail(std::move(made).error());
  }
  if (main_toolbox_ != nullptr) {
    if (auto added = add_main_tools(*main_toolbox_); !added)
      log::warn("kernel", "the main agent has no tools for agents: {}", added.error().message);
  }
  record({.agent = by,
          .action = "agent_spawned",
          .resource = entry.name,
          .outcome = "done",
          .detail = entry.id.str()});
  set_grants_above(slot.entry);
  tell("spawned", slot.entry, request.event_depth);
  co_return slot.entry;
}

// What a spawn must pass before anything is kept. Fills the entry's name and parent.
Result<agent::Manifest> AgentsImpl::check_spawn(const SpawnRequest& request,
                                                AgentEntry& entry) const {
  if (closing_) return fail(Code::kUnavailable, "skep is stopping");
  SKEP_TRY(agent::Manifest manifest, agent::Manifest::parse(request.manifest));
  entry.name = manifest.name;
  SKEP_TRY_VOID(check_signed(request.manifest, entry, /*spawned=*/true));
  if (is_mains(entry) || slots_.contains(to_lower_ascii(entry.name)))
    return fail(Code::kExists, fmt::format("there is an agent \"{}\" already", entry.name));
  std::error_code ignored;
  if (fs::exists(directory(entry), ignored)) {
    return fail(Code::kExists, fmt::format("{} is there already: skep takes it up when it starts "
                                           "next, or choose another name",
                                           directory(entry)));
  }
  if (slots_.size() >= config_.agents_max)
    return fail(Code::kExhausted, fmt::format("[agents] agents_max is {}", config_.agents_max));
  if (!request.parent.empty()) {
    SKEP_TRY(const AgentEntry parent, find(request.parent));
    SKEP_TRY_VOID(check_parent(parent));
    SKEP_TRY(const agent::Manifest parents, manifest_of(parent));
    manifest = manifest.bounded_by(parents);
    SKEP_TRY_VOID(check_child(parent, manifest));
    entry.parent = parent.id;
    entry.mode = std::min(entry.mode, parent.mode);
  }
  SKEP_TRY_VOID(resolve_model(manifest, deps_.house));
  return manifest;
}

// What is signed is what is spawned. Afterwards the day until which it is good does not matter any
// more, but whether it was altered and who vouches for it does; of what agents spawned the house
// has written the file itself, within what their parents may give.
Result<void> AgentsImpl::check_signed(const std::string& text, const AgentEntry& entry,
                                      bool spawned) const {
  const auto now = spawned ? std::optional(deps_.clock.now()) : std::nullopt;
  SKEP_TRY(const auto signer, authority::verify_text(text, entry.name, config_.signers, now));
  const bool wanted = config_.require_signed && (spawned || !entry.parent);
  if (signer || !wanted) return {};
  return fail(
      Code::kDenied,
      "this manifest is not signed, and [agents] require_signed wants it to be; `skep agent "
      "sign` does it");
}

Result<void> AgentsImpl::check_parent(const AgentEntry& parent) const {
  if (children(parent.id).size() >= config_.children_max) {
    return fail(Code::kExhausted, fmt::format("{} has [agents] children_max = {} children",
                                              parent.name, config_.children_max));
  }
  std::size_t depth = 1;
  for (const AgentEntry* at = &parent; at != nullptr && at->parent; at = by_id(*at->parent))
    ++depth;
  if (depth <= AgentsConfig::spawn_depth_max) return {};
  return fail(Code::kExhausted, fmt::format("agents that were spawned by agents may spawn others "
                                            "{} deep, no deeper",
                                            AgentsConfig::spawn_depth_max));
}

// Row, files, row again: a process that dies between them leaves something that the next start
// finishes or undoes.
Task<Result<void>> AgentsImpl::make(AgentEntry entry, std::string text) {
  const Ctx ctx;
  SKEP_CO_TRY_VOID(co_await store_.insert(ctx, entry));
  SKEP_CO_TRY_VOID(write_files(entry, text));
  entry.state = AgentState::kRunning;
  SKEP_CO_TRY_VOID(co_await store_.update(ctx, entry));
  slots_.at(to_lower_ascii(entry.name))->entry = entry;
  co_return Result<void>{};
}

Result<void> AgentsImpl::write_files(const AgentEntry& entry, const std::string& text) const {
  SKEP_TRY_VOID(store::make_directories(directory(entry) + "/memory"));
  return store::write_file(directory(entry) + "/agent.toml", text, deps_.house.config.sync);
}

// Files change: a child must still hold nothing that its parent lacks.
Result<void> AgentsImpl::check_inherited(const AgentEntry& entry,
                                         const agent::Manifest& manifest) const {
  const AgentEntry* parent = entry.parent ? by_id(*entry.parent) : nullptr;
  return parent == nullptr ? Result<void>() : check_child(*parent, manifest);
}

Result<void> AgentsImpl::check_child(const AgentEntry& parent,
                                     const agent::Manifest& manifest) const {
  SKEP_TRY(const agent::Manifest parents, manifest_of(parent));
  const authority::Grants child = manifest.grants();
  if (parent.main) {
    const authority::Grants& own = deps_.house.config.agent.grants;
    if (const authority::Capability* over = own.beyond(child)) {
      return fail(Code::kDenied, fmt::format("privilege escalation: {} is not its parent's to give",
                                             authority::to_text(*over)));
    }
  }
  return manifest.check_child_of(parents);
}

// What an agent may do, and with those that it spawned: talk to them and end them.
void AgentsImpl::set_grants(const AgentEntry& entry) {
  const auto manifest = manifest_of(entry);
  if (!manifest) return;
  authority::Grants grants = entry.main ? deps_.house.config.agent.grants : manifest->grants();
  for (const auto& [name, slot] : slots_) {
    if (!descends(slot->entry, entry.id)) continue;
    grants.add({authority::Action::kAgentMessage, slot->entry.name});
    grants.add({authority::Action::kAgentKill, slot->entry.name});
  }
  deps_.house.authority.set_grants(role(entry), std::move(grants));
}

// After one came or went.
void AgentsImpl::set_grants_above(const AgentEntry& entry) {
  const AgentEntry* at = entry.parent ? by_id(*entry.parent) : nullptr;
  for (; at != nullptr; at = at->parent ? by_id(*at->parent) : nullptr) set_grants(*at);
}

// What an agent is kept from starting by is a decision.
void AgentsImpl::record_denied(const AgentEntry& entry, const Error& error) const {
  if (error.code != Code::kDenied) return;
  record({.agent = role(entry),
          .action = "agent_open",
          .resource = entry.name,
          .outcome = "deny",
          .detail = error.message});
}

void AgentsImpl::record(authority::AuditEntry entry) const {
  if (auto kept = deps_.house.authority.audit().append(std::move(entry)); !kept)
    log::error("kernel", "the audit log: {}", kept.error().to_string());
}

}  // namespace skep::kernel
