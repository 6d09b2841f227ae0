#include "async_fd.h"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace skep::net {
namespace {

namespace asio = boost::asio;
using Wait = asio::posix::descriptor_base::wait_type;

// Ends the wait of one direction when its Ctx does. Reused from wait to wait; what comes late (a
// timer already queued, a stop posted from another thread) is told by the number of the wait it was
// meant for.
class Interrupter : public std::enable_shared_from_this<Interrupter> {
 public:
  explicit Interrupter(const asio::any_io_executor& executor) : timer_(executor) {}

  asio::cancellation_slot slot() { return signal_.slot(); }
  [[nodiscard]] const std::optional<Code>& ended() const { return ended_; }

  // Arms for the length of one wait.
  class Scope {
   public:
    Scope(Interrupter& owner, const Ctx& ctx) : owner_(owner) {
      owner_.arm(ctx.deadline);
      if (ctx.stop.stop_possible()) {
        stop_.emplace(ctx.stop, OnStop{owner_.shared_from_this(), owner_.wait_});
      }
    }
    ~Scope() { owner_.disarm(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    // Runs on whichever thread requests the stop.
    struct OnStop {
      std::shared_ptr<Interrupter> owner;
      std::uint64_t wait;
      void operator()() const {
        auto fire = [owner = owner, wait = wait] { owner->fire(wait, Code::kCancelled); };
        asio::dispatch(owner->timer_.get_executor(), std::move(fire));
      }
    };
    Interrupter& owner_;
    std::optional<std::stop_callback<OnStop>> stop_;
  };

 private:
  void arm(SteadyTime deadline) {
    ++wait_;
    ended_.reset();
    timed_ = deadline != SteadyTime::max();
    if (!timed_) return;
    timer_.expires_at(deadline);
    timer_.async_wait(
        [self = shared_from_this(), wait = wait_](const boost::system::error_code& error) {
          if (!error) self->fire(wait, Code::kTimeout);
        });
  }
  void disarm() {
    ++wait_;
    if (timed_) timer_.cancel();
  }
  void fire(std::uint64_t wait, Code code) {
    if (wait != wait_ || ended_) return;
    ended_ = code;
    signal_.emit(asio::cancellation_type::all);
  }

  asio::steady_timer timer_;
  asio::cancellation_signal signal_;
  std::uint64_t wait_ = 0;
  bool timed_ = false;
  std::optional<Code> ended_;
};

std::unexpected<Error> interrupted(Code code) {
  return fail(code, code == Code::kTimeout ? "no answer in time" : "cancelled");
}

Task<Result<void>> wait_for(asio::posix::stream_descriptor& descriptor, Interrupter& interrupter,
                            Wait what, const Ctx& ctx) {
  Interrupter::Scope scope(interrupter, ctx);
  if (interrupter.ended()) co_return interrupted(*interrupter.ended());
  auto token =
      asio::bind_cancellation_slot(interrupter.slot(), asio::as_tuple(asio::use_awaitable));
  auto [error] = co_await descriptor.async_wait(what, std::move(token));
  if (!error) co_return Result<void>{};
  if (interrupter.ended()) co_return interrupted(*interrupter.ended());
  if (error == asio::error::operation_aborted) co_return fail(Code::kCancelled, "closed");
  co_return fail(Code::kUnavailable, error.message());
}

}  // namespace

struct AsyncFd::Impl {
  explicit Impl(const asio::any_io_executor& executor)
      : descriptor(executor),
        reading(std::make_shared<Interrupter>(executor)),
        writing(std::make_shared<Interrupter>(executor)) {}
  ~Impl() {  // AsyncFd closes the descriptor
    if (descriptor.is_open()) descriptor.release();
  }

  asio::posix::stream_descriptor descriptor;
  std::shared_ptr<Interrupter> reading;
  std::shared_ptr<Interrupter> writing;
};

AsyncFd::AsyncFd(int fd) : fd_(fd) {}
AsyncFd::AsyncFd(AsyncFd&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), impl_(std::move(other.impl_)) {}
AsyncFd& AsyncFd::operator=(AsyncFd&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  impl_ = std::move(other.impl_);
  return *this;
}
AsyncFd::~AsyncFd() { close(); }

Task<Result<void>> AsyncFd::meet_loop() {
  if (fd_ < 0) co_return fail(Code::kCancelled, "closed");
  if (impl_) co_return Result<void>{};
  auto impl = std::make_unique<Impl>(co_await asio::this_coro::executor);
  boost::system::error_code error;
  impl->descriptor.assign(fd_, error);
  if (error) co_return fail(errno_error("watching a descriptor", error.value()));
  impl_ = std::move(impl);
  co_return Result<void>{};
}

Task<Result<void>> AsyncFd::readable(const Ctx& ctx) {
  if (!impl_ || fd_ < 0) SKEP_CO_TRY_VOID(co_await meet_loop());
  co_return co_await wait_for(impl_->descriptor, *impl_->reading, Wait::wait_read, ctx);
}

Task<Result<void>> AsyncFd::writable(const Ctx& ctx) {
  if (!impl_ || fd_ < 0) SKEP_CO_TRY_VOID(co_await meet_loop());
  co_return co_await wait_for(impl_->descriptor, *impl_->writing, Wait::wait_write, ctx);
}

void AsyncFd::close() {
  if (fd_ < 0) return;
  if (impl_) impl_->descriptor.release();  // pending waits end with operation_aborted
  ::close(std::exchange(fd_, -1));
}

}  // namespace skep::net
