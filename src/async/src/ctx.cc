#include "skep/async/ctx.h"

namespace skep {

using std::chrono::steady_clock;

Ctx Ctx::within(std::chrono::nanoseconds from_now) const {
  Ctx ctx = *this;
  SteadyTime now = steady_clock::now();
  // Compared before it is added: now + from_now may overflow.
  if (deadline > now && from_now < deadline - now) ctx.deadline = now + from_now;
  return ctx;
}

Ctx Ctx::with_stop(std::stop_token token) const {
  Ctx ctx = *this;
  ctx.stop = std::move(token);
  return ctx;
}

Result<void> Ctx::check() const {
  if (stop.stop_requested()) return fail(Code::kCancelled, "stop was requested");
  bool over = deadline != SteadyTime::max() && steady_clock::now() >= deadline;
  if (over) return fail(Code::kTimeout, "the time allowed is over");
  return {};
}

JoinedStop::JoinedStop(std::stop_token a, std::stop_token b)
    : from_a_(std::move(a), Relay{&source_}), from_b_(std::move(b), Relay{&source_}) {}

}  // namespace skep
