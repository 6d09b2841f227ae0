// Agents that wake by themselves: their manifests' schedules are jobs that nobody made.
#include "agent_calls.h"
#include "jobs_impl.h"
#include "skep/base/text.h"
#include "skep/model/event_depth.h"

namespace skep::kernel {

using agent::Wakes;
using schedule::Condition;
using schedule::Event;
using schedule::Firing;
using schedule::Job;
using schedule::QuietHours;
using schedule::When;

namespace {

constexpr std::size_t kEventsWaiting = 10;  // for one agent; newer ones are dropped
constexpr std::string_view kNothing = "If there is nothing to do, answer NO_REPLY.";

std::string own_id(const Uuid& agent) { return "self-" + agent.str(); }

// Agents that wake often do not all wake at once.
Millis staggered(const Wakes& wakes, const Uuid& agent) {
  const auto part = std::chrono::duration_cast<Millis>(wakes.interval) / 10;
  return part * agent.bytes[15] / 256;
}

}  // namespace

// The job of an agent that does not wake by itself is without a name.
Job JobsImpl::own_job(const AgentEntry& agent, const Wakes& wakes) const {
  Job job{.id = own_id(agent.id), .agent = agent.id, .notify = false, .own = true};
  job.created_at = deps_.clock.now();
  const std::string& zone = wakes.time_zone.empty() ? deps_.time_zone : wakes.time_zone;
  std::string when;
  switch (wakes.mode) {
    case Wakes::Mode::kReactive:
      return job;
    case Wakes::Mode::kContinuous:
      when = fmt::format("every {}s", wakes.interval.count());
      job.missed = schedule::Missed::kSkip;
      job.created_at += staggered(wakes, agent.id);
      break;
    case Wakes::Mode::kPeriodic:
      when = wakes.cron;
      job.missed = wakes.missed;
      break;
    case Wakes::Mode::kProactive:
      break;
  }
  job.name = fmt::format("{} ({})", agent.name, agent::mode_name(wakes.mode));
  if (when.empty()) return job;
  auto parsed = When::parse(when, zone, job.created_at);
  if (!parsed) return job;  // the manifest's parser has said so
  job.when = *std::move(parsed);
  job.next = job.when.first(job.created_at);
  return job;
}

void JobsImpl::remember(const std::string& id, const Wakes& wakes) {
  Own& own = own_[id];
  own.wakes = wakes;
  own.quiet.reset();
  const std::string& zone = wakes.time_zone.empty() ? deps_.time_zone : wakes.time_zone;
  if (auto quiet = QuietHours::parse(wakes.quiet_hours, zone)) own.quiet = *std::move(quiet);
  own.conditions.clear();
  for (const std::string& text : wakes.conditions) {
    if (auto condition = Condition::parse(text)) own.conditions.push_back(*std::move(condition));
  }
}

// In the background: they may be thousands, most of them without a schedule.
Task<void> JobsImpl::read_manifests() {
  for (const AgentEntry& entry : deps_.agents.list()) {
    if (closing_) co_return;
    co_await refresh(entry.id, false);
    co_await yield();
  }
  std::set<Uuid> gone;
  for (const auto& [id, job] : jobs_) {
    if (deps_.agents.by_id(job.agent) == nullptr) gone.insert(job.agent);
  }
  for (const Uuid& agent : gone) co_await drop_all_of(agent);
}

// An agent's file may have changed, or its state. `woken`: it runs again after it did not.
Task<void> JobsImpl::refresh(Uuid agent, bool woken) {
  const Ctx ctx;
  const auto turn = co_await writing_.acquire(ctx);
  const AgentEntry* entry = deps_.agents.by_id(agent);
  if (!turn || closing_ || entry == nullptr || entry->main) co_return;
  const auto manifest = deps_.agents.manifest(entry->name);
  if (!manifest) co_return;  // it cannot start either
  const Wakes wakes = manifest->wakes;
  Job fresh = own_job(*entry, wakes);
  const std::string id = fresh.id;
  const Job* old = job(id);
  if (fresh.name.empty()) {
    own_.erase(id);
    if (old == nullptr) co_return;
    if (auto gone = co_await store_.remove(ctx, id); !gone) co_return;
    std::erase_if(runs_, [&](const auto& run) { return run.second.firing.job == id; });
    jobs_.erase(id);
    co_return;
  }
  remember(id, wakes);
  const bool same = old != nullptr && old->name == fresh.name &&
                    old->when.text() == fresh.when.text() && old->when.zone() == fresh.when.zone();
  if (same) {
    Job kept = *old;
    kept.missed = fresh.missed;
    if (woken && !kept.enabled) {
      kept.enabled = true;
      kept.why_off.clear();
      kept.failures = 0;
    }
    if (kept == *old) co_return;
    fresh = std::move(kept);
  }
  if (auto saved = co_await store_.save(ctx, fresh); !saved) {
    log::error("jobs", "the schedule of {} is not kept: {}", fresh.name, saved.error().to_string());
    co_return;
  }
  jobs_[id] = std::move(fresh);
  wake_.notify_all();
}

Task<void> JobsImpl::drop_all_of(Uuid agent) {
  const Ctx ctx;
  const auto turn = co_await writing_.acquire(ctx);
  if (!turn) co_return;
  std::vector<std::string> ids;
  for (const auto& [id, job] : jobs_) {
    if (job.agent == agent) ids.push_back(id);
  }
  for (const std::string& id : ids) {
    if (auto gone = co_await store_.remove(ctx, id); !gone) {
      log::error("jobs", "job {} of an agent that is gone stays: {}", id, gone.error().to_string());
      continue;
    }
    std::erase_if(runs_, [&](const auto& run) { return run.second.firing.job == id; });
    own_.erase(id);
    jobs_.erase(id);
  }
}

bool JobsImpl::is_quiet(const Job& job, WallTime time) const {
  const auto own = own_.find(job.id);
  return own != own_.end() && own->second.quiet && own->second.quiet->at(time);
}

// -- events --------------------------------------------------------------------------------------

void JobsImpl::take_event(const Message& message) {
  if (!deps_.runs) return;  // the next start reads what has become of the agents
  Event event = Event::from(message.action, message.payload);
  event.depth = event_depth_of(message);
  const auto subject = Uuid::parse(event.id);
  const bool of_agent = event.action.starts_with("AGENT_") && subject;
  if (of_agent && deps_.agents.by_id(*subject) == nullptr) {
    gate_.spawn("jobs of an agent", drop_all_of(*subject));
  } else if (of_agent) {
    const bool woken = event.action == "AGENT_RUNNING" || event.action == "AGENT_SPAWNED";
    if (woken) awake_since_[*subject] = deps_.clock.now();
    gate_.spawn("schedule of an agent", refresh(*subject, woken));
  }
  for (auto& [id, own] : own_) {
    const Job* its = job(id);
    const AgentEntry* agent = its == nullptr ? nullptr : deps_.agents.by_id(its->agent);
    if (agent == nullptr || !its->enabled || agent->state != AgentState::kRunning) continue;
    // No agent wakes itself.
    const bool itself = (of_agent && *subject == agent->id) ||
                        (message.src_name && *message.src_name == deps_.agents.node(*agent));
    const bool meant = std::ranges::any_of(
        own.conditions, [&](const Condition& one) { return one.matches(event); });
    if (itself || !meant) continue;
    if (event.depth > deps_.config.event_depth_max) {
      ++too_deep_;
      log::warn("jobs", "{}: {} is behind {} turns that events woke, and wakes nobody", its->name,
                event.action, event.depth);
      continue;
    }
    if (own.events.size() >= kEventsWaiting || is_quiet(*its, deps_.clock.now())) {
      ++dropped_;
      continue;
    }
    own.events.push_back(event);
    wake_.notify_all();
  }
}

// All that have come meanwhile in one run; between two of them the agent rests, and of what
// agents cause each other without end the hour's limit lets some through.
Task<void> JobsImpl::begin_events(std::string id) {
  const Ctx ctx;
  const auto turn = co_await writing_.acquire(ctx);
  const auto own = own_.find(id);
  const Job* found = job(id);
  if (!turn || closing_ || found == nullptr || own == own_.end() || is_running(id)) co_return;
  const SteadyTime now = std::chrono::steady_clock::now();
  std::deque<SteadyTime>& recent = own->second.recent;
  while (!recent.empty() && now - recent.front() > std::chrono::hours(1)) recent.pop_front();
  if (!recent.empty() && now - recent.back() < deps_.config.event_cooldown) co_return;
  if (recent.size() >= deps_.config.events_per_hour) {
    dropped_ += own->second.events.size();
    log::warn("jobs", "{}: more events than [schedules] events_per_hour", found->name);
    own->second.events.clear();
    co_return;
  }
  recent.push_back(now);
  std::string text = "Something that you wait for has happened:";
  int depth = 0;
  for (const Event& event : own->second.events) {
    text += "\n- " + event.text();
    depth = std::max(depth, event.depth + 1);
  }
  own->second.events.clear();
  Job changed = *found;
  const WallTime due = deps_.clock.now();
  changed.last = due;
  ++changed.begun;
  const std::int64_t fires_max = own->second.wakes.fires_max;
  if (fires_max > 0 && changed.begun >= fires_max) {
    changed.enabled = false;
    changed.why_off = fmt::format("it woke {} times (max_fires)", changed.begun);
  }
  std::vector<Firing> runs{{.id = schedule::firing_id(id, due, text), .job = id, .due = due}};
  runs.front().depth = depth;
  runs.front().text = fmt::format("{}\n\nDo what you are to do then. {}", text, kNothing);
  if (auto begun = co_await begin(std::move(changed), std::move(runs)); !begun)
    log::error("jobs", "{} cannot run: {}", id, begun.error().to_string());
}

std::string JobsImpl::prompt_of(const Job& job, const AgentEntry& agent) const {
  const auto own = own_.find(job.id);
  const bool continuous = own != own_.end() && own->second.wakes.mode == Wakes::Mode::kContinuous;
  if (continuous) {
    return fmt::format(
        "You are {}, and you wake by yourself {}. Look at your goals, at what you have "
        "noted and at open tasks, and do what is to be done now. {}",
        agent.name, job.when.text(), kNothing);
  }
  return fmt::format(
      "You are {}, and your schedule ({}) says that it is time. Do what you are to do then. {}",
      agent.name, job.when.text(), kNothing);
}

}  // namespace skep::kernel
