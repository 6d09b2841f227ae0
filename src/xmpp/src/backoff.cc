#include "backoff.h"

#include <algorithm>

namespace skep::xmpp {
namespace {

constexpr int kFailuresBeforeSlow = 10;

}  // namespace

Backoff::Backoff(const XmppConfig& config, Draw draw)
    : initial_(config.reconnect_initial),
      max_(config.reconnect_max),
      slow_(config.reconnect_slow),
      draw_(std::move(draw)) {}

std::chrono::milliseconds Backoff::next(Retry retry) {
  ++failures_;
  ++in_vain_;
  const auto up_to = [&](std::chrono::milliseconds bound) {
    return std::chrono::milliseconds(draw_(static_cast<std::uint64_t>(bound.count())));
  };
  if (retry == Retry::kSlowly || in_vain_ > kFailuresBeforeSlow) return slow_ + up_to(slow_);
  std::chrono::milliseconds bound = initial_;
  for (int i = 1; i < failures_ && bound < max_; ++i) bound *= 2;
  return up_to(std::min(bound, max_));
}

}  // namespace skep::xmpp
