#include "breaker.h"

#include <algorithm>

namespace skep::llm {
namespace {

using std::chrono::seconds;

constexpr seconds kPassingFirst{60}, kPassingMax{3'600};
constexpr seconds kAccountFirst{18'000}, kAccountMax{86'400};
constexpr seconds kProbe{30};

seconds pause_after(Trouble trouble, int failures) {
  const bool passing = trouble == Trouble::kPassing;
  seconds pause = passing ? kPassingFirst : kAccountFirst;
  for (int i = 1; i < failures && pause < kAccountMax; ++i) pause *= passing ? 5 : 2;
  return std::min(pause, passing ? kPassingMax : kAccountMax);
}

}  // namespace

bool Breaker::admits(SteadyTime now) {
  if (closed()) return true;
  if (now < open_until_ || now < probe_until_) return false;
  probe_until_ = now + kProbe;
  return true;
}

void Breaker::failed(Trouble trouble, SteadyTime now, std::chrono::milliseconds wish) {
  ++failures_;
  probe_until_ = {};
  std::chrono::milliseconds pause = pause_after(trouble, failures_);
  // A provider that knows when it will be well again is believed, within reason.
  if (trouble == Trouble::kPassing && wish.count() > 0)
    pause = std::min<std::chrono::milliseconds>(wish, kPassingMax);
  open_until_ = now + pause;
}

}  // namespace skep::llm
