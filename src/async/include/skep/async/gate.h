// Background work has an owner: it enters the owner's Gate, and the owner closes the Gate before it
// dies.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "skep/async/ctx.h"
#include "skep/async/loop.h"
#include "skep/async/task.h"

namespace skep {

// Loop thread only. The destructor insists that close() has finished (or that nothing was ever
// spawned).
class Gate {
 public:
  explicit Gate(Loop& loop);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Starts `task` on the loop. An exception out of it is our bug: it is logged with `name` and the
  // process aborts. After close() has begun the task is dropped unrun and false is returned.
  bool spawn(std::string name, Task<void> task);
  // A Ctx without deadline that stops when this Gate closes. Give it to spawned tasks.
  [[nodiscard]] Ctx ctx() const;
  [[nodiscard]] std::size_t running() const;
  // Requests stop, then waits until every task has ended.
  Task<void> close();
  // Waits until every task has ended of itself, or the Ctx ends; then as close().
  Task<void> drain(Ctx ctx);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace skep
