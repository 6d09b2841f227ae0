#include "skep/async/pool.h"

#include <gtest/gtest.h>

#include <latch>
#include <string>
#include <thread>

#include "skep/async/gate.h"
#include "skep/async/wait.h"

namespace skep {
namespace {

using namespace std::chrono_literals;

Task<void> settle() {
  for (int i = 0; i < 20; ++i) co_await yield();
}
Task<void> run_into(Pool& pool, Ctx ctx, std::function<int()> work,
                    std::vector<Result<int>>& results) {
  results.push_back(co_await pool.run(ctx, std::move(work)));
}

TEST(Pools, WorkRunsElsewhereAndItsValueComesBackToTheLoop) {
  Loop loop;
  Pool pool(loop);
  auto worker = loop.run(pool.run(Ctx{}, [] { return std::this_thread::get_id(); }));
  ASSERT_TRUE(worker.has_value());
  EXPECT_NE(*worker, std::this_thread::get_id());
  auto text = loop.run(pool.run(Ctx{}, [owned = std::string("x")] { return owned + "y"; }));
  EXPECT_EQ(text, std::string("xy"));
}

TEST(Pools, RefusesWhenItsQueueIsFull) {
  Loop loop;
  Pool pool(loop, 1, 1);
  Gate gate(loop);
  std::latch release(1);
  std::vector<Result<int>> results;
  for (int i = 0; i < 3; ++i) {
    gate.spawn("job", run_into(
                          pool, Ctx{},
                          [&release, i] {
                            release.wait();
                            return i;
                          },
                          results));
  }
  loop.run(settle());
  ASSERT_FALSE(results.empty());
  EXPECT_EQ(results[0].error().code, Code::kExhausted);
  release.count_down();
  loop.run(gate.drain(Ctx{}));
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[1], 0);
  EXPECT_EQ(results[2], 1);
}

TEST(Pools, DeadlineEndsTheWaitAndNotTheWork) {
  Loop loop;
  auto ran = std::make_shared<std::atomic<bool>>(false);
  {
    std::latch release(1);
    Pool pool(loop, 1);
    auto late = loop.run(pool.run(Ctx{}.within(1ms), [ran, &release] {
      release.wait();
      return ran->exchange(true);
    }));
    EXPECT_EQ(late.error().code, Code::kTimeout);
    release.count_down();
  }
  EXPECT_TRUE(*ran);
  loop.run(settle());  // the value that nobody waits for is dropped
}

TEST(Pools, StopEndsTheWait) {
  Loop loop;
  std::latch release(1);
  Pool pool(loop, 1);
  std::stop_source stop;
  loop.post([&] { stop.request_stop(); });
  auto stopped = loop.run(pool.run(Ctx{}.with_stop(stop.get_token()), [&release] {
    release.wait();
    return 1;
  }));
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
  release.count_down();
}

TEST(Pools, DestructorRunsWhatIsQueued) {
  Loop loop;
  Gate gate(loop);
  std::atomic<int> ran = 0;
  std::vector<Result<int>> results;
  {
    Pool pool(loop, 1);
    for (int i = 0; i < 10; ++i)
      gate.spawn("job", run_into(pool, Ctx{}, [&ran] { return ++ran; }, results));
    loop.run(settle());
  }
  EXPECT_EQ(ran, 10);
  loop.run(gate.drain(Ctx{}));
  EXPECT_EQ(results.size(), 10u);
}

TEST(Pools, UsesAsManyThreadsAsAllowed) {
  Loop loop;
  Pool pool(loop, 3);
  Gate gate(loop);
  std::latch together(3);  // each job waits for the other two
  std::vector<Result<int>> results;
  for (int i = 0; i < 3; ++i) {
    gate.spawn("job", run_into(
                          pool, Ctx{},
                          [&together] {
                            together.arrive_and_wait();
                            return 1;
                          },
                          results));
  }
  loop.run(gate.drain(Ctx{}));
  EXPECT_EQ(results.size(), 3u);
}

}  // namespace
}  // namespace skep
