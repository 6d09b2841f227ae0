// Time. Wall time is milliseconds since the epoch, UTC; waiting uses the steady clock
// (skep/async/ctx.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skep {

using Millis = std::chrono::milliseconds;
using WallTime = std::chrono::sys_time<Millis>;

// The seam that tests replace. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;
  static const Clock& system();
};

// "2026-03-02T08:00:00Z"; milliseconds are added only when they are not zero and `millis` is true.
// RFC 3339, always UTC.
std::string format_rfc3339(WallTime time, bool millis = false);
// Accepts offsets, fractions and lower-case t/z; nullopt on anything else.
std::optional<WallTime> parse_rfc3339(std::string_view text);
// "20260302-080000", UTC: the name of a session archive.
std::string format_archive_stamp(WallTime time);
// "Monday, 2 March 2026, 08:00 UTC": for prompts and people.
std::string format_for_people(WallTime time);

}  // namespace skep
