#include "skep/kernel/agents.h"

#include <filesystem>

#include "agents_impl.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::kernel {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kKindPrefix = "turn:";

// Folders of <home>/agents that hold a manifest.
std::set<std::string> folders_of(const std::string& home) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(home + "/agents", error)) {
    std::string name = folder.path().filename().string();
    std::error_code ignored;
    if (!name.starts_with('.') && fs::exists(folder.path() / "agent.toml", ignored))
      names.insert(std::move(name));
  }
  return names;
}

}  // namespace

std::vector<store::Migration> Agents::migrations() { return AgentStore::migrations(); }

Task<Result<std::unique_ptr<Agents>>> Agents::open(Ctx ctx, AgentsDeps deps) {
  auto agents = std::make_unique<AgentsImpl>(std::move(deps));
  SKEP_CO_TRY_VOID(co_await agents->load(std::move(ctx)));
  std::unique_ptr<Agents> result = std::move(agents);
  co_return result;
}

AgentsImpl::AgentsImpl(AgentsDeps deps)
    : deps_(std::move(deps)),
      config_(deps_.house.config.agents),
      store_(deps_.db),
      gate_(deps_.house.loop),
      sweeper_(deps_.house.loop) {}

Task<Result<void>> AgentsImpl::load(Ctx ctx) {
  SKEP_CO_TRY_VOID(co_await load_rows(ctx));
  SKEP_CO_TRY_VOID(co_await adopt_all(ctx));
  if (!slots_.empty()) log::info("kernel", "{} agents are registered", slots_.size());
  sweeper_.spawn("agents sweep", sweep());
  sweeper_.spawn("agents heartbeat", beat());
  co_return Result<void>{};
}

Task<Result<void>> AgentsImpl::load_rows(Ctx ctx) {
  SKEP_CO_TRY(std::vector<AgentEntry> rows, co_await store_.load(ctx));
  const std::set<std::string> folders = folders_of(deps_.house.config.home);
  std::optional<AgentEntry> main;
  for (const AgentEntry& row : rows) {
    if (row.main) main = row;
  }
  SKEP_CO_TRY_VOID(co_await load_main(ctx, std::move(main)));
  for (AgentEntry& row : rows) {
    if (!row.main) SKEP_CO_TRY_VOID(co_await settle_row(ctx, std::move(row), folders));
  }
  co_return Result<void>{};
}

// Its name is skep.toml's to say; its id stays.
Task<Result<void>> AgentsImpl::load_main(Ctx ctx, std::optional<AgentEntry> row) {
  const std::string& name = deps_.house.config.agent.name;
  if (row) {
    main_ = *std::move(row);
    if (main_.name == name) co_return Result<void>{};
    main_.name = name;
    co_return co_await store_.update(std::move(ctx), main_);
  }
  main_ = {.id = Uuid::random(),
           .name = name,
           .state = AgentState::kRunning,
           .created_at = deps_.clock.now(),
           .last_active = deps_.clock.now(),
           .main = true};
  co_return co_await store_.insert(std::move(ctx), main_);
}

// A spawn or a kill that the last process did not finish is finished, or undone.
Task<Result<void>> AgentsImpl::settle_row(Ctx ctx, AgentEntry entry,
                                          const std::set<std::string>& folders) {
  const bool has_files = folders.contains(entry.name);
  const bool never_was = entry.state == AgentState::kCreated && !has_files;
  if (never_was || (entry.state == AgentState::kTerminated && entry.why.empty())) {
    const Uuid id = entry.id;
    std::error_code ignored;
    if (never_was) fs::remove_all(directory(entry), ignored);  // the spawn made it, and no more
    if (!never_was) SKEP_CO_TRY_VOID(move_folders(entry));
    co_return co_await store_.remove(std::move(ctx), id);
  }
  const AgentState before = entry.state;
  if (entry.state == AgentState::kCreated) entry.state = AgentState::kRunning;
  if (!has_files) {
    entry.state = AgentState::kCrashed;
    entry.why = directory(entry) + "/agent.toml is not there";
  }
  AgentSlot& slot = keep(std::move(entry));
  if (slot.entry.state != before) co_return co_await store_.update(std::move(ctx), slot.entry);
  co_return Result<void>{};
}

// Folders that people put there, in one transaction: they may be thousands.
Task<Result<void>> AgentsImpl::adopt_all(Ctx ctx) {
  std::vector<AgentEntry> fresh;
  std::set<std::string> names;
  for (const std::string& name : folders_of(deps_.house.config.home)) {
    const std::string key = to_lower_ascii(name);
    if (slots_.contains(key) || !names.insert(key).second) continue;
    auto entry = slots_.size() + fresh.size() < config_.agents_max ? adopted(name) : std::nullopt;
    if (entry)
      fresh.push_back(*std::move(entry));
    else
      log::warn("kernel",
                "agents/{} is no agent: its name cannot be one or is the main agent's, or "
                "[agents] agents_max is reached",
                name);
  }
  if (fresh.empty()) co_return Result<void>{};
  SKEP_CO_TRY_VOID(co_await store_.insert_all(std::move(ctx), fresh));
  for (AgentEntry& entry : fresh) tell("spawned", keep(std::move(entry)).entry);
  co_return Result<void>{};
}

std::optional<AgentEntry> AgentsImpl::adopted(const std::string& name) const {
  AgentEntry entry{.id = Uuid::random(),
                   .name = name,
                   .state = AgentState::kRunning,
                   .created_at = deps_.clock.now(),
                   .last_active = deps_.clock.now()};
  if (!agent::is_agent_name(name) || is_mains(entry)) return std::nullopt;
  auto manifest = manifest_of(entry);
  const Result<llm::LlmConfig> model =
      manifest ? resolve_model(*manifest, deps_.house)
               : Result<llm::LlmConfig>(std::unexpected(manifest.error()));
  if (model) return entry;
  entry.state = AgentState::kCrashed;
  entry.why = model.error().message;
  record_denied(entry, model.error());
  log::warn("kernel", "agent {} cannot start: {}", name, entry.why);
  return entry;
}

AgentSlot& AgentsImpl::keep(AgentEntry entry) {
  std::string key = to_lower_ascii(entry.name);
  const Uuid id = entry.id;
  auto& slot = slots_[std::move(key)];
  slot = std::make_unique<AgentSlot>(*this, std::move(entry));
  by_id_[id] = slot.get();
  return *slot;
}

Inbox& AgentsImpl::main_in(Inbox& main) {
  main_in_ = std::make_unique<CallingInbox>(main, calls_);
  return *main_in_;
}

Result<void> AgentsImpl::attach() {
  attached_ = true;
  for (auto& [name, slot] : slots_) {
    // skep.toml has taken its name: two nodes of one name would share what is meant for one.
    if (is_mains(slot->entry))
      crash(*slot, {Code::kConflict, "the agent of skep.toml has that name"});
    else
      SKEP_TRY_VOID(attach(*slot));
  }
  set_grants(main_);
  return {};
}

Result<void> AgentsImpl::attach(AgentSlot& slot) {
  SKEP_TRY(slot.port, deps_.router.attach(node(slot.entry), NodeId{slot.entry.id}, slot));
  return {};
}

std::vector<Message> AgentsImpl::unfinished() const {
  std::vector<Message> all;
  for (const std::string& one : deps_.house.journal.kinds()) {
    if (!one.starts_with(kKindPrefix)) continue;
    for (Message& message : agent::unfinished_messages(deps_.house.journal, one))
      all.push_back(std::move(message));
  }
  return all;
}

void AgentsImpl::resume() {
  for (const std::string& one : deps_.house.journal.kinds()) {
    if (!one.starts_with(kKindPrefix)) continue;
    const auto id = Uuid::parse(std::string_view(one).substr(kKindPrefix.size()));
    const auto found = id ? by_id_.find(*id) : by_id_.end();
    if (found != by_id_.end()) {
      go_on(*found->second);
      continue;
    }
    for (const Message& message : agent::unfinished_messages(deps_.house.journal, one))
      (void)deps_.house.journal.end(store::EntryId(message.id.str()));  // of an agent that is gone
  }
}

bool AgentsImpl::is_mains(const AgentEntry& entry) const {
  return equals_ignoring_ascii_case(entry.name, main_.name) ||
         equals_ignoring_ascii_case(node(entry).str(), node(main_).str());
}

Result<AgentSlot*> AgentsImpl::slot(std::string_view name) const {
  if (equals_ignoring_ascii_case(name, main_.name))
    return fail(Code::kDenied, fmt::format("{} is the agent of skep.toml", main_.name));
  const auto found = slots_.find(to_lower_ascii(name));
  if (found != slots_.end()) return found->second.get();
  std::vector<std::string> names{main_.name};
  for (const auto& [key, slot] : slots_) names.push_back(slot->entry.name);
  const auto near = nearest(name, names);
  return fail(Code::kNotFound,
              fmt::format("there is no agent \"{}\"{}", cut_utf8(to_valid_utf8(name), 128),
                          near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
}

const AgentEntry* AgentsImpl::by_id(const Uuid& id) const {
  if (id == main_.id) return &main_;
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second->entry;
}

bool AgentsImpl::descends(const AgentEntry& entry, const Uuid& from) const {
  const AgentEntry* at = &entry;
  for (std::size_t depth = 0; at != nullptr && depth <= AgentsConfig::spawn_depth_max; ++depth) {
    if (!at->parent) return false;
    if (*at->parent == from) return true;
    at = by_id(*at->parent);
  }
  return false;
}

std::vector<AgentEntry> AgentsImpl::list() const {
  std::vector<AgentEntry> all{main_};
  for (const auto& [name, slot] : slots_) all.push_back(slot->entry);
  return all;
}

Result<AgentEntry> AgentsImpl::find(std::string_view name) const {
  if (equals_ignoring_ascii_case(name, main_.name)) return main_;
  SKEP_TRY(const AgentSlot* found, slot(name));
  return found->entry;
}

std::vector<std::string> AgentsImpl::children(const Uuid& id) const {
  std::vector<std::string> names;
  for (const auto& [name, slot] : slots_) {
    if (slot->entry.parent == id) names.push_back(slot->entry.name);
  }
  return names;
}

Result<agent::Manifest> AgentsImpl::manifest(std::string_view name) const {
  SKEP_TRY(const AgentEntry entry, find(name));
  return manifest_of(entry);
}

// The main agent may give whatever there is, but not somebody else's endpoint.
Result<agent::Manifest> AgentsImpl::manifest_of(const AgentEntry& entry) const {
  if (entry.main) {
    agent::Manifest all{.name = entry.name, .profile = "full"};
    all.description = "the agent of skep.toml";
    all.tool_calls_per_minute = 0;
    return all;
  }
  const std::string path = directory(entry) + "/agent.toml";
  SKEP_TRY(const std::string text, store::read_file(path, agent::Manifest::bytes_max));
  SKEP_TRY_VOID(check_signed(text, entry, /*spawned=*/false));
  SKEP_TRY(
      agent::Manifest manifest,
      agent::Manifest::parse(text, fmt::format("agents/{}/agent.toml", entry.name), entry.name));
  if (manifest.name != entry.name) {
    return fail(Code::kInvalid, fmt::format("{} is of an agent called \"{}\"; the folder and the "
                                            "name must be the same",
                                            path, manifest.name));
  }
  return manifest;
}

Name AgentsImpl::node(const AgentEntry& entry) const {
  const std::string& hive = deps_.house.config.hive;
  if (!entry.main) {
    if (auto exact = Name::parse("AI." + entry.name, hive)) return *exact;
  }
  return Name::from_label(NodeType::kAgent, entry.name, hive);  // people named it freely
}

std::string AgentsImpl::directory(const AgentEntry& entry) const {
  return agent_directory(deps_.house.config.home, entry.name);
}
AgentLog AgentsImpl::log(const AgentEntry& entry) const {
  return AgentLog(directory(entry), deps_.clock);
}

Result<std::vector<std::string>> AgentsImpl::log_lines(std::string_view name,
                                                       std::size_t lines_max) const {
  SKEP_TRY(const AgentEntry entry, find(name));
  if (entry.main)
    return fail(Code::kUnsupported, "the agent of skep.toml writes into skep's own log");
  return log(entry).newest(lines_max);
}

json::object AgentsImpl::status() const {
  std::size_t open = 0, running = 0;
  for (const auto& [name, slot] : slots_) {
    open += slot->open != nullptr;
    running += slot->entry.state == AgentState::kRunning;
  }
  return {
      {"registered", slots_.size()}, {"running", running},       {"open", open}, {"hangs", hangs_},
      {"restarts", restarts_},       {"main_hangs", main_hangs_}};
}

bool AgentsImpl::has_unfinished(const AgentSlot& slot) const {
  return !deps_.house.journal.unfinished(kind(slot.entry)).empty();
}

Task<void> AgentsImpl::close(Ctx ctx) {
  closing_ = true;
  co_await sweeper_.close();
  for (auto& [name, slot] : slots_) {
    if (slot->open) gate_.spawn("agent closes", retire(*slot, ctx));
  }
  co_await gate_.drain(ctx);
}

}  // namespace skep::kernel
