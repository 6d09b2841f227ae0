#include "skep/schedule/job.h"

#include "skep/base/text.h"

namespace skep::schedule {
namespace {

std::int64_t millis_of(WallTime time) { return time.time_since_epoch().count(); }

json::value optional_time(const std::optional<WallTime>& time) {
  return time ? json::value(millis_of(*time)) : json::value(nullptr);
}

std::optional<WallTime> time_in(const json::value& value, std::string_view key) {
  const auto millis = get_int(value, key);
  return millis ? std::optional(WallTime(Millis(*millis))) : std::nullopt;
}

}  // namespace

std::string firing_id(const std::string& job, WallTime due, std::string_view salt) {
  return ulid_of(due, sha256(fmt::format("{} {} {}", job, millis_of(due), salt)));
}

json::object Job::to_json() const {
  return {{"v", 1},
          {"id", id},
          {"agent", agent.str()},
          {"name", name},
          {"text", text},
          {"when", when.text()},
          {"zone", when.zone()},
          {"missed", missed_name(missed)},
          {"peer", peer},
          {"channel", channel},
          {"entrypoint", entrypoint},
          {"notify", notify},
          {"deliver", schedule::to_json(deliver)},
          {"by_model", by_model},
          {"own", own},
          {"enabled", enabled},
          {"why_off", why_off},
          {"created_at", millis_of(created_at)},
          {"next", optional_time(next)},
          {"last", optional_time(last)},
          {"begun", begun},
          {"runs", runs},
          {"dropped", dropped},
          {"failures", failures},
          {"last_result", last_result}};
}

Result<Job> Job::from_json(const json::value& value) {
  const auto text_of = [&](std::string_view key) { return std::string(get_string(value, key)); };
  Job job{.id = text_of("id"),
          .name = text_of("name"),
          .text = text_of("text"),
          .peer = text_of("peer"),
          .channel = text_of("channel"),
          .entrypoint = text_of("entrypoint"),
          .notify = get_bool(value, "notify").value_or(true),
          .by_model = get_bool(value, "by_model").value_or(false),
          .own = get_bool(value, "own").value_or(false),
          .enabled = get_bool(value, "enabled").value_or(true),
          .why_off = text_of("why_off"),
          .created_at = time_in(value, "created_at").value_or(WallTime{}),
          .next = time_in(value, "next"),
          .last = time_in(value, "last"),
          .begun = get_int(value, "begun").value_or(0),
          .runs = get_int(value, "runs").value_or(0),
          .dropped = get_int(value, "dropped").value_or(0),
          .failures = static_cast<int>(get_int(value, "failures").value_or(0)),
          .last_result = text_of("last_result")};
  SKEP_TRY(job.agent, Uuid::parse(text_of("agent")));
  if (const json::value* deliver = get_member(value, "deliver")) {
    SKEP_TRY(job.deliver, deliveries_from(*deliver));
  }
  const auto missed = missed_from(text_of("missed"));
  if (job.id.empty() || !missed) return fail(Code::kCorrupt, "a job without id or policy");
  job.missed = *missed;
  if (const std::string when = text_of("when"); !when.empty()) {
    // Of one that lies in the past nothing is asked any more.
    SKEP_TRY(const When parsed, When::parse(when, text_of("zone"), job.created_at));
    job.when = parsed;
  }
  return job;
}

}  // namespace skep::schedule
