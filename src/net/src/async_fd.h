// A file descriptor whose readiness a coroutine can wait for. Asio stays behind it.
#pragma once

#include <memory>

#include "skep/async/ctx.h"
#include "skep/async/task.h"

namespace skep::net {

// Owns the descriptor; loop thread only. It meets the loop at the first wait, so it can be made
// anywhere. One wait for reading and one for writing may be under way at the same time.
class AsyncFd {
 public:
  explicit AsyncFd(int fd = -1);
  AsyncFd(AsyncFd&& other) noexcept;
  AsyncFd& operator=(AsyncFd&& other) noexcept;
  ~AsyncFd();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  // Costs one epoll_ctl, which also reports readiness that is already there; nothing is allocated
  // for a Ctx without deadline and stop. kTimeout and kCancelled by the Ctx; kCancelled when closed
  // meanwhile. `ctx` outlives the wait.
  Task<Result<void>> readable(const Ctx& ctx);
  Task<Result<void>> writable(const Ctx& ctx);
  void close();

 private:
  Task<Result<void>> meet_loop();
  struct Impl;
  int fd_ = -1;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::net
