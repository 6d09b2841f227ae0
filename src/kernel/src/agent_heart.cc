// The supervisor's heartbeat: an agent whose turn hangs has crashed; it is started again, and given
// up when that does not help.
#include "agents_impl.h"
#include "skep/base/log.h"

namespace skep::kernel {
namespace {

constexpr std::chrono::milliseconds kBeatMin{100};
constexpr std::chrono::milliseconds kPauseMax = std::chrono::hours(1);

std::string no_sign(std::chrono::milliseconds quiet) {
  return fmt::format("a turn gave no sign of life for {} s",
                     std::chrono::ceil<std::chrono::seconds>(quiet).count());
}

}  // namespace

Task<void> AgentsImpl::beat() {
  const Ctx ctx = sweeper_.ctx();
  for (;;) {
    const bool off = config_.heartbeat.count() == 0;  // it may be turned on later
    const auto pause =
        off ? std::chrono::milliseconds(30'000) : std::max(config_.heartbeat, kBeatMin);
    if (auto slept = co_await sleep_for(ctx, pause); !slept) co_return;
    if (off || !attached_) continue;
    feel_main();
    for (auto& [name, slot] : slots_) feel(*slot);
  }
}

void AgentsImpl::feel_main() {
  if (main_agent_ == nullptr) return;
  const std::size_t hung = main_agent_->stop_hung(config_.hung);
  main_hangs_ += hung;
  hangs_ += hung;
}

// Nothing waits here: the slots stay where they are.
void AgentsImpl::feel(AgentSlot& slot) {
  if (slot.busy) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  AgentSlot::Heart& heart = slot.heart;
  if (slot.entry.state == AgentState::kRunning && slot.open) {
    const agent::AgentStats stats = slot.open->agent().stats();
    const std::uint64_t good = stats.replied - std::min(stats.replied, stats.failed);
    if (good > heart.good) heart.in_a_row = heart.starts_failed = 0;
    heart.good = good;
    const auto quiet = quiet_max(slot);
    const std::size_t hung = slot.open->agent().stop_hung(quiet);
    if (hung == 0) return;
    heart.hangs += static_cast<int>(hung);
    ++heart.in_a_row;
    hangs_ += hung;
    gate_.spawn("agent hangs", hang(slot, no_sign(quiet)));
  } else if (slot.entry.state == AgentState::kCrashed && now >= heart.next_start &&
             slot.port.attached()) {
    gate_.spawn("agent starts again", start_again(slot));
  }
}

// Its turns that did not hang go on when it has been started again.
Task<void> AgentsImpl::hang(AgentSlot& slot, std::string why) {
  AgentSlot::Heart& heart = slot.heart;
  const int most = restarts_max(slot);
  const bool over =
      heart.in_a_row >= AgentsConfig::hangs_max || (most > 0 && heart.restarts >= most);
  AgentEntry to = slot.entry;
  to.state = over ? AgentState::kTerminated : AgentState::kCrashed;
  to.why =
      over ? fmt::format("{}; {} in a row, {} restarts", why, heart.in_a_row, heart.restarts) : why;
  record({.agent = role(slot.entry),
          .action = "agent_hung",
          .resource = to.name,
          .outcome = "done",
          .detail = to.why});
  const bool first = heart.in_a_row <= 1;
  heart.next_start = std::chrono::steady_clock::now();
  if (!first) heart.next_start += config_.recovery;
  // The one who waits for the hung turn is told before the agent stops.
  const Ctx soon = gate_.ctx().within(std::chrono::seconds(2));
  if (slot.busy || !slot.open) co_return;  // a person was quicker
  slot.busy = true;                        // it stays where it is
  const std::uint64_t failed = slot.open->agent().stats().failed;
  bool waits = true;
  while (waits && slot.open->agent().stats().failed == failed)
    waits = (co_await sleep_for(soon, std::chrono::milliseconds(5))).has_value();
  slot.busy = false;
  if (auto done = co_await change(slot, std::move(to), true); !done)
    log::error("kernel", "agent {} hangs: {}", slot.entry.name, done.error().to_string());
}

Task<void> AgentsImpl::start_again(AgentSlot& slot) {
  AgentSlot::Heart& heart = slot.heart;
  auto pause = config_.recovery;
  for (int i = 0; i < heart.starts_failed && pause < kPauseMax; ++i) pause *= 2;
  heart.next_start = std::chrono::steady_clock::now() + std::min(pause, kPauseMax);
  ++heart.starts_failed;  // until it has answered something
  AgentEntry to = slot.entry;
  const auto manifest = manifest_of(to);
  if (!manifest || !check_inherited(to, *manifest) || !resolve_model(*manifest, deps_.house))
    co_return;
  to.state = AgentState::kRunning;
  to.why.clear();
  ++heart.restarts;
  heart.good = 0;
  ++restarts_;
  log::info("kernel", "agent {} is started again", to.name);
  if (auto done = co_await change(slot, std::move(to), false); !done)
    log::warn("kernel", "agent {} is not started again: {}", slot.entry.name, done.error().message);
}

std::chrono::milliseconds AgentsImpl::quiet_max(const AgentSlot& slot) const {
  const std::chrono::seconds own = slot.open->manifest().wakes.heartbeat;
  return own.count() > 0 ? std::chrono::milliseconds(2 * own) : config_.hung;
}

int AgentsImpl::restarts_max(const AgentSlot& slot) const {
  return slot.open ? slot.open->manifest().wakes.restarts_max : 0;
}

json::object AgentsImpl::health(std::string_view name) const {
  const auto found = slot(name);
  if (!found) return {};
  const AgentSlot::Heart& heart = (*found)->heart;
  return {{"hangs", heart.hangs}, {"restarts", heart.restarts}, {"hangs_in_a_row", heart.in_a_row}};
}

}  // namespace skep::kernel
