#include "frame_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "frame_state.h"

namespace skep::fabric {
namespace {

using Wait = boost::asio::posix::descriptor_base::wait_type;

bool is_soon(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

FrameSocket::State::State(std::shared_ptr<FrameHubImpl> hub, int fd, FrameLimits limits,
                          Owner& owner, FrameTraffic& traffic)
    : hub_(std::move(hub)),
      descriptor_(hub_->executor()),
      limits_(limits),
      owner_(&owner),
      traffic_(&traffic),
      heard_(std::chrono::steady_clock::now()),
      asked_(heard_),
      moved_(heard_) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  boost::system::error_code error;
  descriptor_.assign(fd, error);
  if (error) {
    ::close(fd);
    why_ = errno_error("watching a socket", error.value());
  }
}

FrameSocket::State::~State() = default;

void FrameSocket::State::start() {
  hub_->add(*this);
  if (!descriptor_.is_open()) return end(std::move(why_));
  runs_beside_ = may_run_beside(fd());
  await_readable();
}

void FrameSocket::State::abandon() {
  owner_ = nullptr;
  if (!ended_ && waiting_ > 0 && !writing_) flush();
  ended_ = true;
  hub_->remove(*this);
  close();
}

void FrameSocket::State::close() {
  boost::system::error_code ignored;
  if (bell_) (void)bell_->release();  // the memory's own
  bell_.reset();
  shared_.reset();
  if (descriptor_.is_open()) descriptor_.close(ignored);
}

void FrameSocket::State::end(Error why) {
  if (ended_) return;
  if (waiting_ > 0 && !writing_) flush();  // last words, if the kernel takes them
  if (ended_) return;
  ended_ = true;
  why_ = std::move(why);
  boost::asio::post(hub_->executor(), [self = shared_from_this()] { self->tell_end(); });
}

void FrameSocket::State::tell_end() {
  close();
  if (Owner* owner = std::exchange(owner_, nullptr)) owner->on_end(why_);
}

// -- in ----------------------------------------------------------------------------------------

void FrameSocket::State::await_readable() {
  descriptor_.async_wait(Wait::wait_read,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           if (error || self->ended_) return;
                           self->on_readable();
                         });
}

void FrameSocket::State::on_readable() {
  {
    FrameHubImpl::Batch batch(*hub_);
    if (read_some() > 0) {
      heard_ = hub_->now();
      hub_->stirred(*this);
    }
  }
  if (!ended_) await_readable();  // after what came has gone on: it costs a system call
}

// What is left over from the last time stands in front of what is read now.
std::size_t FrameSocket::State::read_some() {
  const std::span<char> buffer = hub_->buffer();
  const std::size_t old = partial_.size();
  if (old > 0) std::memcpy(buffer.data(), partial_.data(), old);
  const ssize_t got = receive(buffer.subspan(old, FrameHubImpl::kReadBytes));
  if (got < 0 && is_soon(errno)) return 0;
  if (got <= 0) {
    if (shared_) read_rings(shared_->ring_bytes());  // its last words
    const bool torn = got == 0 && old > 0;
    end({Code::kUnavailable, got < 0 ? std::string(std::strerror(errno))
                             : torn  ? "the peer closed inside a frame"
                                     : "the peer closed"});
    return 0;
  }
  used_ = true;
  traffic_->bytes_in += static_cast<std::uint64_t>(got);
  const std::string_view bytes(buffer.data(), old + static_cast<std::size_t>(got));
  std::size_t used = 0;
  if (cut_frames(bytes, used)) partial_.assign(bytes.substr(used));
  return static_cast<std::size_t>(got);
}

ssize_t FrameSocket::State::receive(std::span<char> into) {
  if (!wants_fds_) return ::recv(fd(), into.data(), into.size(), MSG_DONTWAIT);
  return receive_with_fds(fd(), into, MSG_DONTWAIT, fds_);
}

// False when the socket has ended meanwhile.
bool FrameSocket::State::cut_frames(std::string_view bytes, std::size_t& used) {
  while (bytes.size() - used >= kFrameHeaderBytes) {
    const std::size_t length = length_at(bytes.data() + used);
    if (length == 0 || length > limits_.frame_bytes_max) {
      end({length == 0 ? Code::kInvalid : Code::kTooLarge,
           fmt::format("a frame of {} bytes, where 1 to {} are allowed", length,
                       limits_.frame_bytes_max)});
      return false;
    }
    if (bytes.size() - used - kFrameHeaderBytes < length) return true;
    ++traffic_->frames_in;
    const std::string_view frame = bytes.substr(used + kFrameHeaderBytes, length);
    used += kFrameHeaderBytes + length;
    owner_->on_frame(frame);
    if (ended_ || owner_ == nullptr) return false;
  }
  return true;
}

// -- out ---------------------------------------------------------------------------------------

Result<void> FrameSocket::State::admit(bool system) {
  if (ended_) return fail(Code::kUnavailable, "the link has ended");
  const std::size_t most =
      limits_.queue_messages_max + (system ? limits_.queue_system_messages : 0);
  if (waiting_ >= most) return fail(Code::kExhausted, "the receiver's queue is full");
  return {};
}

// One frame stands at out[before…].
Result<void> FrameSocket::State::appended(std::size_t before, bool system) {
  const std::size_t reserve = system ? kFrameBytesMax : 0;
  if (out.size() - out_begin_ > limits_.queue_bytes_max + reserve) {
    out.resize(before);
    return fail(Code::kExhausted, "the receiver's queue is full");
  }
  if (waiting_++ == 0) moved_ = hub_->now();
  ++traffic_->frames_out;
  if (dirty || writing_) return {};
  dirty = true;
  hub_->dirty(shared_from_this());
  return {};
}

void FrameSocket::State::flush() {
  if (ended_ || writing_ || out_begin_ == out.size()) return;
  if (shared_) return flush_ring();
  const ssize_t gone =
      ::send(fd(), out.data() + out_begin_, out.size() - out_begin_, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (gone > 0) sent(static_cast<std::size_t>(gone));
  if (gone < 0 && !is_soon(errno)) {
    waiting_ = 0;
    return end({Code::kUnavailable, std::strerror(errno)});
  }
  if (out_begin_ != out.size()) await_writable();
}

void FrameSocket::State::sent(std::size_t bytes) {
  used_ = true;
  traffic_->bytes_out += bytes;
  out_begin_ += bytes;
  if (out_begin_ == out.size()) {
    out.clear();
    out_begin_ = frame_end_ = waiting_ = 0;
    return;
  }
  moved_ = std::chrono::steady_clock::now();
  while (true) {  // which frames are wholly gone
    if (frame_end_ + kFrameHeaderBytes > out.size()) break;
    const std::size_t next = frame_end_ + kFrameHeaderBytes + length_at(out.data() + frame_end_);
    if (next > out_begin_) break;
    frame_end_ = next;
    --waiting_;
  }
  if (frame_end_ < (out.size() >> 1)) return;
  out.erase(0, frame_end_);
  out_begin_ -= frame_end_;
  frame_end_ = 0;
}

void FrameSocket::State::await_writable() {
  if (writing_ || ended_) return;
  writing_ = true;
  descriptor_.async_wait(Wait::wait_write,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           self->writing_ = false;
                           if (error || self->ended_) return;
                           self->flush();
                         });
}

// -- time --------------------------------------------------------------------------------------

void FrameSocket::State::sweep(SteadyTime now) {
  if (ended_ || owner_ == nullptr) return;
  if (now - heard_ >= limits_.dead_after)
    return end({Code::kTimeout, "the peer has been silent for too long"});
  if (waiting_ > 0 && now - moved_ >= limits_.stuck_after)
    return end({Code::kTimeout, "the peer does not read"});
  if (now - std::max(heard_, asked_) >= limits_.ping_after) {
    asked_ = now;
    owner_->on_silence();
  }
  if (std::exchange(used_, false) || waiting_ > 0) return;
  std::string().swap(out);  // an idle socket holds no buffers
  if (partial_.empty()) std::string().swap(partial_);
  if (shared_) shared_->give_back();
}

// -- FrameSocket -------------------------------------------------------------------------------

FrameSocket::FrameSocket(std::shared_ptr<FrameHub> hub, int fd, FrameLimits limits, Owner& owner,
                         FrameTraffic& traffic)
    : state_(std::make_shared<State>(std::static_pointer_cast<FrameHubImpl>(std::move(hub)), fd,
                                     limits, owner, traffic)) {
  state_->start();
}

// Only want of memory could throw here.
// NOLINTNEXTLINE(bugprone-exception-escape)
FrameSocket::~FrameSocket() { state_->abandon(); }

Result<void> FrameSocket::send(const Packet& packet, bool towards_router) {
  const bool system = packet.is_system();
  SKEP_TRY_VOID(state_->admit(system));
  const std::size_t before = state_->out.size();
  SKEP_TRY_VOID(packet.append(state_->out, towards_router));
  return state_->appended(before, system);
}

Result<void> FrameSocket::send(const Message& message) {
  const bool system = message.kind == Kind::kSystem;
  SKEP_TRY_VOID(state_->admit(system));
  const std::size_t before = state_->out.size();
  SKEP_TRY_VOID(append_frame(state_->out, message, Stamp{.ttl = message.ttl}));
  return state_->appended(before, system);
}

Result<void> FrameSocket::send_frame(std::string_view frame, bool system) {
  SKEP_TRY_VOID(state_->admit(system));
  const std::size_t before = state_->out.size();
  state_->out += frame;
  return state_->appended(before, system);
}

void FrameSocket::end(Error why) { state_->end(std::move(why)); }
Result<void> FrameSocket::share(std::string_view frame, std::size_t ring_bytes) {
  return state_->share(frame, ring_bytes);
}
void FrameSocket::expect_shared() { state_->expect_shared(); }
Result<void> FrameSocket::join_shared(std::size_t ring_bytes) {
  return state_->join_shared(ring_bytes);
}
bool FrameSocket::shared() const { return state_->shared(); }
std::size_t FrameSocket::waiting() const { return state_->waiting(); }
bool FrameSocket::ended() const { return state_->ended(); }
int FrameSocket::fd() const { return state_->fd(); }

std::string link_frame(const LinkWord& word) {
  std::string frame(kFrameHeaderBytes, '\0');
  frame += R"({"routing":{"src":")" + word.src.uuid.str() + R"(","dst":)";
  frame += word.dst ? '"' + word.dst->uuid.str() + '"' : "null";
  frame += R"(,"ttl":1,"trace_id":)";
  append_json_string(frame, word.trace.empty() ? Uuid::random().str() : word.trace);
  frame += R"(},"meta":{"type":"system","msg":)";
  append_json_string(frame, word.msg);
  frame += R"(},"payload":)";
  frame += word.payload;
  frame += '}';
  const std::size_t length = frame.size() - kFrameHeaderBytes;
  for (std::size_t i = 0; i < kFrameHeaderBytes; ++i)
    frame[i] = static_cast<char>(length >> (8 * (3 - i)) & 0xff);
  return frame;
}

}  // namespace skep::fabric
