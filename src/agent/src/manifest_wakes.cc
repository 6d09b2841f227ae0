#include "manifest_wakes.h"

#include "skep/base/text.h"
#include "skep/schedule/condition.h"

namespace skep::agent {
namespace {

constexpr std::string_view kModes[] = {"reactive", "continuous", "periodic", "proactive"};
constexpr std::int64_t kIntervalMax = std::int64_t{366} * 24 * 3600;

void read_interval(ConfigSection section, Wakes& wakes) {
  std::int64_t secs = wakes.interval.count();
  section.read("check_interval_secs", secs, {.min = 1, .max = kIntervalMax});
  wakes.interval = std::chrono::seconds(secs);
}

void read_periodic(ConfigSection section, Wakes& wakes) {
  section.read("cron", wakes.cron);
  std::string missed(schedule::missed_name(wakes.missed));
  section.read_choice("missed", {"skip", "once", "all"}, missed);
  wakes.missed = schedule::missed_from(missed).value_or(wakes.missed);
  const auto when = schedule::When::parse(wakes.cron, wakes.time_zone, Clock::system().now());
  if (!when)
    section.problem("cron", when.error().message);
  else if (when->once())
    section.problem("cron", "an agent's own schedule comes again; for a single time make a job");
}

void read_proactive(ConfigSection section, Wakes& wakes) {
  section.read("conditions", wakes.conditions);
  section.read("max_fires", wakes.fires_max, {.min = 0, .max = 1'000'000'000});
  if (wakes.conditions.empty() || wakes.conditions.size() > Wakes::conditions_max)
    section.problem("conditions", fmt::format("1 to {} conditions", Wakes::conditions_max));
  for (const std::string& text : wakes.conditions) {
    if (auto condition = schedule::Condition::parse(text); !condition)
      section.problem("conditions", condition.error().message);
  }
}

void read_autonomous(ConfigSection section, Wakes& wakes) {
  section.read("time_zone", wakes.time_zone);
  if (auto zone = TimeZone::load(wakes.time_zone); !zone) {
    section.problem("time_zone", zone.error().message);
    wakes.time_zone.clear();
  }
  section.read("quiet_hours", wakes.quiet_hours);
  if (!wakes.quiet_hours.empty()) {
    auto quiet = schedule::QuietHours::parse(wakes.quiet_hours, wakes.time_zone);
    if (!quiet) section.problem("quiet_hours", quiet.error().message);
  }
  std::int64_t secs = 0;
  section.read("heartbeat_interval_secs", secs, {.min = 0, .max = 86'400});
  wakes.heartbeat = std::chrono::seconds(secs);
  section.read("max_restarts", wakes.restarts_max, {.min = 0, .max = 1'000'000});
}

}  // namespace

std::string_view mode_name(Wakes::Mode mode) { return kModes[static_cast<std::size_t>(mode)]; }

void read_wakes(ConfigSection& root, Wakes& wakes) {
  read_autonomous(root.child("autonomous"), wakes);
  const std::vector<std::string> tables = root.child_names();
  if (std::ranges::find(tables, "schedule") == tables.end()) {
    std::string word = "reactive";
    root.read_choice("schedule", {"reactive", "continuous"}, word);
    if (word == "continuous") wakes.mode = Wakes::Mode::kContinuous;
    return;
  }
  ConfigSection schedule = root.child("schedule");
  const bool continuous = schedule.has("continuous"), periodic = schedule.has("periodic"),
             proactive = schedule.has("proactive");
  if (continuous + periodic + proactive != 1) {
    root.problem("schedule",
                 "must be \"reactive\" or one of { continuous = {…} }, { periodic = {…} }, "
                 "{ proactive = {…} }");
  }
  if (continuous) {
    wakes.mode = Wakes::Mode::kContinuous;
    read_interval(schedule.child("continuous"), wakes);
  } else if (periodic) {
    wakes.mode = Wakes::Mode::kPeriodic;
    read_periodic(schedule.child("periodic"), wakes);
  } else if (proactive) {
    wakes.mode = Wakes::Mode::kProactive;
    read_proactive(schedule.child("proactive"), wakes);
  }
}

}  // namespace skep::agent
