// Remembers that a way to a model does not work, so that others are tried first.
#pragma once

#include <chrono>

#include "skep/async/ctx.h"

namespace skep::llm {

// What kind of trouble: it decides for how long the way is left alone.
enum class Trouble {
  kPassing,  // overloaded, rate limit, network: 60 s, five times longer each time, at most an hour
  kAccount,  // key or purse: 5 h, twice as long each time, at most a day
};

// One provider with one key. Pure: the caller says what time it is.
class Breaker {
 public:
  // Whether to try it now. After a pause one caller is let through to see; the others wait for what
  // it finds, at most 30 s.
  bool admits(SteadyTime now);
  void succeeded() { *this = Breaker(); }
  // `wish`: how long the provider asked to be left alone; zero: it did not say.
  void failed(Trouble trouble, SteadyTime now, std::chrono::milliseconds wish);

  [[nodiscard]] bool closed() const { return failures_ == 0; }
  [[nodiscard]] SteadyTime open_until() const { return open_until_; }

 private:
  int failures_ = 0;  // in a row
  SteadyTime open_until_{};
  SteadyTime probe_until_{};
};

}  // namespace skep::llm
