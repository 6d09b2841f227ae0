#include "skep/base/clock.h"

#include <gtest/gtest.h>

namespace skep {
namespace {

WallTime at(std::int64_t millis) { return WallTime(Millis(millis)); }

TEST(Rfc3339, ReadsWhatTheRfcAllows) {
  struct Row {
    const char* text;
    std::int64_t millis;
  };
  for (const Row& row : {Row{"1970-01-01T00:00:00Z", 0},
                         {"2026-03-02T08:00:00Z", 1'772'438'400'000},
                         {"2026-03-02t08:00:00z", 1'772'438'400'000},
                         {"2026-03-02T08:00:00.5Z", 1'772'438'400'500},
                         {"2026-03-02T08:00:00.1239999Z", 1'772'438'400'123},
                         {"2026-03-02T09:30:00+01:30", 1'772'438'400'000},
                         {"2026-03-02T00:00:00-08:00", 1'772'438'400'000},
                         {"2024-02-29T00:00:00Z", 1'709'164'800'000},
                         {"2016-12-31T23:59:60Z", 1'483'228'800'000},
                         {"1969-12-31T23:59:59.999Z", -1}}) {
    EXPECT_EQ(parse_rfc3339(row.text), at(row.millis)) << row.text;
  }
}

TEST(Rfc3339, RejectsEverythingElse) {
  for (const char* bad : {"",
                          "2026",
                          "2026-03-02",
                          "2026-03-02T08:00:00",
                          "2026-03-02 08:00:00Z",
                          "2026-13-02T08:00:00Z",
                          "2026-02-29T08:00:00Z",
                          "2026-03-00T08:00:00Z",
                          "2026-03-02T24:00:00Z",
                          "2026-03-02T08:60:00Z",
                          "2026-03-02T08:00:61Z",
                          "2026-03-02T08:00:00.Z",
                          "2026-03-02T08:00:00+1:00",
                          "2026-03-02T08:00:00+24:00",
                          "2026-03-02T08:00:00+01:60",
                          "2026-03-02T08:00:00Zx",
                          "26-03-02T08:00:00Z",
                          "-026-03-02T08:00:00Z",
                          "2026-03-02T08:00:00 Z",
                          "2026-3-2T08:00:00Z"}) {
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
  }
}

TEST(Rfc3339, EveryPrefixOfATimeIsRefused) {
  std::string whole = "2026-03-02T08:00:00.123+01:00";
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_FALSE(parse_rfc3339(whole.substr(0, n)).has_value()) << n;
  EXPECT_TRUE(parse_rfc3339(whole).has_value());
}

TEST(Rfc3339, WritesMillisecondsOnlyWhenAskedAndPresent) {
  EXPECT_EQ(format_rfc3339(at(1'772'438'400'000)), "2026-03-02T08:00:00Z");
  EXPECT_EQ(format_rfc3339(at(1'772'438'400'007)), "2026-03-02T08:00:00Z");
  EXPECT_EQ(format_rfc3339(at(1'772'438'400'007), true), "2026-03-02T08:00:00.007Z");
  EXPECT_EQ(format_rfc3339(at(1'772'438'400'000), true), "2026-03-02T08:00:00Z");
  EXPECT_EQ(format_rfc3339(at(-1), true), "1969-12-31T23:59:59.999Z");
}

TEST(Times, ForArchivesAndPeople) {
  EXPECT_EQ(format_archive_stamp(at(1'772'438'400'000)), "20260302-080000");
  EXPECT_EQ(format_for_people(at(1'772'438'400'000)), "Monday, 2 March 2026, 08:00 UTC");
}

TEST(SystemClock, RunsAfterThisWasWritten) {
  EXPECT_GT(Clock::system().now(), at(1'700'000'000'000));
}

}  // namespace
}  // namespace skep
