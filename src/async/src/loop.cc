#include "skep/async/loop.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <csignal>
#include <exception>

#include "fatal.h"

namespace skep {
namespace asio = boost::asio;

struct Loop::Impl {
  asio::io_context io{1};
  // A loop with nothing to do waits; only stop() ends it.
  asio::executor_work_guard<asio::io_context::executor_type> stay = asio::make_work_guard(io);
  std::atomic<bool> stopping = false;
  asio::signal_set signals{io};
  std::function<void(int)> on_signal;

  // Until somebody calls io.stop(). An exception out of a handler is our bug.
  void run_io() {
    io.restart();
    try {
      io.run();
    } catch (...) {
      die_of_exception("loop", std::current_exception());
    }
  }

  void await_signal() {
    signals.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      await_signal();
      on_signal(signal);
    });
  }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

// The flag remembers a stop() that came while no run() was there to end (during start-up, say).
void Loop::run() {
  if (!impl_->stopping) impl_->run_io();
  impl_->stopping = false;
}

void Loop::stop() {
  impl_->stopping = true;
  asio::dispatch(impl_->io, [impl = impl_.get()] {
    if (impl->stopping) impl->io.stop();
  });
}

void Loop::post(std::function<void()> work) { asio::post(impl_->io, std::move(work)); }

void Loop::on_signals(std::function<void(int)> handler) {
  impl_->on_signal = std::move(handler);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    boost::system::error_code error;
    impl_->signals.add(signal, error);
    if (error) die(fmt::format("cannot handle signal {}: {}", signal, error.message()));
  }
  impl_->await_signal();
}

asio::any_io_executor Loop::executor() { return impl_->io.get_executor(); }

void Loop::run_to_end(Task<void> task) {
  bool done = false;
  asio::co_spawn(impl_->io, std::move(task), [this, &done](const std::exception_ptr& error) {
    if (error) die_of_exception("loop", error);
    done = true;
    impl_->io.stop();
  });
  while (!done) impl_->run_io();
}

Task<asio::any_io_executor> current_executor() { co_return co_await asio::this_coro::executor; }

}  // namespace skep
