// The inside of FrameSocket and FrameHub.
#pragma once

#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "frame_socket.h"

namespace skep::fabric {

class FrameHubImpl;

// The loop's own executor: one that could be any costs an indirection and an allocation for each
// event.
using LoopExecutor = boost::asio::io_context::executor_type;

// Kept alive by the wait that is under way; `owner` is null once the FrameSocket is gone or ended.
class FrameSocket::State : public std::enable_shared_from_this<State> {
 public:
  State(std::shared_ptr<FrameHubImpl> hub, int fd, FrameLimits limits, Owner& owner,
        FrameTraffic& traffic);
  ~State();

  void start();
  void abandon();  // the FrameSocket dies
  void end(Error why);
  Result<void> admit(bool system);  // is there room for one more message?
  Result<void> appended(std::size_t before, bool system);
  void flush();
  void sweep(SteadyTime now);
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] int fd() { return descriptor_.native_handle(); }

  std::string out;  // frames that wait, from out_begin_ on
  bool dirty = false;
  std::size_t place = 0;  // among the hub's sockets

 private:
  void await_readable();
  void await_writable();
  void on_readable();
  std::size_t read_some();
  bool cut_frames(std::string_view bytes, std::size_t& used);
  void sent(std::size_t bytes);
  void tell_end();

  std::shared_ptr<FrameHubImpl> hub_;
  boost::asio::posix::basic_stream_descriptor<LoopExecutor> descriptor_;
  FrameLimits limits_;
  Owner* owner_;
  FrameTraffic* traffic_;
  std::string partial_;  // the beginning of a frame whose rest has not come
  std::size_t out_begin_ = 0;
  std::size_t frame_end_ = 0;  // where the first frame that is not wholly gone ends, in `out`
  std::size_t waiting_ = 0;
  bool ended_ = false, writing_ = false, used_ = false;
  Error why_;
  SteadyTime heard_, asked_, moved_;
};

class FrameHubImpl final : public FrameHub {
 public:
  explicit FrameHubImpl(LoopExecutor executor) : executor_(executor), timer_(executor_) {}

  void flush() override;
  void dirty(std::shared_ptr<FrameSocket::State> state);
  void add(FrameSocket::State& state);
  void remove(FrameSocket::State& state);
  [[nodiscard]] const LoopExecutor& executor() const { return executor_; }

  // While it lives, sockets that get something to send wait for its end.
  class Batch {
   public:
    explicit Batch(FrameHubImpl& hub) : hub_(hub) {
      if (hub_.batches_++ == 0) hub_.now_ = std::chrono::steady_clock::now();
    }
    ~Batch() {
      if (--hub_.batches_ == 0) hub_.flush();
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    FrameHubImpl& hub_;
  };
  // Of a batch its beginning: a clock for each message would cost more than finding its receiver.
  [[nodiscard]] SteadyTime now() const {
    return batches_ > 0 ? now_ : std::chrono::steady_clock::now();
  }
  static constexpr std::size_t kReadBytes = 256u << 10;
  std::span<char> buffer();

 private:
  void await_sweep();

  LoopExecutor executor_;
  boost::asio::basic_waitable_timer<
      std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>
      timer_;
  std::unique_ptr<char[]> buffer_;
  std::vector<std::shared_ptr<FrameSocket::State>> dirty_, flushing_;
  std::vector<FrameSocket::State*> sockets_;
  SteadyTime now_{};
  int batches_ = 0;
  bool posted_ = false, sweeping_ = false;
};

}  // namespace skep::fabric
