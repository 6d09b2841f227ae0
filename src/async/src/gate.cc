#include "skep/async/gate.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "fatal.h"
#include "skep/async/wait.h"

namespace skep {
namespace asio = boost::asio;

struct Gate::Impl {
  explicit Impl(asio::any_io_executor on) : executor(std::move(on)) {}
  asio::any_io_executor executor;
  std::stop_source stop;
  std::size_t running = 0;
  bool closing = false;
  Signal idle;
};

namespace {

// Begins in a turn of its own: spawn() never runs the task inside its caller.
Task<void> run_later(Task<void> task) {
  co_await yield();
  co_await std::move(task);
}

}  // namespace

Gate::Gate(Loop& loop) : impl_(std::make_shared<Impl>(loop.executor())) {}

Gate::~Gate() {
  if (impl_->running > 0)
    die("a Gate was destroyed with work inside: its owner must close() it first");
}

bool Gate::spawn(std::string name, Task<void> task) {
  if (impl_->closing) return false;
  ++impl_->running;
  auto ended = [impl = impl_, what = std::move(name)](const std::exception_ptr& error) {
    if (error) die_of_exception(what, error);
    if (--impl->running == 0) impl->idle.notify_all();
  };
  asio::co_spawn(impl_->executor, run_later(std::move(task)), std::move(ended));
  return true;
}

Ctx Gate::ctx() const { return Ctx{}.with_stop(impl_->stop.get_token()); }
std::size_t Gate::running() const { return impl_->running; }

Task<void> Gate::close() {
  std::shared_ptr<Impl> impl = impl_;
  impl->closing = true;
  impl->stop.request_stop();
  while (impl->running > 0) (void)co_await impl->idle.wait(Ctx{});
}

Task<void> Gate::drain(Ctx ctx) {
  std::shared_ptr<Impl> impl = impl_;
  bool waiting = true;
  while (waiting && impl->running > 0) {
    Result<void> idle = co_await impl->idle.wait(ctx);
    waiting = idle.has_value();
  }
  co_await close();
}

}  // namespace skep
