#include "skep/async/pool.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "fatal.h"
#include "skep/async/wait.h"

namespace skep {
namespace {

// Belongs to the loop thread; the pool thread only carries the pointer there and back.
struct Completion {
  bool finished = false;
  Signal done;
};

struct Job {
  std::function<void()> work;
  std::shared_ptr<Completion> completion;
};

}  // namespace

struct Pool::Impl {
  Impl(Loop& on, std::size_t threads, std::size_t jobs)
      : loop(on), threads_max(threads), queue_max(jobs) {}

  Loop& loop;
  const std::size_t threads_max;
  const std::size_t queue_max;
  std::mutex mutex;  // guards all below
  std::condition_variable wake;
  std::deque<Job> queue;
  std::vector<std::thread> threads;
  std::size_t idle = 0;  // threads without a job, those that only just started included
  bool closing = false;

  Result<void> enqueue(Job job) {
    std::lock_guard lock(mutex);
    std::size_t taken_at_once = idle + (threads_max - threads.size());
    if (queue.size() >= taken_at_once + queue_max)
      return fail(Code::kExhausted, "the pool's queue is full");
    if (queue.size() >= idle && threads.size() < threads_max) SKEP_TRY_VOID(start_thread());
    queue.push_back(std::move(job));
    wake.notify_one();
    return {};
  }

  // With one thread running already, a second that cannot start is no failure.
  Result<void> start_thread() {
    try {
      threads.emplace_back([this] { serve(); });
      ++idle;
    } catch (const std::system_error& e) {
      if (threads.empty())
        return fail(Code::kExhausted, fmt::format("cannot start a thread: {}", e.what()));
    }
    return {};
  }

  void serve() {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return closing || !queue.empty(); });
      if (queue.empty()) return;
      --idle;
      Job job = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      execute(std::move(job));
      lock.lock();
      ++idle;
    }
  }

  void execute(Job job) {
    try {
      job.work();
    } catch (...) {
      die_of_exception("pool", std::current_exception());
    }
    job.work = nullptr;  // what it owns dies here, not on the loop
    loop.post([completion = std::move(job.completion)] {
      completion->finished = true;
      completion->done.notify_all();
    });
  }
};

Pool::Pool(Loop& loop, std::size_t threads_max, std::size_t queue_max)
    : impl_(std::make_unique<Impl>(loop, threads_max, queue_max)) {}

Pool::~Pool() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->wake.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

Task<Result<void>> Pool::run_job(Ctx ctx, std::function<void()> job) {
  SKEP_CO_TRY_VOID(ctx.check());
  auto completion = std::make_shared<Completion>();
  SKEP_CO_TRY_VOID(impl_->enqueue({std::move(job), completion}));
  while (!completion->finished) SKEP_CO_TRY_VOID(co_await completion->done.wait(ctx));
  co_return Result<void>();
}

}  // namespace skep
