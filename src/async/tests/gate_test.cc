#include "skep/async/gate.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "skep/async/wait.h"

namespace skep {
namespace {

using namespace std::chrono_literals;

Task<void> until_stopped(Ctx ctx, std::vector<Code>& ends) {
  auto result = co_await sleep_for(ctx, 1h);
  ends.push_back(result.error().code);
}
Task<void> count(int& ran) {
  ++ran;
  co_return;
}
Task<void> settle() {
  for (int i = 0; i < 20; ++i) co_await yield();
}

TEST(Gates, CloseStopsAndAwaitsEverything) {
  Loop loop;
  Gate gate(loop);
  std::vector<Code> ends;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(gate.spawn("sleeper", until_stopped(gate.ctx(), ends)));
  loop.run(settle());
  EXPECT_EQ(gate.running(), 3u);
  loop.run(gate.close());
  EXPECT_EQ(gate.running(), 0u);
  EXPECT_EQ(ends, std::vector<Code>(3, Code::kCancelled));
}

TEST(Gates, SpawnNeverRunsTheTaskInsideItsCaller) {
  Loop loop;
  Gate gate(loop);
  int ran = 0;
  int seen_by_caller = -1;
  loop.post([&] {
    gate.spawn("count", count(ran));
    seen_by_caller = ran;
  });
  loop.run(settle());
  EXPECT_EQ(seen_by_caller, 0);
  EXPECT_EQ(ran, 1);
}

TEST(Gates, AfterCloseTasksAreDroppedUnrun) {
  Loop loop;
  Gate gate(loop);
  loop.run(gate.close());
  int ran = 0;
  EXPECT_FALSE(gate.spawn("late", count(ran)));
  loop.run(settle());
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(gate.ctx().check().error().code, Code::kCancelled);
}

TEST(Gates, TaskSpawnedByATaskIsAwaitedToo) {
  Loop loop;
  Gate gate(loop);
  int ran = 0;
  gate.spawn("outer", [](Gate& g, int& n) -> Task<void> {
    co_await yield();
    g.spawn("inner", count(n));
  }(gate, ran));
  loop.run(gate.drain(Ctx{}));
  EXPECT_EQ(ran, 1);
}

TEST(Gates, DrainLetsTasksFinish) {
  Loop loop;
  Gate gate(loop);
  Signal go;
  bool finished = false;
  gate.spawn("worker", [](Signal& s, bool& f, Ctx ctx) -> Task<void> {
    f = (co_await s.wait(ctx)).has_value();
  }(go, finished, gate.ctx()));
  loop.run(settle());
  loop.post([&] { go.notify_all(); });
  loop.run(gate.drain(Ctx{}));
  EXPECT_TRUE(finished);
}

TEST(Gates, DrainStopsThemWhenItsTimeIsOver) {
  Loop loop;
  Gate gate(loop);
  std::vector<Code> ends;
  gate.spawn("sleeper", until_stopped(gate.ctx(), ends));
  loop.run(gate.drain(Ctx{}.within(1ms)));
  EXPECT_EQ(ends, std::vector<Code>{Code::kCancelled});
}

Task<void> throws() {
  co_await yield();
  throw std::runtime_error("our bug");
}

TEST(GatesDeathTest, ExceptionNamesTheTaskAndAborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        Loop loop;
        Gate gate(loop);
        gate.spawn("culprit", throws());
        loop.run(gate.close());
      },
      "exception in culprit: our bug");
}

TEST(GatesDeathTest, DyingWithWorkInsideAborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        Loop loop;
        std::vector<Code> ends;
        Gate gate(loop);
        gate.spawn("sleeper", until_stopped(gate.ctx(), ends));
      },
      "close\\(\\) it first");
}

}  // namespace
}  // namespace skep
