#include "skep/schedule/when.h"

#include <gtest/gtest.h>

namespace skep::schedule {
namespace {

using namespace std::chrono_literals;

WallTime at(std::string_view text) { return parse_rfc3339(text).value_or(WallTime{}); }
const WallTime kNow = at("2026-06-01T12:00:00Z");

TEST(When, ReadsIntervalsAndKeepsTheirBeat) {
  const auto when = When::parse("every 10s", "UTC", kNow);
  ASSERT_TRUE(when) << when.error().message;
  EXPECT_EQ(when->first(kNow), kNow + 10s);
  EXPECT_EQ(when->next(kNow + 10s), kNow + 20s);
  EXPECT_EQ(when->next(kNow + 12'345ms), kNow + 20s);
  EXPECT_EQ(when->next(kNow - 1h), kNow + 10s);
  const std::pair<const char*, const char*> kTexts[] = {
      {"every 90s", "every 90s"},      {"every 60 seconds", "every 1m"},
      {"Every 2 h", "every 2h"},       {"every 1h 30m", "every 90m"},
      {"every day", "every 1d"},       {"every 1d12h", "every 36h"},
      {"every  5 minutes", "every 5m"}};
  for (const auto& [text, shown] : kTexts) {
    const auto parsed = When::parse(text, "UTC", kNow);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->text(), shown) << text;
    EXPECT_EQ(When::parse(parsed->text(), "UTC", kNow), parsed) << text;
  }
}

TEST(When, ReadsOneTimeWithAndWithoutAnOffset) {
  const auto exact = When::parse("at 2026-12-24T18:00:00+01:00", "UTC", kNow);
  ASSERT_TRUE(exact);
  EXPECT_TRUE(exact->once());
  EXPECT_EQ(exact->first(kNow), at("2026-12-24T17:00:00Z"));
  EXPECT_EQ(exact->next(at("2026-12-24T17:00:00Z")), std::nullopt);
  const auto local = When::parse("at 2026-07-24 18:00", "Europe/Paris", kNow);
  ASSERT_TRUE(local);
  EXPECT_EQ(local->first(kNow), at("2026-07-24T16:00:00Z"));
  const auto relative = When::parse("in 10m", "UTC", kNow);
  ASSERT_TRUE(relative);
  EXPECT_EQ(relative->first(kNow), kNow + 10min);
  const auto past = When::parse("at 2020-01-01T00:00:00Z", "UTC", kNow);
  ASSERT_TRUE(past);
  EXPECT_EQ(past->first(kNow), at("2020-01-01T00:00:00Z"));  // due at once
}

TEST(When, RefusesWhatItDoesNotUnderstand) {
  for (const char* text :
       {"", "  ", "every", "every 0s", "every -5m", "every 10", "every 10 parsecs", "every 400d",
        "every 99999999999999999999s", "at", "at noon", "at 2026-13-01T00:00:00Z",
        "at 2028-01-01T00:00:00Z", "in 500d", "tomorrow", "9 am", "0 9 * *"})
    EXPECT_FALSE(When::parse(text, "UTC", kNow)) << text;
  EXPECT_FALSE(When::parse("at 2027-03-28 02:30", "Europe/Paris", kNow));  // clocks skip it
  EXPECT_FALSE(When::parse("every 10s", "Europe/Atlantis", kNow));
}

TEST(QuietHours, AreOfThePlaceAndMayPassMidnight) {
  const auto night = QuietHours::parse("22:00-06:30", "Europe/Paris");
  ASSERT_TRUE(night);
  EXPECT_TRUE(night->at(at("2026-06-01T20:00:00Z")));
  EXPECT_TRUE(night->at(at("2026-06-02T04:29:59Z")));
  EXPECT_FALSE(night->at(at("2026-06-02T04:30:00Z")));
  EXPECT_FALSE(night->at(at("2026-06-01T19:59:59Z")));
  EXPECT_EQ(night->end(at("2026-06-01T20:10:10Z")), at("2026-06-02T04:30:00Z"));
  const auto noon = QuietHours::parse("12:00 - 13:00", "UTC");
  ASSERT_TRUE(noon);
  EXPECT_TRUE(noon->at(at("2026-06-01T12:59:00Z")));
  EXPECT_FALSE(noon->at(at("2026-06-01T13:00:00Z")));
  for (const char* text : {"", "22-6", "22:00", "24:00-06:00", "22:00-22:00", "aa:bb-cc:dd"})
    EXPECT_FALSE(QuietHours::parse(text, "UTC")) << text;
}

}  // namespace
}  // namespace skep::schedule
