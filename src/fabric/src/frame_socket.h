// One stream socket that carries frames, and what the frame sockets of one loop share. Callbacks,
// not coroutines: a hop through a router costs one epoll_wait, one recv, one send and one epoll_ctl
// (which costs a tenth of the others). Loop thread only.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "packet.h"
#include "skep/async/ctx.h"
#include "skep/async/loop.h"

namespace skep::fabric {

// Shared by the frame sockets of one loop: the read buffer, so that an idle socket holds none; the
// list of sockets with something to send, each flushed once after a batch; the clock of pings.
// Held by every socket's state, so the owner's order of destruction does not matter.
class FrameHub : public std::enable_shared_from_this<FrameHub> {
 public:
  static std::shared_ptr<FrameHub> make(Loop& loop);
  virtual ~FrameHub() = default;
  // Sockets that were sent to are flushed now instead of at the end of the batch.
  virtual void flush() = 0;
  // While one message follows another, look for the next for so long before sleeping. Nothing (the
  // default) and on one processor: never.
  virtual void spin(std::chrono::microseconds most) = 0;
};

struct FrameTraffic {
  std::uint64_t frames_in = 0, frames_out = 0, bytes_in = 0, bytes_out = 0;
};

struct FrameLimits {
  std::size_t frame_bytes_max = kFrameBytesMax;  // read: a longer one ends the socket, kTooLarge;
                                                 // from routers kStampedBytesMax
  std::size_t queue_messages_max = 8'192, queue_bytes_max = 8u << 20;  // unsent
  std::size_t queue_system_messages = 256;        // on top, for system messages alone
  std::chrono::milliseconds ping_after{10'000};   // nothing heard: on_silence, again each time
  std::chrono::milliseconds dead_after{30'000};   // nothing heard: ends, kTimeout
  std::chrono::milliseconds stuck_after{60'000};  // unsent bytes that do not move: ends, kTimeout
};

class FrameSocket {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // One whole frame's JSON, not looked at; the view ends with the call. May send on any socket,
    // end() this one, and even destroy it.
    virtual void on_frame(std::string_view frame) = 0;
    // Once, from the loop, never from inside a call to this socket: nothing comes or goes any more.
    // kUnavailable: the peer closed or broke off; kTooLarge, kInvalid: a bad length; kTimeout; what
    // end() was given. The owner may destroy the socket in it.
    virtual void on_end(const Error& why) = 0;
    virtual void on_silence() = 0;  // ask the peer for a sign of life
  };

  // Takes `fd` (connected; made non-blocking here). `owner` and `traffic` outlive the socket.
  FrameSocket(std::shared_ptr<FrameHub> hub, int fd, FrameLimits limits, Owner& owner,
              FrameTraffic& traffic);
  ~FrameSocket();  // closes at once, without on_end
  FrameSocket(const FrameSocket&) = delete;
  FrameSocket& operator=(const FrameSocket&) = delete;

  // Queues it; it goes out at the end of this batch of work. kExhausted: the queue is full, and
  // nothing was kept; kUnavailable: ended.
  Result<void> send(const Packet& packet, bool towards_router);
  // The same for a message of this end's own, with its ttl as it is.
  Result<void> send(const Message& message);
  // The same for one frame with its length, made by append_frame.
  Result<void> send_frame(std::string_view frame, bool system);
  // on_end(why) follows from the loop; what was sent before goes out if the kernel takes it at
  // once.
  void end(Error why);

  // Sends `frame` with memory to share; from then on frames go through that in both directions, and
  // the socket tells only of the other's end (docs/decisions/0042). An error: it cannot be done,
  // nothing was sent, and the socket is as it was.
  Result<void> share(std::string_view frame, std::size_t ring_bytes);
  // The other side of it: keeps the descriptors that come along, and uses them from on_frame() of
  // the frame that they came with.
  void expect_shared();
  Result<void> join_shared(std::size_t ring_bytes);
  [[nodiscard]] bool shared() const;

  [[nodiscard]] std::size_t waiting() const;  // messages not yet the kernel's
  [[nodiscard]] bool ended() const;
  [[nodiscard]] int fd() const;

  class State;

 private:
  std::shared_ptr<State> state_;
};

// What the two ends of a link say to each other: type=system, ttl 1. Length and JSON.
struct LinkWord {
  NodeId src;
  std::string_view msg;
  std::string_view trace;           // a correlation id; empty: a new one
  std::optional<NodeId> dst;        // nothing: null
  std::string_view payload = "{}";  // JSON
};
std::string link_frame(const LinkWord& word);

}  // namespace skep::fabric
