// [presence]: what people get when they come online.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "skep/base/config.h"

namespace skep::channels {

// A time of the day in minutes, from `from` to before `to`; over midnight when `to` is the smaller.
struct QuietHours {
  int from = 0;
  int to = 0;
  // "22:00-07:00". kInvalid otherwise.
  static Result<QuietHours> parse(std::string_view text);
  [[nodiscard]] bool holds(int minute) const {
    return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
  }
  bool operator==(const QuietHours&) const = default;
};

struct PresenceConfig {
  std::string greeting;  // said to who comes online; empty: nothing
  // Given to the agent as a message of who comes online, and its answer goes to them (a trigger);
  // empty: nothing.
  std::string prompt;
  std::chrono::milliseconds offline_min{1'800'000};  // shorter absences do not count
  std::chrono::milliseconds pause{72'000'000};       // between two greetings of one person
  std::optional<QuietHours> quiet;                   // in [agent] time_zone
  std::string time_zone;
  // A message that waits for somebody to come online waits so long at most, then it is sent all the
  // same.
  std::chrono::milliseconds deferred_max{7 * 24 * 3'600'000LL};

  [[nodiscard]] bool speaks() const { return !greeting.empty() || !prompt.empty(); }
  static PresenceConfig read(ConfigSection root);
};

}  // namespace skep::channels
