// What every waiting call carries: until when, unless whom, for which trace and principal.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "skep/base/result.h"

namespace skep {

using SteadyTime = std::chrono::steady_clock::time_point;

// A value; copying is cheap. A leaf operation (read, sleep, query, request) that is given a Ctx
// fails with kTimeout when the deadline passes and with kCancelled when stop is requested, and
// leaves no work behind.
struct Ctx {
  SteadyTime deadline = SteadyTime::max();
  std::stop_token stop;
  std::string trace;  // id of the message or request this work belongs to; empty: background work
  std::string principal;  // on whose behalf (an ILK or an address); empty: the process itself

  // The same, but no later than `from_now` from now.
  [[nodiscard]] Ctx within(std::chrono::nanoseconds from_now) const;
  // The same with another stop token in place of this one.
  [[nodiscard]] Ctx with_stop(std::stop_token token) const;
  // An error when the deadline has passed or stop was requested; call it in long loops.
  [[nodiscard]] Result<void> check() const;
};

// Stop when either stops. Owns the link: keep it alive as long as the joined token is used.
class JoinedStop {
 public:
  JoinedStop(std::stop_token a, std::stop_token b);
  JoinedStop(const JoinedStop&) = delete;
  JoinedStop& operator=(const JoinedStop&) = delete;
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  void request_stop() { source_.request_stop(); }

 private:
  struct Relay {
    std::stop_source* source;
    void operator()() const { source->request_stop(); }
  };
  std::stop_source source_;
  std::stop_callback<Relay> from_a_;
  std::stop_callback<Relay> from_b_;
};

}  // namespace skep
