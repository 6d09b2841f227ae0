// How jobs run: a run is kept, handed to its agent, ended by the agent's answer.
#include "jobs_impl.h"
#include "skep/base/text.h"
#include "skep/model/errand.h"
#include "skep/model/event_depth.h"
#include "skep/model/reply.h"

namespace skep::kernel {

using schedule::Due;
using schedule::Firing;
using schedule::Job;

namespace {

constexpr std::string_view kHandedOut = "jobs";     // set of the journal: runs that agents have
constexpr std::string_view kReplies = "job-reply";  // kind of the journal: answers to be worked off
constexpr std::chrono::seconds kTick{15};           // clocks may be set
constexpr Millis kRetryFirst{500}, kRetryMax{30'000};
constexpr Millis kSlowFirst{30'000}, kSlowMax{3'600'000};
constexpr std::chrono::hours kAnswerMax{24};  // of an agent whose process may have forgotten it

// After failures an interval grows, so that what is broken is not asked all the time.
Millis slowed(int failures) {
  Millis wait = kSlowFirst;
  for (int i = 1; i < failures && wait < kSlowMax; ++i) wait *= 2;
  return std::min(wait, kSlowMax);
}

}  // namespace

bool JobsImpl::is_main(const Job& job) const {
  const AgentEntry* agent = deps_.agents.by_id(job.agent);
  return agent != nullptr && agent->main;
}

void JobsImpl::start() {
  started_ = deps_.clock.now();
  for (auto& [id, run] : runs_) {
    const bool out =
        deps_.journal.remembers(kHandedOut, id) || deps_.journal.contains(store::EntryId(id));
    run.firing.delivered = run.firing.delivered || out;
  }
  if (!deps_.runs) return;
  deliveries_.start();
  std::set<std::string> answered;
  for (const store::JournalEntry& entry : deps_.journal.unfinished(kReplies)) {
    auto record = parse_json(entry.steps.front());
    if (!record) continue;
    answered.emplace(get_string(*record, "run"));
    gate_.spawn("job reply", settle(entry.id, *std::move(record)));
  }
  std::vector<std::string> lost;
  for (const auto& [id, run] : runs_) {
    // Its agent has ended it, and the answer is nowhere (an agent that was ended meanwhile): the
    // job must not stand still for ever.
    const Job* its = job(run.firing.job);
    const bool here = its != nullptr && (deps_.main_here || !is_main(*its));
    if (here && run.firing.delivered && !answered.contains(id)) lost.push_back(id);
  }
  for (const std::string& id : lost) end_without_answer(id);
  gate_.spawn("jobs", loop());
  gate_.spawn("schedules of agents", read_manifests());
}

// -- the loop ------------------------------------------------------------------------------------

Task<void> JobsImpl::loop() {
  const Ctx ctx = gate_.ctx();
  while (!closing_ && ctx.check()) {
    const WallTime now = deps_.clock.now();
    std::vector<std::string> due, with_events;
    for (const auto& [id, job] : jobs_) {
      const AgentEntry* agent = deps_.agents.by_id(job.agent);
      if (!job.enabled || agent == nullptr || agent->state != AgentState::kRunning) continue;
      if (job.next && *job.next <= now) due.push_back(id);
      const auto own = own_.find(id);
      if (own != own_.end() && !own->second.events.empty()) with_events.push_back(id);
    }
    for (const std::string& id : due) co_await begin_due(id);
    for (const std::string& id : with_events) co_await begin_events(id);
    end_lost();
    hand_out();
    (void)co_await wake_.wait(ctx.within(until_next()));
  }
}

std::chrono::nanoseconds JobsImpl::until_next() const {
  const WallTime now = deps_.clock.now();
  std::chrono::nanoseconds wait = kTick;
  for (const auto& [id, job] : jobs_) {
    if (job.enabled && job.next && *job.next > now)
      wait = std::min<std::chrono::nanoseconds>(wait, *job.next - now);
  }
  const bool busy =
      std::ranges::any_of(runs_, [](const auto& run) { return !run.second.firing.delivered; }) ||
      std::ranges::any_of(own_, [](const auto& own) { return !own.second.events.empty(); });
  if (busy) wait = std::min<std::chrono::nanoseconds>(wait, kRetryFirst);
  return std::max<std::chrono::nanoseconds>(wait, std::chrono::milliseconds(1));
}

// What was due is dealt with once: its next time and its runs are written together.
Task<void> JobsImpl::begin_due(std::string id) {
  const Ctx ctx;
  auto turn = co_await writing_.acquire(ctx);
  const Job* found = job(id);
  const WallTime now = deps_.clock.now();
  if (!turn || closing_ || found == nullptr || !found->enabled || !found->next ||
      *found->next > now)
    co_return;
  Job changed = *found;
  const auto awake = awake_since_.find(changed.agent);
  const WallTime alive = awake == awake_since_.end() ? started_ : awake->second;
  Due due = schedule::due(changed.when, *changed.next, now, alive, changed.missed);
  changed.next = due.next;
  if (is_quiet(changed, now) || is_running(id)) {
    due.dropped += due.runs.size();
    due.runs.clear();
  }
  changed.dropped += static_cast<std::int64_t>(due.dropped);
  dropped_ += due.dropped;
  std::vector<Firing> runs;
  for (const WallTime time : due.runs) {
    runs.push_back({.id = schedule::firing_id(id, time), .job = id, .due = time});
    changed.last = time;
  }
  if (runs.empty() && !changed.next && changed.when.once()) {
    changed.enabled = false;
    changed.why_off = "its time passed while nobody was there";
  }
  if (auto begun = co_await begin(std::move(changed), std::move(runs)); !begun) {
    log::error("jobs", "job {} cannot run: {}", id, begun.error().to_string());
    (void)co_await sleep_for(gate_.ctx(), kRetryFirst);
  }
}

Task<Result<void>> JobsImpl::begin(Job job, std::vector<Firing> runs) {
  const Ctx ctx;
  SKEP_CO_TRY_VOID(co_await store_.save(ctx, job, runs));
  jobs_[job.id] = job;
  for (Firing& one : runs) {
    std::string id = one.id;
    runs_.try_emplace(std::move(id), Run{.firing = std::move(one)});
  }
  wake_.notify_all();
  co_return Result<void>{};
}

// -- to the agent --------------------------------------------------------------------------------

void JobsImpl::hand_out() {
  std::size_t running = 0;
  std::set<std::string_view> busy;
  for (const auto& [id, run] : runs_) {
    if (!run.firing.delivered) continue;
    ++running;
    busy.insert(run.firing.job);
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  for (auto& [id, run] : runs_) {
    if (running >= deps_.config.running_max || closing_) return;
    if (run.firing.delivered || run.not_before > now || busy.contains(run.firing.job)) continue;
    const Job* its = job(run.firing.job);
    if (its == nullptr) continue;
    hand_out(run, *its);
    if (!run.firing.delivered) continue;
    ++running;
    busy.insert(run.firing.job);
  }
}

// Once the agent has it, nobody gives it again: its journal holds the turn, and then ours the id,
// before anything else can happen.
void JobsImpl::hand_out(Run& run, const Job& job) {
  const AgentEntry* agent = deps_.agents.by_id(job.agent);
  if (agent == nullptr || agent->state != AgentState::kRunning) return;
  const std::string& id = run.firing.id;
  const bool has_it =
      deps_.journal.remembers(kHandedOut, id) || deps_.journal.contains(store::EntryId(id));
  Result<void> sent;
  if (!has_it) sent = deps_.out.deliver(message_of(run, job, *agent));
  if (sent) {
    if (auto kept = deps_.journal.remember(kHandedOut, id); !kept)
      log::error("jobs", "run {}: {}", id, kept.error().to_string());
    run.firing.delivered = true;
    store_.delivered(run.firing);
    return;
  }
  run.wait = std::clamp(run.wait * 2, kRetryFirst, kRetryMax);
  run.not_before = std::chrono::steady_clock::now() + run.wait;
  log::info("jobs", "run {} waits: {}", id, sent.error().message);
}

Message JobsImpl::message_of(const Run& run, const Job& job, const AgentEntry& agent) const {
  Message message;
  message.id = MessageId(run.firing.id);
  message.trace = run.firing.id;
  message.dst = deps_.agents.node(agent);
  message.sent_at = deps_.clock.now();
  message.conversation = {.channel = "job",
                          .peer = job.peer.empty() ? "self" : job.peer,
                          .thread = job.own ? "schedule" : job.id,
                          .entrypoint = job.entrypoint};
  put_event_depth(message, run.firing.depth);
  put_errand(message, {.owner = job.channel == "xmpp" ? job.peer : "", .own = true});
  std::string text;
  if (!run.firing.text.empty()) {
    text = run.firing.text;
  } else if (job.own) {
    text = prompt_of(job, agent);
  } else {
    text = fmt::format(
        "(Scheduled job \"{}\", due {}. Nobody is waiting; your answer {}.)\n\n{}", job.name,
        format_rfc3339(run.firing.due),
        job.notify ? "is sent to whoever asked for it, or NO_REPLY if there is nothing to say"
                   : "is kept",
        job.text);
  }
  message.parts = {TextPart{std::move(text)}};
  return message;
}

// -- the answer ----------------------------------------------------------------------------------

Result<void> JobsImpl::deliver(Message message) {
  if (message.kind == Kind::kReply) return take_reply(message);
  if (message.kind == Kind::kProgress) {
    const bool asks = message.progress && message.progress->phase == Progress::Phase::kAsks;
    const auto run = runs_.find(message.in_reply_to.str());
    const Job* its = asks && run != runs_.end() ? job(run->second.firing.job) : nullptr;
    if (its == nullptr) return {};
    return deps_.notify(*its, message.id.str(), message.progress->text);
  }
  if (message.kind == Kind::kSystem && message.in_reply_to.empty()) take_event(message);
  if (message.kind == Kind::kSystem || message.kind == Kind::kControl) return {};
  return fail(Code::kUnsupported, "nobody talks to the schedule");
}

// The agent forgets the turn as soon as this returns.
Result<void> JobsImpl::take_reply(const Message& message) {
  const std::string& run = message.in_reply_to.str();
  const auto found = runs_.find(run);
  const Job* its = found == runs_.end() ? nullptr : job(found->second.firing.job);
  if (its == nullptr) return {};  // its end is known, or the job is gone
  json::object record{{"run", run}, {"reply", to_json_value(message)}, {"job", its->to_json()}};
  const store::EntryId entry(fmt::format("job-reply-{}", run));
  Result<void> kept = deps_.journal.begin(kReplies, entry, to_json(record));
  if (!kept) return kept.error().code == Code::kExists ? Result<void>() : kept;
  if (deps_.runs) gate_.spawn("job reply", settle(entry, std::move(record)));
  return {};
}

Task<void> JobsImpl::settle(store::EntryId entry, json::value record) {
  const json::value* kept = get_member(record, "reply");
  auto reply = kept == nullptr ? Result<Message>(fail(Code::kCorrupt, "no reply"))
                               : message_from_json(*kept);
  const json::value* told = get_member(record, "job");
  auto job = told == nullptr ? Result<Job>(fail(Code::kCorrupt, "no job")) : Job::from_json(*told);
  if (reply && job) {
    co_await settle_run(std::string(get_string(record, "run")), *reply, *job);
    if (closing_ && runs_.contains(std::string(get_string(record, "run")))) co_return;
    tell(*job, *reply);
    deliver_answer(std::string(get_string(record, "run")), *job, *reply);
  } else {
    log::error("jobs", "an answer cannot be read: {}", entry.str());
  }
  if (auto ended = deps_.journal.end(entry); !ended)
    log::error("jobs", "{}: {}", entry.str(), ended.error().to_string());
}

// `told`: the job as it is then, for telling its person.
Task<void> JobsImpl::settle_run(const std::string& firing, const Message& reply, Job& told) {
  for (Millis wait = kRetryFirst;; wait = std::min(wait * 2, kRetryMax)) {
    const Ctx ctx;
    auto turn = co_await writing_.acquire(ctx);
    const auto run = runs_.find(firing);
    const Job* its = run == runs_.end() ? nullptr : job(run->second.firing.job);
    if (!turn || its == nullptr) co_return;
    Job changed = *its;
    const auto outcome = outcome_of(reply);
    const bool failed = !outcome || outcome->failed;
    note(changed, reply, failed);
    const bool done_with = changed.when.once() && !changed.next && !failed && !changed.own;
    const bool over = done_with && (changed.deliver.empty() || is_silent(text_of(reply.parts)));
    if (done_with && !over) {
      changed.enabled = false;
      changed.why_off = kDelivering;
    }
    auto done = co_await store_.finish(ctx, changed, firing);
    if (done && over) {
      const std::string id = changed.id;
      if (auto gone = co_await store_.remove(ctx, id); !gone) done = fail(gone.error());
    }
    if (done) {
      ++ended_;
      failed_ += failed;
      told = changed;
      runs_.erase(firing);
      if (over)
        jobs_.erase(changed.id);
      else
        jobs_[changed.id] = std::move(changed);
      wake_.notify_all();
      co_return;
    }
    log::error("jobs", "the end of run {} is not kept: {}", firing, done.error().to_string());
    turn->release();
    if (auto slept = co_await sleep_for(gate_.ctx(), wait); !slept) co_return;
  }
}

void JobsImpl::note(Job& job, const Message& reply, bool failed) const {
  const std::string text = text_of(reply.parts);
  ++job.runs;
  job.last_result = cut_utf8(text, Job::result_bytes_max);
  job.failures = failed ? job.failures + 1 : 0;
  if (!failed) return;
  if (job.failures >= deps_.config.failures_max) {
    job.enabled = false;
    job.why_off = fmt::format("it failed {} times in a row", job.failures);
    log::warn("jobs", "job {} is switched off: {}", job.id, job.why_off);
  } else if (job.when.once() && !job.next && !job.own) {
    job.enabled = false;
    job.why_off = "it failed";
  } else if (job.next && job.when.every() != nullptr) {
    const WallTime after = deps_.clock.now() + slowed(job.failures);
    if (*job.next < after) job.next = job.when.next(after);
  }
}

// Again after a crash is harmless: the channel says what has one id once.
void JobsImpl::tell(const Job& job, const Message& reply) {
  const std::string text = text_of(reply.parts);
  const bool repeated = job.failures > 1 && job.enabled;
  if (!job.notify || job.own || is_silent(text) || repeated) return;
  std::string said = text;
  if (job.failures > 0)
    said = fmt::format("The job \"{}\" failed: {}{}", job.name, text,
                       job.enabled ? "" : fmt::format(" It is switched off: {}.", job.why_off));
  if (auto told = deps_.notify(job, reply.id.str(), std::move(said)); !told)
    log::info("jobs", "the answer of job {} stays in `skep cron show`: {}", job.id,
              told.error().message);
}

// Runs of agents in other processes whose answer will not come any more.
void JobsImpl::end_lost() {
  const WallTime now = deps_.clock.now();
  std::vector<std::string> lost;
  for (const auto& [id, run] : runs_) {
    if (run.firing.delivered && now - run.firing.due > kAnswerMax) lost.push_back(id);
  }
  for (const std::string& id : lost) end_without_answer(id);
}

void JobsImpl::end_without_answer(const std::string& run) {
  if (deps_.journal.contains(store::EntryId(run))) return;  // its turn is still to be answered
  Message lost;
  lost.id = MessageId(mint_ulid());
  lost.in_reply_to = MessageId(run);
  lost.kind = Kind::kReply;
  lost.parts = {TextPart{"No answer came."}};
  if (auto taken = take_reply(lost); !taken)
    log::error("jobs", "run {}: {}", run, taken.error().to_string());
}

}  // namespace skep::kernel
