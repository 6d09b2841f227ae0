// What happened to one agent, for people: agents/<name>/log.jsonl.
#pragma once

#include <string>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/json.h"
#include "skep/base/result.h"

namespace skep::kernel {

// A line an event, {"ts","event",…}; never what was said. Over `bytes_max` the file becomes
// log.1.jsonl and a new one begins. A log that cannot be written costs nothing but itself.
class AgentLog {
 public:
  static constexpr std::uint64_t bytes_max = 1u << 20;

  AgentLog(std::string directory, const Clock& clock)
      : directory_(std::move(directory)), clock_(clock) {}
  void write(std::string_view event, json::object details = {}) const;
  // Oldest first.
  [[nodiscard]] Result<std::vector<std::string>> newest(std::size_t lines_max) const;

 private:
  std::string directory_;
  const Clock& clock_;
};

}  // namespace skep::kernel
