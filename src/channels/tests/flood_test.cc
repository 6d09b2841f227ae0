#include "../src/flood.h"

#include <gtest/gtest.h>

namespace skep::channels {
namespace {

using std::chrono::seconds;
constexpr WallTime kStart{Millis(1'000'000)};

std::vector<FloodVerdict> take_many(FloodLimit& limit, int count, WallTime now) {
  std::vector<FloodVerdict> verdicts;
  for (int i = 0; i < count; ++i) verdicts.push_back(limit.take("ann@ex", now));
  return verdicts;
}

TEST(FloodLimit, PassesABurstThenNoticesOnceThenIsSilent) {
  FloodLimit limit(20, 3);
  const std::vector<FloodVerdict> expected{FloodVerdict::kPass,   FloodVerdict::kPass,
                                           FloodVerdict::kPass,   FloodVerdict::kNotice,
                                           FloodVerdict::kSilent, FloodVerdict::kSilent};
  EXPECT_EQ(take_many(limit, 6, kStart), expected);
}

TEST(FloodLimit, HearsASilencedSenderAgainWhenTheBucketIsFull) {
  FloodLimit limit(60, 3);  // one a second
  take_many(limit, 4, kStart);
  EXPECT_EQ(limit.take("ann@ex", kStart + seconds(2)), FloodVerdict::kSilent);
  EXPECT_EQ(limit.take("ann@ex", kStart + seconds(3)), FloodVerdict::kPass);
}

TEST(FloodLimit, NeverStopsASenderAtTheAllowedRate) {
  FloodLimit limit(20, 1);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(limit.take("ann@ex", kStart + seconds(3 * i)), FloodVerdict::kPass) << i;
}

TEST(FloodLimit, KeepsSendersApart) {
  FloodLimit limit(20, 1);
  EXPECT_EQ(limit.take("ann@ex", kStart), FloodVerdict::kPass);
  EXPECT_EQ(limit.take("ann@ex", kStart), FloodVerdict::kNotice);
  EXPECT_EQ(limit.take("bob@ex", kStart), FloodVerdict::kPass);
}

TEST(FloodLimit, SurvivesAClockThatIsSetBack) {
  FloodLimit limit(60, 1);
  EXPECT_EQ(limit.take("ann@ex", kStart), FloodVerdict::kPass);
  EXPECT_EQ(limit.take("ann@ex", kStart - seconds(500)), FloodVerdict::kNotice);
  EXPECT_EQ(limit.take("ann@ex", kStart - seconds(498)), FloodVerdict::kPass);
}

TEST(BoundedMap, ForgetsWhatWasTouchedLongestAgo) {
  BoundedMap<int> map(2);
  map.touch("a") = 1;
  map.touch("b") = 2;
  map.touch("a");
  map.touch("c") = 3;
  EXPECT_EQ(map.size(), 2u);
  EXPECT_EQ(map.find("b"), nullptr);
  ASSERT_NE(map.find("a"), nullptr);
  EXPECT_EQ(*map.find("a"), 1);
}

}  // namespace
}  // namespace skep::channels
