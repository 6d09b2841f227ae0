// One connection between two gateways: the handshake, then frames both ways.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core.h"
#include "reach.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/net/stream.h"
#include "wan_frames.h"

namespace skep::fabric {

struct WanLimits {
  std::size_t queue_messages_max = 65'536, queue_bytes_max = 64u << 20;
  std::chrono::milliseconds dead_interval{40'000};
  static constexpr std::size_t kControlBytes = 32u << 20;  // on top, for control frames
  static constexpr std::chrono::seconds kHandshake{10};
  static constexpr std::chrono::seconds kReject{2};  // for a refusal to reach the other side
};

// Loop thread only. Lives in its coroutine's frame, from the first byte to the last.
class WanSession final : public Exit {
 public:
  WanSession(Loop& loop, std::unique_ptr<net::Stream> stream, WanLimits limits);
  ~WanSession() override;

  // Says WAN_HELLO, hears the other's, lets `judge` look at it, and says and hears WAN_ACCEPT or
  // WAN_REJECT. kDenied: one side refused ("rejected: …" with its reason).
  Task<Result<void>> shake_hands(Ctx ctx, WanHello ours,
                                 std::function<Result<void>(const WanHello&)> judge);

  struct Hears {
    std::function<void(const EnvelopeView&)> control;  // the other gateway's own word
    std::function<void(const EnvelopeView&)> message;
    std::function<void()> malformed;
  };
  // Reads until the end, which it gives as an error: kTimeout after `dead_interval` of silence,
  // kCancelled after stop(). Writes meanwhile.
  Task<Error> run(Ctx ctx, Hears hears);
  void stop(std::string why);

  Result<void> take(const Packet& packet) override;
  [[nodiscard]] std::size_t waiting() const override { return waiting_; }
  // Too much of it ends the session.
  void send_control(std::string_view msg, std::string_view payload);

  [[nodiscard]] const WanHello& theirs() const { return theirs_; }
  [[nodiscard]] std::chrono::milliseconds heard_ago() const;
  [[nodiscard]] std::string peer() const { return stream_->peer(); }

  // Told of a message's source before it goes out: the other side must know that node first.
  std::function<void(const NodeId& src)> introduce;
  Neighbour neighbour;
  std::uint64_t number = 0;  // ascends with each session
  bool dialled = false;

 private:
  Task<Result<EnvelopeView>> next_frame(Ctx ctx);
  Task<Result<void>> write_control(Ctx ctx, std::string_view msg, std::string payload);
  Task<Result<void>> refuse(Ctx ctx, Error why);
  Task<Result<WanHello>> hear_hello(Ctx ctx);
  Task<Result<void>> hear_verdict(Ctx ctx);
  Task<void> linger(Ctx ctx);
  Task<void> write_loop(Ctx ctx);
  Task<Error> read_loop(Ctx ctx, const Hears& hears);
  Result<void> handle_buffered(const Hears& hears);
  void wake();

  Loop& loop_;
  std::unique_ptr<net::Stream> stream_;
  WanLimits limits_;
  WanEnds ends_;
  WanHello theirs_;
  FrameReader frames_;
  Signal something_;
  std::string pending_;  // frames that wait for the writer
  std::size_t waiting_ = 0, writing_bytes_ = 0;
  bool open_ = false;
  std::string stopped_why_;
  std::stop_source stop_;
  SteadyTime heard_ = std::chrono::steady_clock::now();
};

}  // namespace skep::fabric
