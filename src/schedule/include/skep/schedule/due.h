// What a job does about the times that have come.
#pragma once

#include <cstdint>
#include <vector>

#include "skep/schedule/when.h"

namespace skep::schedule {

// Times that came while nobody was there to run the job.
enum class Missed : std::uint8_t {
  kSkip = 0,  // they are gone
  kOnce,      // one run for all of them
  kAll        // each is made up for, the newest missed_max of them
};
std::string_view missed_name(Missed missed);  // "skip", "once", "all"
std::optional<Missed> missed_from(std::string_view name);
inline constexpr std::size_t missed_max = 10;

struct Due {
  std::vector<WallTime> runs;    // oldest first
  std::size_t dropped = 0;       // times without a run; at most those of the last month are counted
  std::optional<WallTime> next;  // after now; nullopt: never again
  bool operator==(const Due&) const = default;
};
// `next` is the first time that has not been dealt with, `alive` since when somebody is there: what
// came before is missed, and of what came since then the newest runs. Pure.
Due due(const When& when, WallTime next, WallTime now, WallTime alive, Missed missed);

}  // namespace skep::schedule
