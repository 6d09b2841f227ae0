#include "skep/async/wait.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <thread>

#include "skep/async/gate.h"
#include "skep/async/loop.h"

namespace skep {
namespace {

using namespace std::chrono_literals;

// Enough turns for everything that is ready to run.
Task<void> settle() {
  for (int i = 0; i < 20; ++i) co_await yield();
}

Task<void> record_wait(Signal& signal, Ctx ctx, std::vector<Result<void>>& results) {
  results.push_back(co_await signal.wait(ctx));
}

class Waiting : public testing::Test {
 protected:
  // Starts a waiter whose result is appended to `results` when it ends.
  void start(Ctx ctx) { gate.spawn("waiter", record_wait(signal, std::move(ctx), results)); }
  void settle() { loop.run(skep::settle()); }
  void TearDown() override {
    signal.notify_all();
    loop.run(gate.close());
  }
  static Code code(const Result<void>& result) { return result.error().code; }

  Loop loop;
  Signal signal;
  std::vector<Result<void>> results;
  Gate gate{loop};
};

TEST_F(Waiting, NotifyOneWakesExactlyTheFirstInLine) {
  std::stop_source first;
  start(Ctx{}.with_stop(first.get_token()));
  start(Ctx{});
  settle();
  ASSERT_EQ(signal.waiting(), 2u);
  signal.notify_one();
  EXPECT_EQ(signal.waiting(), 1u);
  first.request_stop();  // too late: it has been notified
  settle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].has_value());
}

TEST_F(Waiting, NotifyAllWakesEverybody) {
  for (int i = 0; i < 3; ++i) start(Ctx{});
  settle();
  signal.notify_all();
  EXPECT_EQ(signal.waiting(), 0u);
  settle();
  EXPECT_EQ(results, std::vector<Result<void>>(3));
}

TEST_F(Waiting, NotificationWithNobodyWaitingIsLost) {
  signal.notify_one();
  start(Ctx{});
  settle();
  EXPECT_EQ(signal.waiting(), 1u);
  EXPECT_TRUE(results.empty());
}

TEST_F(Waiting, CancelledWaiterDoesNotSwallowTheNotification) {
  std::stop_source stop;
  start(Ctx{}.with_stop(stop.get_token()));
  start(Ctx{});
  settle();
  loop.run([](std::stop_source& source, Signal& s) -> Task<void> {
    source.request_stop();
    s.notify_one();  // in the same turn
    co_await skep::settle();
  }(stop, signal));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(code(results[0]), Code::kCancelled);
  EXPECT_TRUE(results[1].has_value());
}

TEST_F(Waiting, DeadlineEndsTheWaitWithTimeout) {
  Result<void> result = loop.run(signal.wait(Ctx{}.within(1ms)));
  EXPECT_EQ(code(result), Code::kTimeout);
  EXPECT_EQ(signal.waiting(), 0u);
}

TEST_F(Waiting, FailedCtxNeverWaits) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(code(loop.run(signal.wait(Ctx{}.with_stop(stop.get_token())))), Code::kCancelled);
  Ctx late;
  late.deadline = std::chrono::steady_clock::now() - 1s;
  EXPECT_EQ(code(loop.run(signal.wait(late))), Code::kTimeout);
}

TEST_F(Waiting, StopFromAnotherThreadWakes) {
  std::stop_source stop;
  std::jthread other([&] { stop.request_stop(); });
  EXPECT_EQ(code(loop.run(signal.wait(Ctx{}.with_stop(stop.get_token())))), Code::kCancelled);
}

TEST_F(Waiting, StopFromAnotherThreadRacesWithTheEndOfTheWait) {
  for (int i = 0; i < 200; ++i) {
    std::stop_source stop;
    start(Ctx{}.with_stop(stop.get_token()));
    settle();
    std::jthread other([&] { stop.request_stop(); });
    signal.notify_all();
    settle();
  }
  EXPECT_EQ(results.size(), 200u);
}

TEST_F(Waiting, StopIsHeardByTheWaitsThatFollow) {
  std::stop_source stop;
  Ctx ctx = Ctx{}.with_stop(stop.get_token());
  start(ctx);
  settle();
  stop.request_stop();
  settle();
  start(ctx);
  settle();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(code(results[1]), Code::kCancelled);
}

TEST_F(Waiting, FrameThatDiesUnresumedLeavesTheLine) {
  Signal line;
  {
    Loop dying;
    auto start = [](Signal* s) -> Task<void> { (void)co_await s->wait(Ctx{}); };
    dying.run([](Loop& l, Task<void> task) -> Task<void> {
      boost::asio::co_spawn(l.executor(), std::move(task), [](const std::exception_ptr&) {});
      co_await skep::settle();
    }(dying, start(&line)));
    EXPECT_EQ(line.waiting(), 1u);
  }
  EXPECT_EQ(line.waiting(), 0u);
}

TEST(Sleep, EndsWellAfterItsTime) {
  Loop loop;
  auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(loop.run(sleep_for(Ctx{}, 2ms)).has_value());
  EXPECT_GE(std::chrono::steady_clock::now() - before, 2ms);
}

TEST(Sleep, TellsTimeoutFromSleptEnough) {
  Loop loop;
  EXPECT_EQ(loop.run(sleep_for(Ctx{}.within(1ms), 1h)).error().code, Code::kTimeout);
  EXPECT_TRUE(loop.run(sleep_for(Ctx{}.within(1h), 1ms)).has_value());
  EXPECT_TRUE(loop.run(sleep_for(Ctx{}, 0ms)).has_value());
}

TEST(Sleep, StopEndsIt) {
  Loop loop;
  std::stop_source stop;
  loop.post([&] { stop.request_stop(); });
  EXPECT_EQ(loop.run(sleep_for(Ctx{}.with_stop(stop.get_token()), 1h)).error().code,
            Code::kCancelled);
}

TEST(Context, WithinOnlyShortens) {
  Ctx ctx = Ctx{}.within(1h);
  EXPECT_EQ(ctx.within(2h).deadline, ctx.deadline);
  EXPECT_LT(ctx.within(1min).deadline, ctx.deadline);
  EXPECT_EQ(Ctx{}.within(std::chrono::nanoseconds::max()).check(), Result<void>());
  EXPECT_EQ(Ctx{}.within(-1s).check().error().code, Code::kTimeout);
}

TEST(JoinedStopToken, StopsWithEitherAndWithBothAlreadyStopped) {
  for (int which : {0, 1, 2}) {
    std::stop_source a, b;
    JoinedStop joined(a.get_token(), b.get_token());
    EXPECT_FALSE(joined.token().stop_requested());
    if (which == 0) a.request_stop();
    if (which == 1) b.request_stop();
    if (which == 2) joined.request_stop();
    EXPECT_TRUE(joined.token().stop_requested());
    if (which == 2) EXPECT_FALSE(a.stop_requested() || b.stop_requested());
  }
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_TRUE(JoinedStop(stopped.get_token(), {}).token().stop_requested());
}

TEST(BoundedQueue, GivesItemsInOrderAndRefusesWhenFull) {
  Loop loop;
  Queue<int> queue(2);
  EXPECT_TRUE(queue.push(1).has_value());
  EXPECT_TRUE(queue.push(2).has_value());
  EXPECT_EQ(queue.push(3).error().code, Code::kExhausted);
  EXPECT_EQ(loop.run(queue.pop(Ctx{})), 1);
  EXPECT_EQ(loop.run(queue.pop(Ctx{})), 2);
  EXPECT_EQ(loop.run(queue.pop(Ctx{}.within(1ms))).error().code, Code::kTimeout);
}

TEST(BoundedQueue, PopWaitsForPush) {
  Loop loop;
  Queue<std::unique_ptr<int>> queue(1);
  loop.post([&] { (void)queue.push(std::make_unique<int>(7)); });
  auto item = loop.run(queue.pop(Ctx{}));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(**item, 7);
}

TEST(BoundedQueue, CloseLetsTheRestOutThenEnds) {
  Loop loop;
  Queue<int> queue(2);
  (void)queue.push(1);
  queue.close();
  EXPECT_EQ(queue.push(2).error().code, Code::kCancelled);
  EXPECT_EQ(loop.run(queue.pop(Ctx{})), 1);
  EXPECT_EQ(loop.run(queue.pop(Ctx{})).error().code, Code::kCancelled);
}

Task<void> hold(Semaphore& semaphore, Ctx ctx, int id, std::vector<int>& order, Signal& release) {
  auto permit = co_await semaphore.acquire(ctx);
  order.push_back(permit ? id : -id);
  if (permit) (void)co_await release.wait(Ctx{});
}

TEST(Permits, GoToTheFirstInLineAndNotToWhoComesLater) {
  Loop loop;
  Semaphore semaphore(1);
  Signal release;
  std::vector<int> order;
  Gate gate(loop);
  std::stop_source stop;
  gate.spawn("1", hold(semaphore, Ctx{}, 1, order, release));
  gate.spawn("2", hold(semaphore, Ctx{}.with_stop(stop.get_token()), 2, order, release));
  gate.spawn("3", hold(semaphore, Ctx{}, 3, order, release));
  loop.run(settle());
  stop.request_stop();  // 2 gives up; its place goes to 3
  loop.run(settle());
  release.notify_one();
  gate.spawn("4", hold(semaphore, Ctx{}, 4, order, release));
  loop.run(settle());
  EXPECT_EQ(order, (std::vector<int>{1, -2, 3}));
  release.notify_one();
  loop.run(settle());
  release.notify_one();
  loop.run(gate.close());
  EXPECT_EQ(order, (std::vector<int>{1, -2, 3, 4}));
  EXPECT_EQ(semaphore.free(), 1u);
}

TEST(Permits, PermitTakenInTheTurnOfItsCancelIsNotLost) {
  Loop loop;
  Semaphore semaphore(1);
  Signal release;
  std::vector<int> order;
  Gate gate(loop);
  std::stop_source stop;
  auto held = loop.run(semaphore.acquire(Ctx{}));
  ASSERT_TRUE(held.has_value());
  gate.spawn("1", hold(semaphore, Ctx{}.with_stop(stop.get_token()), 1, order, release));
  loop.run(settle());
  held->release();
  stop.request_stop();
  loop.run(settle());
  release.notify_all();
  loop.run(gate.close());
  EXPECT_EQ(order, std::vector<int>{1});
  EXPECT_EQ(semaphore.free(), 1u);
}

TEST(Permits, MoveKeepsOneOwner) {
  Loop loop;
  Semaphore semaphore(2);
  auto a = loop.run(semaphore.acquire(Ctx{}));
  auto b = loop.run(semaphore.acquire(Ctx{}));
  EXPECT_EQ(semaphore.free(), 0u);
  *a = std::move(*b);
  EXPECT_EQ(semaphore.free(), 1u);
  a->release();
  a->release();
  EXPECT_EQ(semaphore.free(), 2u);
}

}  // namespace
}  // namespace skep
