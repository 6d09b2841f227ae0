// Waiting on the loop thread: sleeping, signalling, queueing. Nothing here is thread-safe; from
// another thread use Loop::post or Pool.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "skep/async/ctx.h"
#include "skep/async/task.h"

namespace skep {

// Ends with ok after `duration`; kTimeout or kCancelled earlier if the Ctx says so.
Task<Result<void>> sleep_for(Ctx ctx, std::chrono::nanoseconds duration);
// Lets other ready work run first.
Task<void> yield();

// Waiters and wake-ups. A wake-up with nobody waiting is lost: check your condition, then wait, in
// a loop.
class Signal {
 public:
  Signal();
  ~Signal();  // nobody may be waiting
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Until notified: ok, kTimeout or kCancelled.
  Task<Result<void>> wait(Ctx ctx);
  void notify_one();
  void notify_all();
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Bounded queue between coroutines of one loop. push refuses at once when full: the caller makes
// that visible.
template <class T>
class Queue {
 public:
  explicit Queue(std::size_t items_max) : items_max_(items_max) {}

  Result<void> push(T item) {
    if (closed_) return fail(Code::kCancelled, "queue closed");
    if (items_.size() >= items_max_) return fail(Code::kExhausted, "queue full");
    items_.push_back(std::move(item));
    signal_.notify_one();
    return {};
  }
  // The next item in order; kCancelled once closed and empty.
  Task<Result<T>> pop(Ctx ctx) {
    while (items_.empty()) {
      if (closed_) co_return fail(Code::kCancelled, "queue closed");
      SKEP_CO_TRY_VOID(co_await signal_.wait(ctx));
    }
    T item = std::move(items_.front());
    items_.pop_front();
    co_return item;
  }
  void close() {
    closed_ = true;
    signal_.notify_all();
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  std::size_t items_max_;
  bool closed_ = false;
  std::deque<T> items_;
  Signal signal_;
};

// At most `permits` holders at once, first come first served.
class Semaphore {
 public:
  explicit Semaphore(std::size_t permits) : free_(permits) {}
  class Permit {
   public:
    Permit() = default;
    explicit Permit(Semaphore* from) : from_(from) {}
    Permit(Permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept;
    ~Permit() { release(); }
    void release();

   private:
    Semaphore* from_ = nullptr;
  };
  Task<Result<Permit>> acquire(Ctx ctx);
  [[nodiscard]] std::size_t free() const { return free_; }

 private:
  std::size_t free_;
  Signal signal_;
};

}  // namespace skep
