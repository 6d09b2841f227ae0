#include "skep/schedule/cron.h"

#include <gtest/gtest.h>

namespace skep::schedule {
namespace {

WallTime at(std::string_view text) {
  const auto time = parse_rfc3339(text);
  EXPECT_TRUE(time) << text;
  return time.value_or(WallTime{});
}

// The next `count` times after `after`, as they are kept: UTC.
std::vector<std::string> times(std::string_view cron, const std::string& zone, WallTime after,
                               std::size_t count) {
  std::vector<std::string> out;
  const auto parsed = Cron::parse(cron);
  const auto there = TimeZone::load(zone);
  EXPECT_TRUE(parsed) << cron << ": " << (parsed ? "" : parsed.error().message);
  if (!parsed || !there) return out;
  while (out.size() < count) {
    const auto next = parsed->next(after, *there);
    if (!next) break;
    after = *next;
    out.push_back(format_rfc3339(after));
  }
  return out;
}
using Times = std::vector<std::string>;

TEST(Cron, RunsOnWorkdaysByTheClockOfItsPlaceAcrossTheChangeOfClocks) {
  EXPECT_EQ(times("0 9 * * 1-5", "Europe/Paris", at("2026-03-26T12:00:00Z"), 4),
            (Times{"2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z", "2026-03-31T07:00:00Z",
                   "2026-04-01T07:00:00Z"}));
  EXPECT_EQ(times("0 9 * * mon-fri", "Europe/Paris", at("2026-10-23T07:00:00Z"), 2),
            (Times{"2026-10-26T08:00:00Z", "2026-10-27T08:00:00Z"}));
}

TEST(Cron, CountsWeekdaysAsCronDoes) {
  const WallTime thursday = at("2026-01-01T00:00:00Z");
  EXPECT_EQ(times("0 0 * * 0", "UTC", thursday, 1), Times{"2026-01-04T00:00:00Z"});
  EXPECT_EQ(times("0 0 * * 7", "UTC", thursday, 1), Times{"2026-01-04T00:00:00Z"});
  EXPECT_EQ(times("0 0 * * Sun", "UTC", thursday, 1), Times{"2026-01-04T00:00:00Z"});
  EXPECT_EQ(times("0 0 * * 1", "UTC", thursday, 1), Times{"2026-01-05T00:00:00Z"});
  EXPECT_EQ(times("0 0 * * fri-sun", "UTC", thursday, 3),
            (Times{"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"}));
}

TEST(Cron, TakesEitherOfDayAndWeekdayWhenBothAreRestricted) {
  EXPECT_EQ(times("0 0 13 * 5", "UTC", at("2026-02-01T00:00:00Z"), 3),
            (Times{"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"}));
  EXPECT_EQ(times("0 0 */10 * *", "UTC", at("2026-02-01T00:00:00Z"), 2),
            (Times{"2026-02-11T00:00:00Z", "2026-02-21T00:00:00Z"}));
}

TEST(Cron, KnowsListsStepsNamesAndNicknames) {
  const WallTime start = at("2026-01-01T00:00:00Z");
  EXPECT_EQ(times("5,35 */12 * jan *", "UTC", start, 3),
            (Times{"2026-01-01T00:05:00Z", "2026-01-01T00:35:00Z", "2026-01-01T12:05:00Z"}));
  EXPECT_EQ(times("10-20/5 8 * * *", "UTC", start, 3),
            (Times{"2026-01-01T08:10:00Z", "2026-01-01T08:15:00Z", "2026-01-01T08:20:00Z"}));
  EXPECT_EQ(times("50/5 8 * * *", "UTC", start, 2),
            (Times{"2026-01-01T08:50:00Z", "2026-01-01T08:55:00Z"}));
  EXPECT_EQ(times("@hourly", "UTC", start, 1), Times{"2026-01-01T01:00:00Z"});
  EXPECT_EQ(times("@Daily", "UTC", start, 1), Times{"2026-01-02T00:00:00Z"});
  EXPECT_EQ(times("@midnight", "UTC", start, 1), Times{"2026-01-02T00:00:00Z"});
  EXPECT_EQ(times("@weekly", "UTC", start, 1), Times{"2026-01-04T00:00:00Z"});
  EXPECT_EQ(times("@monthly", "UTC", start, 1), Times{"2026-02-01T00:00:00Z"});
  EXPECT_EQ(times("@yearly", "UTC", start, 1), Times{"2027-01-01T00:00:00Z"});
  EXPECT_EQ(times("0 0 29 2 *", "UTC", start, 2),
            (Times{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}));
  EXPECT_EQ(times("0 0 29 2 *", "UTC", at("2096-03-01T00:00:00Z"), 1),
            Times{"2104-02-29T00:00:00Z"});
}

TEST(Cron, RunsASkippedTimeOnceAndATimeThatComesTwiceOnce) {
  EXPECT_EQ(times("30 2 * * *", "Europe/Paris", at("2026-03-28T00:00:00Z"), 3),
            (Times{"2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}));
  EXPECT_EQ(times("30 2 * * *", "Europe/Paris", at("2026-10-24T12:00:00Z"), 2),
            (Times{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}));
  // Half an hour's change, at midnight of a place that has it in the evening of ours.
  EXPECT_EQ(times("15 2 * * *", "Australia/Lord_Howe", at("2026-10-03T12:00:00Z"), 1),
            Times{"2026-10-03T15:45:00Z"});
}

TEST(Cron, FollowsTheTimeThatPassesWhenItRunsEveryHour) {
  EXPECT_EQ(times("30 * * * *", "Europe/Paris", at("2026-03-28T23:45:00Z"), 3),
            (Times{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"}));
  EXPECT_EQ(times("30 * * * *", "Europe/Paris", at("2026-10-24T23:45:00Z"), 4),
            (Times{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z",
                   "2026-10-25T03:30:00Z"}));
  EXPECT_EQ(times("*/30 * * * *", "Europe/Paris", at("2026-10-25T00:00:00Z"), 3),
            (Times{"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"}));
}

TEST(Cron, NeverGoesBack) {
  for (const char* zone : {"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC"}) {
    for (const char* text : {"*/7 * * * *", "*/20 1-3 * * *", "30 2,3 * * *"}) {
      const auto cron = Cron::parse(text);
      const auto there = TimeZone::load(zone);
      ASSERT_TRUE(cron && there);
      WallTime time = at("2026-03-20T00:00:00Z");
      while (time < at("2026-04-06T00:00:00Z")) {
        const auto next = cron->next(time, *there);
        ASSERT_TRUE(next);
        ASSERT_GT(*next, time) << zone << " " << text;
        ASSERT_LE(*next - time, std::chrono::hours(26)) << zone << " " << text;
        time = *next;
      }
    }
  }
}

TEST(Cron, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> kBad[] = {
      {"", "five fields"},
      {"* * * *", "five fields"},
      {"0 9 * * 1-5 2026", "five fields"},
      {"60 * * * *", "the minute"},
      {"* 24 * * *", "the hour"},
      {"* * 0 * *", "the day"},
      {"* * 32 * *", "the day"},
      {"* * * 13 *", "the month"},
      {"* * * * 8", "the weekday"},
      {"* * * * MO", "the weekday"},
      {"5-1 * * * *", "backwards"},
      {"*/0 * * * *", "from 1"},
      {"1,,2 * * * *", "empty"},
      {", * * * *", "empty"},
      {"1- * * * *", "expected a number"},
      {"-1 * * * *", "expected a number"},
      {"* * L * *", "expected a number"},
      {"0 0 30 2 *", "no month"},
      {"0 0 31 feb,apr *", "no month"},
      {"@reboot", "@hourly"},
      {"run it at nine sharp", "the minute"},
  };
  for (const auto& [text, words] : kBad) {
    const auto cron = Cron::parse(text);
    ASSERT_FALSE(cron) << text;
    EXPECT_EQ(cron.error().code, Code::kInvalid) << text;
    EXPECT_TRUE(cron.error().message.contains(words)) << text << ": " << cron.error().message;
  }
  EXPECT_FALSE(Cron::parse(std::string(300, ' ') + "* * * * " + std::string(300, '1')));
}

}  // namespace
}  // namespace skep::schedule
