// How fast clients may ask: the generic cell rate algorithm. Each client is one point in time, up
// to which what it has asked for is paid; a request moves it on by its cost, and is refused when it
// would be further ahead than a burst.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "skep/base/clock.h"
#include "skep/kernel/kernel.h"

namespace skep::api {

using kernel::RateLimitConfig;

// Loop thread only. Some hundred nanoseconds a request.
class RateLimit {
 public:
  explicit RateLimit(RateLimitConfig config) : config_(config) {}

  struct Verdict {
    bool pass = true;
    // When it would pass, in whole seconds, at least one.
    std::chrono::seconds wait{0};
  };
  // `owner`: who has the token of daemon.json, with a limit of its own. What is refused costs
  // nothing.
  Verdict take(const std::string& client, bool owner, int cost, SteadyTime now);

  // Whom an address stands for: an IPv4 address, an IPv6 network of 64 bits; never "" .
  static std::string client_of(std::string_view peer);
  [[nodiscard]] std::size_t clients() const { return paid_.size(); }

 private:
  SteadyTime& paid_until(const std::string& client, SteadyTime now);

  RateLimitConfig config_;
  std::unordered_map<std::string, SteadyTime> paid_;
  SteadyTime others_{};  // of all clients for whom there is no room
  SteadyTime swept_{};
};

}  // namespace skep::api
