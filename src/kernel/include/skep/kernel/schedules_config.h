// Bounds of what runs by itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "skep/base/config.h"

namespace skep::kernel {

// [schedules]
struct SchedulesConfig {
  bool tools = true;                // agents may be given cron_create, cron_list, cron_cancel
  std::size_t jobs_per_agent = 50;  // made by people and agents; more are refused
  std::size_t jobs_max = 500;       // of all agents together
  std::chrono::milliseconds every_min{60'000};  // every_secs_min: a model may not ask for less
  std::size_t running_max = 5;                  // runs at once, of all agents; more wait for them
  int failures_max = 5;                         // in a row; then the job is switched off
  std::chrono::milliseconds event_cooldown{5'000};  // between two runs for events of one agent
  // So many turns that events woke may cause each other, one after the other: an event of a later
  // one wakes nobody.
  int event_depth_max = 5;
  std::size_t events_per_hour = 60;  // runs for events of one agent; more are dropped

  // [schedules.webhooks.NAME]: where answers of jobs may be sent as "webhook:NAME". Its address is
  // not guarded, as it is no model's choice.
  struct Webhook {
    std::string name, url;
    Secret authorization;  // sent as the header of that name
  };
  std::vector<Webhook> webhooks;
  // "host:port" that "webhook:ADDRESS" may name although the guard would not let it.
  std::vector<std::string> webhook_hosts;

  static SchedulesConfig read(ConfigSection section);
};

}  // namespace skep::kernel
