// The process's loop: one thread that owns all state above floor 1. No locks are needed on it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "skep/async/task.h"

namespace skep {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(); call from one thread, the loop thread. Returns when stopped.
  void run();
  // Runs `task` to its end on this thread and returns its value: for tests, tools and start-up.
  template <class T>
  T run(Task<T> task);
  // Ends run() after the handler now running. Thread-safe.
  void stop();
  // Runs `work` on the loop thread, later. Thread-safe; the only way in from another thread.
  void post(std::function<void()> work);
  // Calls `handler(signal)` on the loop thread for SIGINT, SIGTERM and SIGHUP until the loop dies.
  // Once per process.
  void on_signals(std::function<void(int)> handler);

  boost::asio::any_io_executor executor();

 private:
  void run_to_end(Task<void> task);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

template <class T>
T Loop::run(Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    run_to_end(std::move(task));
  } else {
    std::optional<T> value;
    // Parameters live in the frame; `value` outlives it because run_to_end returns only after the
    // task ended.
    auto store = [](Task<T> inner, std::optional<T>* out) -> Task<void> {
      out->emplace(co_await std::move(inner));
    };
    run_to_end(store(std::move(task), &value));
    return std::move(*value);
  }
}

// The executor of the running coroutine's loop.
Task<boost::asio::any_io_executor> current_executor();

}  // namespace skep
