#include <boost/asio/post.hpp>

#include "frame_state.h"

namespace skep::fabric {
namespace {

constexpr std::chrono::seconds kSweepEach{1};

}  // namespace

std::shared_ptr<FrameHub> FrameHub::make(Loop& loop) {
  const auto executor = loop.executor();
  return std::make_shared<FrameHubImpl>(*executor.target<LoopExecutor>());
}

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
