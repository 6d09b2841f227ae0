// What was spent in the last sixty minutes. Private to the room.
#pragma once

#include <deque>

#include "skep/memory/ledger.h"

namespace skep::memory {

// By the minute: a call counts for sixty minutes and until its minute has passed, so 61 at most.
// Pure; at most 62 entries.
class LastHour {
 public:
  static constexpr std::chrono::minutes kLength{60};

  void add(WallTime at, const Spend& spend);
  [[nodiscard]] Spend sum(WallTime now);
  // How long until at most `left` of what `of` counts is in it; of less than nothing: until all is
  // gone.
  [[nodiscard]] Millis until(WallTime now, std::int64_t left,
                             std::int64_t (*of)(const Spend& spend));
  void clear() { minutes_.clear(); }

 private:
  struct Minute {
    WallTime begin;
    Spend spend;
  };
  static WallTime gone(const Minute& minute) {
    return minute.begin + kLength + std::chrono::minutes(1);
  }
  void forget(WallTime now);

  std::deque<Minute> minutes_;  // the oldest first
};

}  // namespace skep::memory
