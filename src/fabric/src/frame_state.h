// The inside of FrameSocket and FrameHub.
#pragma once

#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "frame_socket.h"
#include "shared_memory.h"

namespace skep::fabric {

class FrameHubImpl;

inline std::size_t length_at(const char* header) {
  const auto byte = [&](int i) { return std::size_t{static_cast<unsigned char>(header[i])}; };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

// The loop's own executor: one that could be any costs an indirection and an allocation for each
// event.
using LoopExecutor = boost::asio::io_context::executor_type;
using LoopDescriptor = boost::asio::posix::basic_stream_descriptor<LoopExecutor>;

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
  Result<void> share(std::string_view frame, std::size_t ring_bytes);
  void expect_shared() { wants_fds_ = true; }
  Result<void> join_shared(std::size_t ring_bytes);
  [[nodiscard]] bool shared() const { return shared_ != nullptr; }
  // The peer may run while this process does.
  [[nodiscard]] bool runs_beside() const { return runs_beside_; }
  // For who looks into the rings instead of waiting for the bell.
  [[nodiscard]] bool has_news() const;
  void on_bell();
  void doze();  // nobody looks any more: the bell is to ring again
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] int fd() { return descriptor_.native_handle(); }

  std::string out;  // frames that wait, from out_begin_ on
  bool dirty = false;
  bool watched = false;   // the hub looks into its rings
  std::size_t place = 0;  // among the hub's sockets

 private:
  void await_readable();
  void await_writable();
  void on_readable();
  std::size_t read_some();
  ssize_t receive(std::span<char> into);
  void use(std::unique_ptr<SharedMemory> memory);
  void await_bell();
  void read_rings(std::size_t bytes_enough);
  bool read_ring(std::size_t& bytes);
  void flush_ring();
  bool cut_frames(std::string_view bytes, std::size_t& used);
  void sent(std::size_t bytes);
  void tell_end();
  void close();

  std::shared_ptr<FrameHubImpl> hub_;
  LoopDescriptor descriptor_;
  std::unique_ptr<SharedMemory> shared_;  // frames go through it
  std::optional<LoopDescriptor> bell_;    // its bell; not owned
  std::vector<OwnedFd> fds_;              // that came along
  FrameLimits limits_;
  Owner* owner_;
  FrameTraffic* traffic_;
  std::string partial_;  // the beginning of a frame whose rest has not come
  std::size_t out_begin_ = 0;
  std::size_t frame_end_ = 0;  // where the first frame that is not wholly gone ends, in `out`
  std::size_t waiting_ = 0;
  bool ended_ = false, writing_ = false, used_ = false, wants_fds_ = false, room_awaited_ = false,
       runs_beside_ = false;
  Error why_;
  SteadyTime heard_, asked_, moved_;
};

class FrameHubImpl final : public FrameHub {
 public:
  explicit FrameHubImpl(LoopExecutor executor);

  void flush() override;
  void spin(std::chrono::microseconds most) override;
  void dirty(std::shared_ptr<FrameSocket::State> state);
  void add(FrameSocket::State& state);
  void remove(FrameSocket::State& state);
  // Something came by `state`: more may be about to.
  void stirred(FrameSocket::State& state);
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
  void look_later();
  void look();
  void look_once();

  LoopExecutor executor_;
  boost::asio::basic_waitable_timer<
      std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>
      timer_;
  std::unique_ptr<char[]> buffer_;
  std::vector<std::shared_ptr<FrameSocket::State>> dirty_, flushing_;
  std::vector<FrameSocket::State*> sockets_;
  // Whose rings are looked into instead of waiting for their bells, while it lasts.
  static constexpr std::size_t kWatchedMax = 16;
  std::vector<FrameSocket::State*> watched_;
  std::chrono::nanoseconds spin_{0};
  SteadyTime now_{}, stirred_{}, spin_until_{};
  int batches_ = 0;
  bool posted_ = false, sweeping_ = false, spinning_ = false;
};

}  // namespace skep::fabric
