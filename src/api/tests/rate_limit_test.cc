#include "../src/rate_limit.h"

#include <gtest/gtest.h>

namespace skep::api {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{std::chrono::hours(1)};

TEST(RateLimit, SixteenMessagesPassAndTheSeventeenthWaits) {
  RateLimit limit({.per_minute = 500});
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(limit.take("a", false, 30, kStart).pass) << i;
  const auto refused = limit.take("a", false, 30, kStart);
  EXPECT_FALSE(refused.pass);
  EXPECT_EQ(refused.wait, 2s);  // 510 units are 61.2 s of a minute
  // As long as it says, and not much longer; what was refused cost nothing.
  EXPECT_FALSE(limit.take("a", false, 30, kStart + 1199ms).pass);
  EXPECT_TRUE(limit.take("a", false, 30, kStart + 1200ms).pass);
}

TEST(RateLimit, FiveHundredLooksPass) {
  RateLimit limit({.per_minute = 500});
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(limit.take("a", false, 1, kStart).pass) << i;
  EXPECT_EQ(limit.take("a", false, 1, kStart).wait, 1s);
}

TEST(RateLimit, ClientsDoNotPayForEachOther) {
  RateLimit limit({.per_minute = 10, .owner_per_minute = 100});
  EXPECT_TRUE(limit.take("a", false, 10, kStart).pass);
  EXPECT_FALSE(limit.take("a", false, 1, kStart).pass);
  EXPECT_TRUE(limit.take("b", false, 10, kStart).pass);
  EXPECT_TRUE(limit.take("a", true, 100, kStart).pass);
  EXPECT_FALSE(limit.take("b", true, 1, kStart).pass);  // the owner is one, from wherever
}

TEST(RateLimit, NoLimitAndCostsOverTheBurst) {
  RateLimit none({.per_minute = 0});
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(none.take("a", false, 30, kStart).pass);
  RateLimit small({.per_minute = 10});
  EXPECT_TRUE(small.take("a", false, 50, kStart).pass);
  EXPECT_EQ(small.take("a", false, 50, kStart).wait, 60s);
  EXPECT_TRUE(small.take("a", false, 50, kStart + 60s).pass);
}

TEST(RateLimit, HoldsNoMoreClientsThanItMay) {
  RateLimit limit({.per_minute = 60, .clients_max = 100});
  for (int i = 0; i < 100; ++i) limit.take(std::to_string(i), false, 30, kStart);
  EXPECT_EQ(limit.clients(), 100u);
  // Further ones share one purse, so nobody gets more by having many addresses.
  EXPECT_TRUE(limit.take("x", false, 60, kStart).pass);
  EXPECT_FALSE(limit.take("y", false, 60, kStart).pass);
  EXPECT_FALSE(limit.take("1", false, 60, kStart).pass);
  EXPECT_EQ(limit.clients(), 100u);
  // Who has paid makes room.
  EXPECT_TRUE(limit.take("z", false, 60, kStart + 31s).pass);
  EXPECT_EQ(limit.clients(), 1u);
}

TEST(RateLimit, AClientIsAnAddressOrANetwork) {
  EXPECT_EQ(RateLimit::client_of("10.0.0.1:4545"), "10.0.0.1");
  EXPECT_EQ(RateLimit::client_of("[::ffff:10.0.0.1]:4545"), "10.0.0.1");
  EXPECT_EQ(RateLimit::client_of("[2001:db8::1]:1"), RateLimit::client_of("[2001:db8::2]:9"));
  EXPECT_NE(RateLimit::client_of("[2001:db8::1]:1"), RateLimit::client_of("[2001:db8:0:1::1]:1"));
  for (const char* odd : {"", "unix", "evil", ":", "["}) {
    EXPECT_EQ(RateLimit::client_of(odd), "(unknown)") << odd;
  }
}

}  // namespace
}  // namespace skep::api
