#include "skep/schedule/due.h"

#include <gtest/gtest.h>

namespace skep::schedule {
namespace {

using namespace std::chrono_literals;

WallTime at(std::string_view text) { return parse_rfc3339(text).value_or(WallTime{}); }
const WallTime kStart = at("2026-06-01T12:00:00Z");

When when(const char* text) {
  auto parsed = When::parse(text, "UTC", kStart);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : When();
}
using Runs = std::vector<WallTime>;

TEST(Due, RunsATimeThatHasComeAndSaysTheNext) {
  EXPECT_EQ(due(when("every 10s"), kStart + 10s, kStart + 10s, kStart, Missed::kSkip),
            (Due{.runs = {kStart + 10s}, .next = kStart + 20s}));
  EXPECT_EQ(due(when("every 10s"), kStart + 10s, kStart + 9s, kStart, Missed::kSkip),
            (Due{.next = kStart + 10s}));
}

TEST(Due, RunsTheNewestWhenTheProcessWasSlow) {
  EXPECT_EQ(due(when("every 10s"), kStart + 10s, kStart + 35s, kStart, Missed::kAll),
            (Due{.runs = {kStart + 30s}, .dropped = 2, .next = kStart + 40s}));
}

TEST(Due, MakesUpForWhatWasMissedAsTheJobSays) {
  const When every = when("every 10s");
  const WallTime now = kStart + 55s, alive = kStart + 52s;  // 10 to 50 are missed
  EXPECT_EQ(due(every, kStart + 10s, now, alive, Missed::kSkip),
            (Due{.dropped = 5, .next = kStart + 60s}));
  EXPECT_EQ(due(every, kStart + 10s, now, alive, Missed::kOnce),
            (Due{.runs = {kStart + 50s}, .dropped = 4, .next = kStart + 60s}));
  EXPECT_EQ(due(every, kStart + 10s, now, alive, Missed::kAll),
            (Due{.runs = {kStart + 10s, kStart + 20s, kStart + 30s, kStart + 40s, kStart + 50s},
                 .next = kStart + 60s}));
  // One that has come since then counts as the one.
  EXPECT_EQ(due(every, kStart + 10s, now, kStart + 45s, Missed::kOnce),
            (Due{.runs = {kStart + 50s}, .dropped = 4, .next = kStart + 60s}));
}

TEST(Due, MakesUpForAtMostTen) {
  const Due many =
      due(when("every 1s"), kStart + 1s, kStart + 24h + 500ms, kStart + 24h + 200ms, Missed::kAll);
  EXPECT_LE(many.runs.size(), missed_max);
  EXPECT_EQ(many.runs.back(), kStart + 24h);
  EXPECT_EQ(many.runs.size() + many.dropped, 86'400U);
  const Due cron =
      due(when("* * * * *"), kStart + 1min, kStart + 48h + 30s, kStart + 48h + 30s, Missed::kAll);
  EXPECT_EQ(cron.runs.size(), missed_max);
  EXPECT_EQ(cron.runs.size() + cron.dropped, 2880U);
}

TEST(Due, RunsAPastAtOnceAndNeverAgain) {
  EXPECT_EQ(
      due(when("at 2026-06-01T12:00:05Z"), kStart + 5s, kStart + 1h, kStart + 1h, Missed::kOnce),
      (Due{.runs = {kStart + 5s}, .next = std::nullopt}));
  EXPECT_EQ(
      due(when("at 2026-06-01T12:00:05Z"), kStart + 5s, kStart + 1h, kStart + 1h, Missed::kSkip),
      (Due{.dropped = 1, .next = std::nullopt}));
}

TEST(Due, LooksBackNoMoreThanAMonth) {
  const Due year =
      due(when("0 9 * * *"), kStart + 21h, kStart + 24h * 365, kStart + 24h * 365, Missed::kAll);
  EXPECT_EQ(year.runs.size(), missed_max);
  EXPECT_GT(year.next, kStart + 24h * 365);
}

}  // namespace
}  // namespace skep::schedule
