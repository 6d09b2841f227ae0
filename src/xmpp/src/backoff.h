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
  // reconnect_max. For kSlowly, and once many attempts in a row came to nothing: between
  // reconnect_slow and twice that.
  std::chrono::milliseconds next(Retry retry);
  // A session stood, however short: the line is bad, and not the server gone.
  void stood() { in_vain_ = 0; }
  void reset() { failures_ = in_vain_ = 0; }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  std::chrono::milliseconds initial_;
  std::chrono::milliseconds max_;
  std::chrono::milliseconds slow_;
  Draw draw_;
  int failures_ = 0;  // attempts and short sessions in a row
  int in_vain_ = 0;   // … of them attempts without a session, since the last that stood
};

}  // namespace skep::xmpp
