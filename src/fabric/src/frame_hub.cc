#include <algorithm>
#include <boost/asio/post.hpp>

#include "frame_state.h"

namespace skep::fabric {
namespace {

constexpr std::chrono::seconds kSweepEach{1};
constexpr int kLooks = 64;  // into each watched ring, between looks at everything else

void pause() {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}

}  // namespace

std::shared_ptr<FrameHub> FrameHub::make(Loop& loop) {
  const auto executor = loop.executor();
  return std::make_shared<FrameHubImpl>(*executor.target<LoopExecutor>());
}

FrameHubImpl::FrameHubImpl(LoopExecutor executor) : executor_(executor), timer_(executor_) {}

std::span<char> FrameHubImpl::buffer() {
  constexpr std::size_t kBytes = kReadBytes + kFrameHeaderBytes + kStampedBytesMax;
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kBytes);
  return {buffer_.get(), kBytes};
}

void FrameHubImpl::dirty(std::shared_ptr<FrameSocket::State> state) {
  dirty_.push_back(std::move(state));
  if (batches_ > 0 || posted_) return;
  posted_ = true;  // sent from outside a batch: at the end of what runs now
  boost::asio::post(executor_, [self = std::static_pointer_cast<FrameHubImpl>(shared_from_this())] {
    self->posted_ = false;
    self->flush();
  });
}

void FrameHubImpl::flush() {
  flushing_.swap(dirty_);
  for (auto& state : flushing_) {
    state->dirty = false;
    state->flush();
  }
  flushing_.clear();
}

void FrameHubImpl::add(FrameSocket::State& state) {
  state.place = sockets_.size();
  sockets_.push_back(&state);
  if (!sweeping_) await_sweep();
}

void FrameHubImpl::remove(FrameSocket::State& state) {
  sockets_[state.place] = sockets_.back();
  sockets_[state.place]->place = state.place;
  sockets_.pop_back();
  std::erase(watched_, &state);
}

// -- looking instead of sleeping -----------------------------------------------------------------

void FrameHubImpl::spin(std::chrono::microseconds most) { spin_ = most; }

// One message alone is followed by nothing: then looking would be in vain.
void FrameHubImpl::stirred(FrameSocket::State& state) {
  if (spin_.count() == 0 || !state.runs_beside()) return;
  const SteadyTime before = std::exchange(stirred_, now());
  if (stirred_ - before > 2 * spin_) return;
  spin_until_ = stirred_ + spin_;
  if (state.shared() && !state.watched && watched_.size() < kWatchedMax) {
    state.watched = true;
    watched_.push_back(&state);
  }
  if (!std::exchange(spinning_, true)) look_later();
}

// The loop looks at everything else in between, without sleeping.
void FrameHubImpl::look_later() {
  boost::asio::post(executor_, [self = std::static_pointer_cast<FrameHubImpl>(shared_from_this())] {
    self->look();
  });
}

void FrameHubImpl::look() {
  for (int i = 0; i < kLooks; ++i) {
    look_once();
    pause();
  }
  if (std::chrono::steady_clock::now() < spin_until_) return look_later();
  spinning_ = false;
  for (FrameSocket::State* state : std::exchange(watched_, {})) state->doze();
}

void FrameHubImpl::look_once() {
  for (std::size_t i = 0; i < watched_.size(); ++i) {  // one may leave meanwhile
    if (!watched_[i]->has_news()) continue;
    const auto state = watched_[i]->shared_from_this();
    state->on_bell();
  }
}

// Stops when there is no socket, so that a hub can die.
void FrameHubImpl::await_sweep() {
  sweeping_ = true;
  timer_.expires_after(kSweepEach);
  std::weak_ptr<FrameHub> weak = weak_from_this();
  timer_.async_wait([weak](const boost::system::error_code& error) {
    const auto hub = std::static_pointer_cast<FrameHubImpl>(weak.lock());
    if (error || !hub) return;
    hub->sweeping_ = false;
    const SteadyTime now = std::chrono::steady_clock::now();
    Batch batch(*hub);
    for (std::size_t i = 0; i < hub->sockets_.size(); ++i) hub->sockets_[i]->sweep(now);
    if (!hub->sockets_.empty()) hub->await_sweep();
  });
}

}  // namespace skep::fabric
