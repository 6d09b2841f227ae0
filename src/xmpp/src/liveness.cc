#include "liveness.h"

#include <algorithm>
#include <ctime>

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::nanoseconds kSuspensionMin =
    1s;  // less is the two clocks being read one after the other
constexpr std::chrono::nanoseconds kLookMax = 5s;
constexpr std::chrono::nanoseconds kLookMin = 1ms;

std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Beat Liveness::beat(const Pulse& pulse) {
  const bool woke = pulse.slept - slept_ >= kSuspensionMin;
  slept_ = pulse.slept;
  if (asked_ && pulse.last_read > *asked_) asked_.reset();
  if (asked_ && !woke)
    return pulse.now - *asked_ >= times_.ping_timeout ? Beat::kDead : Beat::kNothing;
  if (woke || pulse.now - pulse.last_read >= times_.read_timeout) {
    asked_ = pulse.now;
    return Beat::kPing;
  }
  return pulse.now - pulse.last_write >= times_.ping_interval ? Beat::kSpace : Beat::kNothing;
}

std::chrono::nanoseconds Liveness::wait(const Pulse& pulse) const {
  const bool waiting = asked_ && pulse.last_read <= *asked_;
  SteadyTime due = waiting ? *asked_ + times_.ping_timeout : pulse.last_read + times_.read_timeout;
  if (!waiting) due = std::min(due, pulse.last_write + times_.ping_interval);
  const auto look_max = std::max(kLookMin, std::min(kLookMax, times_.read_timeout));
  return std::clamp<std::chrono::nanoseconds>(due - pulse.now, kLookMin, look_max);
}

std::chrono::nanoseconds time_suspended() {
  return read_clock(CLOCK_BOOTTIME) - read_clock(CLOCK_MONOTONIC);
}

}  // namespace skep::xmpp
