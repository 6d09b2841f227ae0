// Frames through memory that both sides share: the same bytes as through the socket.
#include <cstring>

#include "frame_state.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kPieceBytes = 64u << 10;  // copied out at once: fits into the nearer caches
constexpr std::size_t kTurnBytes = 256u << 10;  // at once; then it is others' turn

void copy_near(char* to, const char* from, std::size_t bytes) { std::memcpy(to, from, bytes); }

}  // namespace

Result<void> FrameSocket::State::share(std::string_view frame, std::size_t ring_bytes) {
  if (ended_ || waiting_ > 0 || shared_) return fail(Code::kConflict, "the socket is in use");
  SKEP_TRY(auto memory, SharedMemory::make(ring_bytes));
  SKEP_TRY_VOID(memory->send(fd(), frame));
  ++traffic_->frames_out;
  traffic_->bytes_out += frame.size();
  use(std::move(memory));
  return {};
}

Result<void> FrameSocket::State::join_shared(std::size_t ring_bytes) {
  wants_fds_ = false;
  SKEP_TRY(auto memory, SharedMemory::join(std::exchange(fds_, {}), ring_bytes));
  use(std::move(memory));
  return {};
}

void FrameSocket::State::use(std::unique_ptr<SharedMemory> memory) {
  shared_ = std::move(memory);
  bell_.emplace(hub_->executor());
  boost::system::error_code error;
  bell_->assign(shared_->bell(), error);
  if (error) return end(errno_error("watching a bell", error.value()));
  await_bell();
  boost::asio::post(hub_->executor(), [self = shared_from_this()] { self->on_bell(); });
}

void FrameSocket::State::await_bell() {
  bell_->async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      if (error || self->ended_) return;
                      self->shared_->hush();
                      self->on_bell();
                      if (!self->ended_) self->await_bell();
                    });
}

void FrameSocket::State::on_bell() {
  if (ended_) return;
  FrameHubImpl::Batch batch(*hub_);
  read_rings(kTurnBytes);
  if (!ended_ && watched) shared_->in().stay_awake();
}

// What is there, and what comes meanwhile, until it was so much; then the bell is to ring again,
// unless the hub looks anyway.
void FrameSocket::State::read_rings(std::size_t bytes_enough) {
  if (room_awaited_) flush_ring();
  std::size_t bytes = 0;
  while (!ended_ && read_ring(bytes)) {
    hub_->flush();  // its receivers go on while the next piece is read
    if (bytes < bytes_enough) continue;
    boost::asio::post(hub_->executor(), [self = shared_from_this()] { self->on_bell(); });
    break;
  }
  if (bytes == 0 || ended_) return;
  used_ = true;
  heard_ = hub_->now();
  traffic_->bytes_in += bytes;
  hub_->stirred(*this);
}

// False: nothing whole is there, and the bell will ring when more is.
bool FrameSocket::State::read_ring(std::size_t& bytes) {
  RingReader& in = shared_->in();
  auto ready = in.ready();
  if (!ready) return end(std::move(ready).error()), false;
  std::size_t frame = kFrameHeaderBytes;
  if (ready->size() >= frame) {
    char header[kFrameHeaderBytes];
    std::memcpy(header, ready->data(), sizeof header);
    frame += std::min(length_at(header), limits_.frame_bytes_max + 1);  // cut_frames() tells why
  }
  const bool too_long = frame > kFrameHeaderBytes + limits_.frame_bytes_max;
  if (ready->size() < frame && !too_long) return !watched && !in.sleep();
  const std::size_t piece = std::min(ready->size(), std::max(kPieceBytes, frame));
  const std::span<char> copy = hub_->buffer();
  std::memcpy(copy.data(), ready->data(), piece);
  std::size_t used = 0;
  if (!cut_frames({copy.data(), piece}, used)) return false;
  if (in.consume(used)) shared_->ring();
  bytes += used;
  return true;
}

void FrameSocket::State::flush_ring() {
  RingWriter& ring = shared_->out();
  room_awaited_ = false;
  while (out_begin_ != out.size()) {
    auto space = ring.space();
    if (!space) {
      waiting_ = 0;
      return end(std::move(space).error());
    }
    const std::size_t bytes = std::min(space->size(), out.size() - out_begin_);
    const bool across = runs_beside_ && bytes >= kAcrossBytesMin;
    (across ? copy_across : copy_near)(space->data(), out.data() + out_begin_, bytes);
    ring.fill(bytes);
    if (bytes > 0) sent(bytes);
    if (ring.publish()) shared_->ring();
    if (out_begin_ == out.size() || bytes > 0) continue;
    room_awaited_ = ring.await_space();
    if (room_awaited_) return;
  }
}

bool FrameSocket::State::has_news() const { return !ended_ && shared_ && shared_->in().has_news(); }

void FrameSocket::State::doze() {
  watched = false;
  if (ended_ || !shared_ || shared_->in().sleep()) return;
  boost::asio::post(hub_->executor(), [self = shared_from_this()] { self->on_bell(); });
}

}  // namespace skep::fabric
