// How long to wait before the next attempt. Pure: chance comes in as a function.
#pragma once

#include <chrono>
#include <functional>

#include "skep/xmpp/session.h"

namespace skep::xmpp {

class Backoff {
 public:
  // `draw(n)` gives a number in [0, n].
  using Draw = std::function<std::uint64_t(std::uint64_t)>;
  Backoff(const XmppConfig& config, Draw draw);

  // After another failed attempt or short session: full jitter up to a bound that doubles to
  // reconnect_max. For kSlowly, and once many attempts have failed in a row: between reconnect_slow
  // and twice that.
  std::chrono::milliseconds next(Retry retry);
  void reset() { failures_ = 0; }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  std::chrono::milliseconds initial_;
  std::chrono::milliseconds max_;
  std::chrono::milliseconds slow_;
  Draw draw_;
  int failures_ = 0;
};

}  // namespace skep::xmpp
