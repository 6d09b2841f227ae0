#include "jobs_impl.h"
#include "skep/base/text.h"
#include "skep/net/egress.h"

namespace skep::kernel {

using schedule::Firing;
using schedule::Job;
using schedule::When;

namespace {

constexpr std::size_t kNameFromText = 40;

std::string name_from(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return std::string(trim(cut_utf8(line, kNameFromText)));
}

Result<void> check_text(std::string_view what, std::string_view text, std::size_t bytes_max) {
  const bool good = !trim(text).empty() && text.size() <= bytes_max && is_valid_utf8(text) &&
                    !text.contains('\0');
  if (good) return {};
  return fail(Code::kInvalid, fmt::format("{} must be text of 1 to {} bytes", what, bytes_max));
}

}  // namespace

SchedulesConfig SchedulesConfig::read(ConfigSection section) {
  SchedulesConfig config;
  section.read("tools", config.tools);
  section.read("jobs_per_agent", config.jobs_per_agent, {.min = 0, .max = 10'000});
  section.read("jobs_max", config.jobs_max, {.min = 0, .max = 100'000});
  section.read_duration("every_secs_min", std::chrono::seconds(1), config.every_min);
  section.read("running_max", config.running_max, {.min = 1, .max = 1000});
  section.read("failures_max", config.failures_max, {.min = 1, .max = 1000});
  section.read_duration("event_cooldown_secs", std::chrono::seconds(1), config.event_cooldown);
  section.read("event_depth_max", config.event_depth_max, {.min = 0, .max = 1000});
  section.read("events_per_hour", config.events_per_hour, {.min = 1, .max = 100'000});
  section.read("webhook_hosts", config.webhook_hosts);
  ConfigSection webhooks = section.child("webhooks");
  for (const std::string& name : webhooks.child_names()) {
    ConfigSection one = webhooks.child(name);
    SchedulesConfig::Webhook webhook{.name = name};
    one.read("url", webhook.url);
    one.read("authorization", webhook.authorization);
    const auto read = schedule::Delivery::parse("webhook:" + webhook.url);
    if (!read || !read->is_address() || !net::endpoint_of(webhook.url))
      one.problem("url", "must be an http or https address");
    const auto named = schedule::Delivery::parse("webhook:" + name);
    if (!named || named->is_address()) one.problem("", "the name must be of A-Z a-z 0-9 - _");
    config.webhooks.push_back(std::move(webhook));
  }
  return config;
}

std::vector<store::Migration> Jobs::migrations() { return schedule::JobStore::migrations(); }

Task<Result<std::unique_ptr<Jobs>>> Jobs::open(Ctx ctx, JobsDeps deps) {
  auto jobs = std::make_unique<JobsImpl>(std::move(deps));
  SKEP_CO_TRY_VOID(co_await jobs->load(std::move(ctx)));
  std::unique_ptr<Jobs> result = std::move(jobs);
  co_return result;
}

Task<Result<void>> JobsImpl::load(Ctx ctx) {
  SKEP_CO_TRY(schedule::JobStore::Loaded loaded, co_await store_.load(std::move(ctx)));
  for (const std::string& one : loaded.unreadable)
    log::error("jobs", "a job cannot be read and does not run: {}", one);
  for (Job& one : loaded.jobs) jobs_[one.id] = std::move(one);
  for (Firing& one : loaded.firings) runs_[one.id].firing = std::move(one);
  co_return Result<void>{};
}

Task<void> JobsImpl::close(Ctx ctx) {
  closing_ = true;
  wake_.notify_all();
  co_await gate_.drain(ctx);
  co_await deliveries_.close(ctx);
}

Job* JobsImpl::job(std::string_view id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

bool JobsImpl::is_running(std::string_view job) const {
  return std::ranges::any_of(runs_, [&](const auto& run) { return run.second.firing.job == job; });
}

std::vector<Job> JobsImpl::list(std::string_view peer) const {
  std::vector<Job> all;
  for (const auto& [id, job] : jobs_) {
    if (peer.empty() || job.peer == peer) all.push_back(job);
  }
  return all;
}

Result<Job> JobsImpl::find(std::string_view word, std::string_view peer) const {
  word = trim(word);
  const std::vector<Job> all = list(peer);
  const std::string end = to_lower_ascii(word);
  std::vector<const Job*> found;
  for (const Job& one : all) {
    const bool meant = equals_ignoring_ascii_case(one.name, word) ||
                       (word.size() >= 4 && to_lower_ascii(one.id).ends_with(end));
    if (meant) found.push_back(&one);
  }
  if (found.size() == 1) return *found.front();
  const std::string shown(cut_utf8(to_valid_utf8(word), 64));
  if (found.empty()) return fail(Code::kNotFound, fmt::format("there is no job \"{}\"", shown));
  return fail(Code::kConflict,
              fmt::format("{} jobs are called \"{}\"; use the id", found.size(), shown));
}

// -- making and changing -------------------------------------------------------------------------

Result<Job> JobsImpl::checked(const JobRequest& request, const AgentEntry& agent) const {
  const WallTime now = deps_.clock.now();
  SKEP_TRY_VOID(check_text("what is said", request.text, Job::text_bytes_max));
  Job job{.id = mint_ulid(),
          .agent = agent.id,
          .name = request.name.empty() ? name_from(request.text) : request.name,
          .text = request.text,
          .peer = request.whose.peer,
          .channel = request.whose.channel,
          .entrypoint = request.whose.entrypoint,
          .notify = request.notify,
          .by_model = request.by_model,
          .created_at = now};
  SKEP_TRY_VOID(check_text("the name", job.name, Job::name_bytes_max));
  SKEP_TRY(job.deliver, schedule::parse_deliveries(request.deliver));
  for (const schedule::Delivery& one : job.deliver)
    SKEP_TRY_VOID(check_delivery(one, request.by_model, deps_.config, deps_.mail));
  const std::string& zone = request.time_zone.empty() ? deps_.time_zone : request.time_zone;
  SKEP_TRY(job.when, When::parse(request.when, zone, now));
  const auto missed = schedule::missed_from(request.missed.empty() ? "once" : request.missed);
  if (!missed) return fail(Code::kInvalid, "missed is \"skip\", \"once\" or \"all\"");
  job.missed = *missed;
  job.next = job.when.first(now);
  if (!job.next) return fail(Code::kInvalid, "it would never run");
  const schedule::Every* every = job.when.every();
  if (request.by_model && every != nullptr && every->interval < deps_.config.every_min) {
    const auto secs = std::chrono::ceil<std::chrono::seconds>(deps_.config.every_min).count();
    return fail(Code::kInvalid,
                fmt::format("at most once in {} s ([schedules] every_secs_min)", secs));
  }
  return job;
}

Task<Result<Job>> JobsImpl::create(JobRequest request) {
  auto agent =
      deps_.agents.find(request.agent.empty() ? deps_.agents.list().front().name : request.agent);
  if (!agent) co_return fail(std::move(agent).error());
  SKEP_CO_TRY(Job made, checked(request, *agent));
  const Ctx ctx;
  SKEP_CO_TRY(const Semaphore::Permit turn, co_await writing_.acquire(ctx));
  std::size_t all = 0, its = 0;
  for (const auto& [id, one] : jobs_) {
    all += !one.own;
    its += !one.own && one.agent == made.agent;
  }
  if (all >= deps_.config.jobs_max)
    co_return fail(Code::kExhausted,
                   fmt::format("[schedules] jobs_max is {}", deps_.config.jobs_max));
  if (its >= deps_.config.jobs_per_agent) {
    co_return fail(Code::kExhausted, fmt::format("{} has [schedules] jobs_per_agent = {} jobs",
                                                 agent->name, deps_.config.jobs_per_agent));
  }
  SKEP_CO_TRY_VOID(co_await store_.save(ctx, made));
  jobs_[made.id] = made;
  wake_.notify_all();
  log::info("jobs", "job {} of {}: {}", made.id, agent->name, made.when.text());
  co_return made;
}

Task<Result<Job>> JobsImpl::change(std::string id, std::function<void(Job&)> how) {
  const Ctx ctx;
  SKEP_CO_TRY(const Semaphore::Permit turn, co_await writing_.acquire(ctx));
  const Job* found = job(id);
  if (found == nullptr) co_return fail(Code::kNotFound, fmt::format("there is no job {}", id));
  Job changed = *found;
  how(changed);
  SKEP_CO_TRY_VOID(co_await store_.save(ctx, changed));
  jobs_[id] = changed;
  wake_.notify_all();
  co_return changed;
}

Task<Result<Job>> JobsImpl::pause(std::string id) {
  std::function<void(Job&)> how = [](Job& job) {
    job.enabled = false;
    job.why_off = "paused";
  };
  co_return co_await change(std::move(id), std::move(how));
}

// Times that came while it was off are no missed ones: somebody wanted it so.
Task<Result<Job>> JobsImpl::resume(std::string id) {
  const WallTime now = deps_.clock.now();
  std::function<void(Job&)> how = [now](Job& job) {
    if (!job.enabled && job.next) job.next = job.when.once() ? job.next : job.when.next(now);
    if (!job.enabled && job.when.once()) job.next = job.when.first(now);
    job.enabled = true;
    job.why_off.clear();
    job.failures = 0;
  };
  co_return co_await change(std::move(id), std::move(how));
}

Task<Result<Job>> JobsImpl::run(std::string id) {
  const Ctx ctx;
  SKEP_CO_TRY(const Semaphore::Permit turn, co_await writing_.acquire(ctx));
  const Job* found = job(id);
  if (found == nullptr) co_return fail(Code::kNotFound, fmt::format("there is no job {}", id));
  if (is_running(id)) co_return fail(Code::kConflict, fmt::format("{} is running", found->name));
  const Job now = *found;
  Firing firing{.id = schedule::firing_id(id, deps_.clock.now(), "by hand"),
                .job = id,
                .due = deps_.clock.now()};
  std::vector<Firing> runs{std::move(firing)};
  SKEP_CO_TRY_VOID(co_await begin(now, std::move(runs)));
  co_return now;
}

Task<Result<void>> JobsImpl::cancel(std::string id) {
  const Ctx ctx;
  SKEP_CO_TRY(const Semaphore::Permit turn, co_await writing_.acquire(ctx));
  const Job* found = job(id);
  if (found == nullptr) co_return fail(Code::kNotFound, fmt::format("there is no job {}", id));
  if (found->own) {
    co_return fail(Code::kDenied,
                   "it is the agent's own schedule: take it out of its agent.toml, or pause it");
  }
  SKEP_CO_TRY_VOID(co_await store_.remove(ctx, id));
  std::erase_if(runs_, [&](const auto& run) { return run.second.firing.job == id; });
  jobs_.erase(id);
  co_return Result<void>{};
}

json::object JobsImpl::describe(const Job& job) const {
  const AgentEntry* agent = deps_.agents.by_id(job.agent);
  json::object out = job.to_json();
  for (const char* key : {"v", "entrypoint"}) out.erase(key);
  out["agent"] = agent == nullptr ? job.agent.str() : agent->name;
  out["created_at"] = format_rfc3339(job.created_at);
  out["next"] = job.next ? json::value(format_rfc3339(*job.next)) : json::value(nullptr);
  out["last"] = job.last ? json::value(format_rfc3339(*job.last)) : json::value(nullptr);
  out["running"] = is_running(job.id);
  json::array deliver;
  for (const schedule::Delivery& one : job.deliver) {
    json::object shown{{"to", one.text()}, {"last", delivery_state(job, one)}};
    if (one.last_at) shown["last_at"] = format_rfc3339(*one.last_at);
    deliver.emplace_back(std::move(shown));
  }
  out["deliver"] = std::move(deliver);
  return out;
}

json::object JobsImpl::status() const {
  const auto running =
      std::ranges::count_if(runs_, [](const auto& run) { return run.second.firing.delivered; });
  return {{"jobs", jobs_.size()},
          {"running", running},
          {"waiting", static_cast<std::int64_t>(runs_.size()) - running},
          {"ended", ended_},
          {"failed", failed_},
          {"dropped", dropped_},
          {"too_deep", too_deep_},
          {"delivering", deliveries_.under_way()},
          {"delivered", delivered_},
          {"undelivered", undelivered_}};
}

}  // namespace skep::kernel
