// Something that an agent is told at certain times.
#pragma once

#include <string>

#include "skep/base/id.h"
#include "skep/base/json.h"
#include "skep/schedule/delivery.h"
#include "skep/schedule/due.h"

namespace skep::schedule {

// A value.
struct Job {
  static constexpr std::size_t name_bytes_max = 128, text_bytes_max = 16'384;
  static constexpr std::size_t result_bytes_max = 2000;  // of what is kept of the last answer

  std::string id;  // a ULID; of an agent's own schedule "self-<agent>"
  Uuid agent;      // the registry's id of who is told
  std::string name;
  std::string text;  // what it is told; empty: its manifest says
  When when;         // of an agent that waits for events: never looked at
  Missed missed = Missed::kOnce;
  // For whom: whose bill it is on, who may see and end it, and whom the answer goes to.
  std::string peer, channel;      // "ann@example.org", "xmpp"
  std::string entrypoint;         // the address of ours that was written to
  bool notify = true;             // tell them the answer, where they can be reached
  std::vector<Delivery> deliver;  // where else the answer goes
  bool by_model = false;          // a model made it
  bool own = false;               // out of the agent's manifest

  bool enabled = true;
  std::string why_off;  // not enabled: why
  WallTime created_at{};
  std::optional<WallTime> next;  // nullopt: not by time
  std::optional<WallTime> last;  // the newest run's due time
  std::int64_t begun = 0;        // of those for events
  std::int64_t runs = 0, dropped = 0;
  int failures = 0;         // in a row
  std::string last_result;  // the newest answer, or what failed

  [[nodiscard]] json::object to_json() const;
  static Result<Job> from_json(const json::value& value);
  bool operator==(const Job&) const = default;
};

// One run of a job.
struct Firing {
  std::string id;  // the id of the message that it makes; the same for the same job and time
  std::string job;
  WallTime due{};
  std::string text;  // what is said instead of the job's text
  int depth = 0;     // of a run for events: that of events of its turn
  bool delivered = false;
  bool operator==(const Firing&) const = default;
};
// A ULID that begins with `due` and ends with a hash of `job` and `salt`.
std::string firing_id(const std::string& job, WallTime due, std::string_view salt = {});

}  // namespace skep::schedule
