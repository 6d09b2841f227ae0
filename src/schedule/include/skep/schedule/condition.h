// What an agent waits for beside messages and times: something that happens in its hive.
#pragma once

#include <string>
#include <string_view>

#include "skep/base/json.h"
#include "skep/base/result.h"

namespace skep::schedule {

// Something that happened, as it went over the fabric.
struct Event {
  static constexpr std::size_t text_bytes_max = 2048;
  std::string action;   // "AGENT_SPAWNED", "MEMORY_UPDATE"
  std::string payload;  // JSON, cut to text_bytes_max; what foreign nodes say may be anything
  std::string key;      // "key" of the payload: of a memory update
  std::string type;     // "type" of the payload: of an event that an agent published
  std::string name;     // "name" of the payload: of an agent's event
  std::string id;       // "id" of the payload: the same
  int depth = 0;        // how many turns that events woke stand behind it

  static Event from(std::string_view action, std::string_view payload);
  // One line for the agent's prompt: "AGENT_SPAWNED {…}".
  [[nodiscard]] std::string text() const;
};

// A value.
class Condition {
 public:
  static constexpr std::size_t text_bytes_max = 128;
  // "all"; "event:agent_spawned", "event:agent_terminated" (ended or crashed), "event:lifecycle"
  // (anything about agents), "event:memory_update", "event:system" (all else that the house says);
  // "memory:TEXT" (an update of a key with TEXT in it), "published:TYPE" (an event that an agent
  // published), "content:TEXT" (TEXT anywhere in it, letter case aside). kInvalid with the nearest.
  static Result<Condition> parse(std::string_view text);
  [[nodiscard]] bool matches(const Event& event) const;

 private:
  enum class Kind : std::uint8_t {
    kAll,
    kSpawned,
    kTerminated,
    kLifecycle,
    kMemory,
    kSystem,
    kKey,
    kPublished,
    kContent
  };
  Kind kind_ = Kind::kAll;
  std::string text_;  // lower case; kPublished: as it is
};

}  // namespace skep::schedule
