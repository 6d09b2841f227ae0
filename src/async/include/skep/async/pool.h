// Threads for work that blocks (DNS, file trees, hashing). Results come back to the loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "skep/async/ctx.h"
#include "skep/async/loop.h"
#include "skep/async/task.h"

namespace skep {

class Pool {
 public:
  // Threads start with the first job, at most `threads_max`; `queue_max` jobs wait, more are
  // refused with kExhausted.
  explicit Pool(Loop& loop, std::size_t threads_max = 2, std::size_t queue_max = 1024);
  ~Pool();  // runs what is queued to its end, then joins
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Runs `work` on a pool thread and gives its value on the loop thread. The Ctx bounds the
  // waiting, not the work: after kTimeout or kCancelled the work still runs to its end and its
  // value is dropped, so `work` must own all it touches.
  template <class F>
  Task<Result<std::invoke_result_t<F>>> run(Ctx ctx, F work) {
    using T = std::invoke_result_t<F>;
    auto value = std::make_shared<std::optional<T>>();
    std::function<void()> job = [value, work = std::move(work)]() mutable {
      value->emplace(work());
    };
    SKEP_CO_TRY_VOID(co_await run_job(std::move(ctx), std::move(job)));
    co_return std::move(**value);
  }

 private:
  Task<Result<void>> run_job(Ctx ctx, std::function<void()> job);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep
