#include "skep/async/loop.h"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <thread>

#include "skep/async/wait.h"

namespace skep {
namespace {

Task<std::unique_ptr<int>> seven() {
  co_await yield();
  co_return std::make_unique<int>(7);
}
Task<void> nothing() { co_return; }

Result<int> checked(bool good) {
  if (!good) return fail(Code::kInvalid, "bad");
  return 1;
}
Task<Result<int>> checked_later(bool good) {
  co_await yield();
  co_return checked(good);
}
Task<Result<std::pair<int, int>>> pair_of(int n) { co_return std::pair(n, n + 1); }
Task<Result<int>> chain(bool good) {
  SKEP_CO_TRY(auto one, co_await checked_later(true));
  SKEP_CO_TRY(int two, co_await checked_later(good));
  SKEP_CO_TRY((auto [three, four]), co_await pair_of(3));
  SKEP_CO_TRY_VOID(checked(good));
  co_return one + two + three + four;
}

TEST(EventLoop, RunsTasksToTheirEndOneAfterAnother) {
  Loop loop;
  EXPECT_EQ(*loop.run(seven()), 7);
  loop.run(nothing());
  EXPECT_EQ(*loop.run(seven()), 7);
}

TEST(EventLoop, TryWorksInCoroutines) {
  Loop loop;
  EXPECT_EQ(loop.run(chain(true)), 9);
  EXPECT_EQ(loop.run(chain(false)).error(), (Error{Code::kInvalid, "bad"}));
}

TEST(EventLoop, StaysUntilStopped) {
  Loop loop;
  int ran = 0;
  std::jthread other([&] {
    loop.post([&] { ++ran; });
    loop.post([&] {
      ++ran;
      loop.stop();
      loop.post([&] { ++ran; });
    });
  });
  loop.run();
  EXPECT_EQ(ran, 2);
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(ran, 3);
}

TEST(EventLoop, StopDuringStartUpEndsTheRunThatFollows) {
  Loop loop;
  loop.post([&] { loop.stop(); });
  loop.run(seven());
  loop.run();  // returns: the stop is remembered
  std::jthread other([&] { loop.stop(); });
  loop.run();
}

TEST(EventLoop, HandsSignalsToTheLoopThread) {
  Loop loop;
  std::vector<int> seen;
  loop.on_signals([&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 1) std::raise(SIGTERM);
    if (seen.size() == 2) loop.stop();
  });
  std::raise(SIGHUP);
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{SIGHUP, SIGTERM}));
}

TEST(EventLoop, GivesItsExecutorToCoroutines) {
  Loop loop;
  EXPECT_TRUE(loop.run(current_executor()) == loop.executor());
}

Task<void> throws() {
  co_await yield();
  throw std::runtime_error("our bug");
}

TEST(EventLoopDeathTest, ExceptionOutOfATaskAborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(Loop().run(throws()), "our bug");
}

}  // namespace
}  // namespace skep
