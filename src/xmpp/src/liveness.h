// Whether the peer still lives: what to do and when to look again. Pure: times come in as values.
#pragma once

#include <chrono>
#include <optional>

#include "skep/async/ctx.h"

namespace skep::xmpp {

struct Pulse {
  SteadyTime now;
  std::chrono::nanoseconds slept;  // how long the machine has been suspended since boot
  SteadyTime last_read;
  SteadyTime last_write;
};

enum class Beat { kNothing, kSpace, kPing, kDead };

class Liveness {
 public:
  struct Times {
    std::chrono::nanoseconds ping_interval;
    std::chrono::nanoseconds read_timeout;
    std::chrono::nanoseconds ping_timeout;
  };
  Liveness(Times times, std::chrono::nanoseconds slept) : times_(times), slept_(slept) {}

  // kDead: a ping brought no byte within ping_timeout. kPing after read_timeout of silence, or at
  // once after the machine woke up. kSpace after ping_interval without a write.
  Beat beat(const Pulse& pulse);
  // How long nothing can be due; a few seconds at most, because timers stand still while the
  // machine sleeps.
  [[nodiscard]] std::chrono::nanoseconds wait(const Pulse& pulse) const;

 private:
  Times times_;
  std::chrono::nanoseconds slept_;
  std::optional<SteadyTime> asked_;  // when the ping went out that nothing has answered yet
};

// CLOCK_BOOTTIME less CLOCK_MONOTONIC.
std::chrono::nanoseconds time_suspended();

}  // namespace skep::xmpp
