// How agents are opened, change and go.
#include <filesystem>

#include "agents_impl.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/event_depth.h"
#include "skep/model/reply.h"
#include "skep/store/append_file.h"

namespace skep::kernel {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kSweepMin{200};
constexpr std::string_view kEndedText = "This agent was ended before it could answer.";

// One change of an agent at a time.
class Busy {
 public:
  explicit Busy(AgentSlot& slot) : slot_(slot) { slot_.busy = true; }
  ~Busy() { slot_.busy = false; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  static Result<void> check(const AgentSlot& slot) {
    if (!slot.busy) return {};
    return fail(Code::kConflict, fmt::format("agent {} is being changed already", slot.entry.name));
  }

 private:
  AgentSlot& slot_;
};

Ctx at_once() { return Ctx().within(std::chrono::seconds(0)); }

// "spawned" -> "AGENT_SPAWNED"
std::string event_action(std::string_view event) {
  std::string out = "AGENT_";
  for (const char c : event) out += static_cast<char>(c - 'a' + 'A');
  return out;
}

// What an operator reads in the log, and subscribers on the fabric.
json::object described(const AgentEntry& entry) {
  json::object out{{"id", entry.id.str()},
                   {"name", entry.name},
                   {"state", state_name(entry.state)},
                   {"mode", mode_name(entry.mode)}};
  if (entry.parent) out["parent"] = entry.parent->str();
  if (!entry.why.empty()) out["why"] = entry.why;
  return out;
}

}  // namespace

// -- opening and closing -------------------------------------------------------------------------

Result<OpenAgent*> AgentsImpl::opened(AgentSlot& slot) {
  if (closing_) return fail(Code::kUnavailable, "skep is stopping");
  if (slot.open) return slot.open.get();
  auto manifest = manifest_of(slot.entry);
  Result<void> good;
  if (!manifest) good = fail(manifest.error());
  if (good) good = check_inherited(slot.entry, *manifest);
  if (good) {
    AgentPlan plan{.manifest = *std::move(manifest),
                   .mode = slot.entry.mode,
                   .journal_kind = kind(slot.entry),
                   .out = slot.out};
    const ToolCaller caller{.name = slot.entry.name, .out = &slot.out};
    plan.more_tools = [&](tools::Toolbox& toolbox,
                          const std::function<bool(std::string_view)>& wanted) -> Result<void> {
      SKEP_TRY_VOID(add_tools(toolbox, caller, wanted));
      return more_tools_ ? more_tools_(toolbox, caller.name, wanted) : Result<void>();
    };
    set_grants(slot.entry);
    auto open = OpenAgent::open(std::move(plan), deps_.house);
    if (open)
      slot.open = *std::move(open);
    else
      good = fail(std::move(open).error());
  }
  if (!good) {
    crash(slot, good.error());
    return fail(Code::kUnavailable,
                fmt::format("agent {} cannot start: {}", slot.entry.name, slot.entry.why));
  }
  slot.used = std::chrono::steady_clock::now();
  slot.entry.last_active = deps_.clock.now();
  store_.touch(slot.entry);
  return slot.open.get();
}

void AgentsImpl::crash(AgentSlot& slot, const Error& error) {
  record_denied(slot.entry, error);
  slot.entry.state = AgentState::kCrashed;
  slot.entry.why = error.message;
  log::warn("kernel", "agent {} cannot start: {}", slot.entry.name, error.message);
  gate_.spawn("agent crashed", persist(slot.entry));
  tell("crashed", slot.entry);
}

Task<void> AgentsImpl::persist(AgentEntry entry) {
  const Ctx ctx;
  const std::string name = entry.name;
  if (auto kept = co_await store_.update(ctx, std::move(entry)); !kept)
    log::error("kernel", "the state of agent {} is not kept: {}", name, kept.error().to_string());
}

Task<void> AgentsImpl::persist_removal(Uuid id) {
  const Ctx ctx;
  if (auto gone = co_await store_.remove(ctx, id); !gone)
    log::error("kernel", "agent {} stays in the registry: {}", id.str(), gone.error().to_string());
}

// Closes the open agent, if there is one. What it leaves unfinished a running agent takes up anew.
Task<void> AgentsImpl::retire(AgentSlot& slot, Ctx ctx) {
  std::unique_ptr<OpenAgent> old = std::move(slot.open);
  if (!old) co_return;
  ++slot.retiring;
  co_await old->agent().close(std::move(ctx));
  old.reset();
  --slot.retiring;
  slot.retired.notify_all();
}

// Afterwards nothing of the agent runs any more.
Task<void> AgentsImpl::stop_now(AgentSlot& slot) {
  co_await retire(slot, at_once());
  while (slot.retiring > 0) {
    const Ctx forever;
    (void)co_await slot.retired.wait(forever);
  }
}

void AgentsImpl::go_on(AgentSlot& slot) {
  if (closing_ || slot.entry.state != AgentState::kRunning || !has_unfinished(slot)) return;
  auto open = opened(slot);  // a failure is in the registry
  if (open) (*open)->agent().resume();
}

// Agents that have had nothing to do for a while are dropped.
Task<void> AgentsImpl::sweep() {
  const Ctx ctx = sweeper_.ctx();
  const auto pause = std::max<std::chrono::milliseconds>(config_.idle / 4, kSweepMin);
  while (co_await sleep_for(ctx, pause)) {
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto& [name, slot] : slots_) {
      if (!slot->open || slot->busy || now - slot->used < config_.idle) continue;
      const agent::AgentStats stats = slot->open->agent().stats();
      if (stats.running == 0 && stats.waiting == 0) gate_.spawn("agent idle", idle(*slot));
    }
  }
}

Task<void> AgentsImpl::idle(AgentSlot& slot) {
  if (slot.busy) co_return;
  const Busy busy(slot);
  slot.entry.last_active = deps_.clock.now();
  store_.touch(slot.entry);
  co_await retire(slot, gate_.ctx());
  go_on(slot);
}

// -- changing ------------------------------------------------------------------------------------

Task<Result<AgentEntry>> AgentsImpl::change(AgentSlot& slot, AgentEntry to, bool stop_turns) {
  SKEP_CO_TRY_VOID(Busy::check(slot));
  const Busy busy(slot);
  const Ctx ctx;
  SKEP_CO_TRY_VOID(co_await store_.update(ctx, to));
  const bool told = to.state != slot.entry.state;
  slot.entry = std::move(to);
  if (stop_turns) co_await stop_now(slot);
  go_on(slot);
  if (told) tell(state_name(slot.entry.state), slot.entry);
  co_return slot.entry;
}

Task<Result<AgentEntry>> AgentsImpl::suspend(std::string name) {
  SKEP_CO_TRY(AgentSlot * found, slot(name));
  AgentEntry to = found->entry;
  to.state = AgentState::kSuspended;
  to.why.clear();
  co_return co_await change(*found, std::move(to), true);
}

Task<Result<AgentEntry>> AgentsImpl::activate(std::string name) {
  SKEP_CO_TRY(AgentSlot * found, slot(name));
  AgentEntry to = found->entry;
  if (to.state == AgentState::kTerminated && to.why.empty())
    co_return fail(Code::kConflict, fmt::format("agent {} is being ended", to.name));
  SKEP_CO_TRY(const agent::Manifest manifest, manifest_of(to));
  SKEP_CO_TRY_VOID(check_inherited(to, manifest));
  SKEP_CO_TRY_VOID(resolve_model(manifest, deps_.house));
  to.state = AgentState::kRunning;
  to.why.clear();
  found->heart = {};
  co_return co_await change(*found, std::move(to), false);
}

Task<Result<AgentEntry>> AgentsImpl::set_mode(std::string name, AgentMode mode) {
  SKEP_CO_TRY(AgentSlot * found, slot(name));
  AgentEntry to = found->entry;
  to.mode = mode;
  co_return co_await change(*found, std::move(to), true);
}

// -- ending --------------------------------------------------------------------------------------

Task<Result<void>> AgentsImpl::kill(std::string name, std::string by, int event_depth) {
  SKEP_CO_TRY(AgentSlot * found, slot(name));
  SKEP_CO_TRY_VOID(Busy::check(*found));
  AgentSlot& slot = *found;
  slot.busy = true;  // and stays so: the slot goes with the agent
  AgentEntry entry = slot.entry;
  entry.state = AgentState::kTerminated;
  entry.why.clear();
  const Ctx ctx;
  if (auto kept = co_await store_.update(ctx, entry); !kept) {
    slot.busy = false;
    co_return fail(std::move(kept).error());
  }
  slot.entry = entry;
  log(entry).write("killed", {{"by", by}});
  co_await stop_now(slot);
  answer_all_ended(slot);
  deps_.house.ledger.limit_agent(entry.name, {});
  if (auto moved = move_folders(entry); !moved)
    log::warn("kernel", "the folders of agent {} stay: {}", entry.name, moved.error().message);
  for (auto& [key, other] : slots_) {
    if (other->entry.parent == entry.id) other->entry.parent.reset();
  }
  co_await persist_removal(entry.id);
  by_id_.erase(entry.id);
  slots_.erase(to_lower_ascii(entry.name));
  deps_.house.authority.drop_grants(role(entry));
  set_grants_above(entry);
  record({.agent = by,
          .action = "agent_killed",
          .resource = entry.name,
          .outcome = "done",
          .detail = entry.id.str()});
  tell("terminated", entry, event_depth);
  co_return Result<void>{};
}

void AgentsImpl::answer_all_ended(AgentSlot& slot) {
  for (const Message& asked : agent::unfinished_messages(deps_.house.journal, kind(slot.entry))) {
    Message reply =
        reply_to(asked, MessageId(mint_ulid()), deps_.clock.now(), std::string(kEndedText));
    reply.meta[kEndedMeta] = true;
    reply.dst = asked.src_name ? Destination(*asked.src_name) : Destination(asked.src);
    (void)slot.port.send(std::move(reply));  // who asked may be gone
    if (auto ended = deps_.house.journal.end(store::EntryId(asked.id.str())); !ended)
      log::warn("kernel", "turn {} of an ended agent: {}", asked.id.str(),
                ended.error().to_string());
  }
}

// Out of the way, so that another agent of that name does not inherit them; not deleted.
Result<void> AgentsImpl::move_folders(const AgentEntry& entry) const {
  const std::string& home = deps_.house.config.home;
  const auto manifest = manifest_of(entry);
  const std::string to =
      fmt::format("{}/agents/.killed/{}-{}", home, entry.name, entry.id.str().substr(0, 8));
  std::error_code error;
  if (fs::exists(directory(entry), error)) {
    SKEP_TRY_VOID(store::make_directories(home + "/agents/.killed"));
    fs::rename(directory(entry), to, error);
    if (error) return fail(Code::kUnavailable, fmt::format("{}: {}", to, error.message()));
  }
  const std::string workspace = home + "/workspaces/" + entry.name;
  const bool own = !manifest || manifest->workspace.empty() || manifest->workspace == entry.name;
  if (own && fs::exists(workspace, error)) fs::rename(workspace, to + "/workspace", error);
  if (error) return fail(Code::kUnavailable, fmt::format("{}: {}", to, error.message()));
  return {};
}

void AgentsImpl::tell(std::string_view event, const AgentEntry& entry, int event_depth) {
  if (entry.state != AgentState::kTerminated) log(entry).write(event, described(entry));
  log::info("kernel", "agent {} {}", entry.name, event);
  if (!attached_) return;  // what is there at the start is no news
  if (!events_.attached()) {
    const auto name = Name::parse("SY.agents", deps_.house.config.hive);
    auto port = name ? deps_.router.attach(*name, NodeId{Uuid::random()}, nobody_)
                     : Result<fabric::Port>(std::unexpected(name.error()));
    if (!port) return log::error("kernel", "no events of agents: {}", port.error().to_string());
    events_ = *std::move(port);
  }
  Message message;
  message.id = MessageId(mint_ulid());
  message.kind = Kind::kSystem;
  message.action = event_action(event);
  message.dst = Broadcast{};
  message.sent_at = deps_.clock.now();
  message.payload = to_json(described(entry));
  put_event_depth(message, event_depth);
  (void)events_.send(std::move(message));
}

}  // namespace skep::kernel
