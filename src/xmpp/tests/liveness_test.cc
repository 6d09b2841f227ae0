#include "liveness.h"

#include <gtest/gtest.h>

#include "backoff.h"

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart = SteadyTime() + 1000s;
const Liveness::Times kTimes{.ping_interval = 60s, .read_timeout = 300s, .ping_timeout = 20s};

Pulse pulse(std::chrono::seconds now, std::chrono::seconds read, std::chrono::seconds written,
            std::chrono::seconds slept = 0s) {
  return {.now = kStart + now,
          .slept = slept,
          .last_read = kStart + read,
          .last_write = kStart + written};
}

TEST(Liveness, WritesASpaceWhenIdle) {
  Liveness liveness(kTimes, 0s);
  EXPECT_EQ(liveness.beat(pulse(59s, 0s, 0s)), Beat::kNothing);
  EXPECT_EQ(liveness.beat(pulse(60s, 0s, 0s)), Beat::kSpace);
  EXPECT_EQ(liveness.beat(pulse(61s, 0s, 60s)), Beat::kNothing);
}

TEST(Liveness, AsksAfterSilenceAndDeclaresTheLinkDead) {
  Liveness liveness(kTimes, 0s);
  EXPECT_EQ(liveness.beat(pulse(300s, 0s, 290s)), Beat::kPing);
  EXPECT_EQ(liveness.beat(pulse(319s, 0s, 300s)), Beat::kNothing);
  EXPECT_EQ(liveness.beat(pulse(320s, 0s, 300s)), Beat::kDead);
}

TEST(Liveness, AnyByteIsLife) {
  Liveness liveness(kTimes, 0s);
  EXPECT_EQ(liveness.beat(pulse(300s, 0s, 290s)), Beat::kPing);
  EXPECT_EQ(liveness.beat(pulse(325s, 310s, 320s)), Beat::kNothing);
  EXPECT_EQ(liveness.beat(pulse(610s, 310s, 600s)), Beat::kPing);
}

TEST(Liveness, AsksAtOnceAfterTheMachineWokeUp) {
  Liveness liveness(kTimes, 5s);
  EXPECT_EQ(liveness.beat(pulse(10s, 9s, 9s, 5s)), Beat::kNothing);
  EXPECT_EQ(liveness.beat(pulse(11s, 9s, 9s, 3605s)), Beat::kPing);
  EXPECT_EQ(liveness.beat(pulse(12s, 9s, 11s, 3605s)), Beat::kNothing);
  EXPECT_EQ(liveness.beat(pulse(31s, 9s, 11s, 3605s)), Beat::kDead);
}

TEST(Liveness, LooksAgainInTime) {
  Liveness liveness(kTimes, 0s);
  EXPECT_EQ(liveness.wait(pulse(0s, 0s, 0s)), 5s) << "timers stand still while the machine sleeps";
  EXPECT_EQ(liveness.wait(pulse(58s, 0s, 0s)), 2s);
  EXPECT_EQ(liveness.wait(pulse(70s, 0s, 0s)), 1ms);
}

TEST(Liveness, TheMachineHasNotSleptLessThanNothing) { EXPECT_GE(time_suspended(), -1ms); }

TEST(Backoff, DoublesItsBoundWithFullJitter) {
  XmppConfig config;
  Backoff most(config, [](std::uint64_t max) { return max; });
  std::vector<std::chrono::milliseconds> bounds;
  for (int i = 0; i < 7; ++i) bounds.push_back(most.next(Retry::kNormally));
  EXPECT_EQ(bounds, (std::vector<std::chrono::milliseconds>{2s, 4s, 8s, 16s, 32s, 60s, 60s}));
  Backoff least(config, [](std::uint64_t) { return 0; });
  EXPECT_EQ(least.next(Retry::kNormally), 0s);
}

TEST(Backoff, SlowsDownAfterTenFailuresAndWhereToldTo) {
  XmppConfig config;
  Backoff backoff(config, [](std::uint64_t max) { return max / 2; });
  EXPECT_EQ(backoff.next(Retry::kSlowly), 90s);
  for (int i = 0; i < 9; ++i) backoff.next(Retry::kNormally);
  EXPECT_EQ(backoff.failures(), 10);
  EXPECT_EQ(backoff.next(Retry::kNormally), 90s);
  backoff.reset();
  EXPECT_EQ(backoff.next(Retry::kNormally), 1s);
}

TEST(Backoff, SessionsThatStoodAndBrokeAreNoServerThatIsGone) {
  XmppConfig config;
  Backoff backoff(config, [](std::uint64_t max) { return max; });
  for (int i = 0; i < 100; ++i) {
    backoff.stood();
    EXPECT_LE(backoff.next(Retry::kNormally), config.reconnect_max);
  }
  EXPECT_EQ(backoff.failures(), 100);
}

}  // namespace
}  // namespace skep::xmpp
