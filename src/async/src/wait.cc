#include "skep/async/wait.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <list>
#include <stop_token>

namespace skep {
namespace asio = boost::asio;

namespace {

enum class Wake { kNone, kNotified, kStopped };  // kNone after the wait: the timer ran out

struct Waiter;
using Waiters = std::list<std::shared_ptr<Waiter>>;

// One suspended coroutine. Shared, because a stop from another thread is posted to the loop and may
// come after the wait. Whoever wakes first decides; the timer's error code is never asked.
struct Waiter {
  asio::steady_timer timer;
  Wake wake = Wake::kNone;
  Waiters* line = nullptr;  // where it stands in line; null once it left
  Waiters::iterator place;

  Waiter(const asio::any_io_executor& executor, SteadyTime until) : timer(executor, until) {}

  void stand_in(Waiters& waiters, std::shared_ptr<Waiter> self) {
    line = &waiters;
    place = waiters.insert(waiters.end(), std::move(self));
  }
  void leave() {
    if (line != nullptr) std::exchange(line, nullptr)->erase(place);
  }
  void finish(Wake how) {
    if (wake != Wake::kNone) return;
    wake = how;
    timer.cancel();
    leave();
  }
};

// Takes the waiter out of its line when the coroutine ends, also when its frame is destroyed
// unresumed.
struct LeaveAtEnd {
  Waiter& waiter;
  ~LeaveAtEnd() { waiter.leave(); }
};

// Runs on the thread that requests the stop; on the loop thread that is at once.
struct StopRelay {
  std::shared_ptr<Waiter> waiter;
  void operator()() const {
    asio::dispatch(waiter->timer.get_executor(), [held = waiter] { held->finish(Wake::kStopped); });
  }
};

Task<void> park(std::shared_ptr<Waiter> waiter, std::stop_token stop) {
  LeaveAtEnd leave{*waiter};
  std::stop_callback<StopRelay> on_stop(std::move(stop), StopRelay{waiter});
  // A stop between the caller's check and here has woken the waiter already: a cancel before the
  // wait would be lost.
  if (waiter->wake == Wake::kNone)
    co_await waiter->timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Result<void> stopped() { return fail(Code::kCancelled, "stop was requested"); }
Result<void> timed_out() { return fail(Code::kTimeout, "the time allowed is over"); }

}  // namespace

Task<Result<void>> sleep_for(Ctx ctx, std::chrono::nanoseconds duration) {
  SKEP_CO_TRY_VOID(ctx.check());
  Ctx nap = ctx.within(duration);
  bool ctx_ends_first = nap.deadline == ctx.deadline;
  auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor, nap.deadline);
  co_await park(waiter, ctx.stop);
  if (waiter->wake == Wake::kStopped) co_return stopped();
  if (ctx_ends_first) co_return timed_out();
  co_return Result<void>();
}

Task<void> yield() { co_await asio::post(asio::use_awaitable); }

struct Signal::Impl {
  Waiters waiters;
};

Signal::Signal() : impl_(std::make_shared<Impl>()) {}
Signal::~Signal() { assert(impl_->waiters.empty()); }

Task<Result<void>> Signal::wait(Ctx ctx) {
  SKEP_CO_TRY_VOID(ctx.check());
  std::shared_ptr<Impl> impl = impl_;  // the line must stay while we stand in it
  auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor, ctx.deadline);
  waiter->stand_in(impl->waiters, waiter);
  co_await park(waiter, ctx.stop);
  if (waiter->wake == Wake::kNotified) co_return Result<void>();
  co_return waiter->wake == Wake::kStopped ? stopped() : timed_out();
}

void Signal::notify_one() {
  if (impl_->waiters.empty()) return;
  std::shared_ptr<Waiter> first = impl_->waiters.front();
  first->finish(Wake::kNotified);
}

void Signal::notify_all() {
  while (!impl_->waiters.empty()) notify_one();
}

std::size_t Signal::waiting() const { return impl_->waiters.size(); }

Semaphore::Permit& Semaphore::Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  release();
  from_ = std::exchange(other.from_, nullptr);
  return *this;
}

// The first in line gets the permit itself, so that nobody who comes later can take it.
void Semaphore::Permit::release() {
  Semaphore* from = std::exchange(from_, nullptr);
  if (from == nullptr) return;
  if (from->signal_.waiting() > 0) {
    from->signal_.notify_one();
  } else {
    ++from->free_;
  }
}

Task<Result<Semaphore::Permit>> Semaphore::acquire(Ctx ctx) {
  SKEP_CO_TRY_VOID(ctx.check());
  if (free_ > 0) {
    --free_;
  } else {
    SKEP_CO_TRY_VOID(co_await signal_.wait(ctx));
  }
  co_return Permit(this);
}

}  // namespace skep
