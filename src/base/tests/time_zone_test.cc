#include "skep/base/time_zone.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace skep {
namespace {

using namespace std::chrono;

sys_seconds utc(int y, unsigned m, unsigned d, int h = 0, int min = 0) {
  return sys_days(year(y) / month(m) / day(d)) + hours(h) + minutes(min);
}
local_seconds local(int y, unsigned m, unsigned d, int h = 0, int min = 0) {
  return local_seconds(utc(y, m, d, h, min).time_since_epoch());
}
TimeZone zone(const std::string& name) {
  auto loaded = TimeZone::load(name);
  EXPECT_TRUE(loaded) << name;
  return loaded ? *loaded : TimeZone();
}

TEST(TimeZone, KnowsSummerAndWinter) {
  const TimeZone paris = zone("Europe/Paris");
  EXPECT_EQ(paris.offset_at(utc(2026, 1, 15)), 1h);
  EXPECT_EQ(paris.offset_at(utc(2026, 7, 15)), 2h);
  EXPECT_EQ(paris.offset_at(utc(2026, 3, 29, 0, 59)), 1h);
  EXPECT_EQ(paris.offset_at(utc(2026, 3, 29, 1, 0)), 2h);
  EXPECT_EQ(paris.offset_at(utc(2026, 10, 25, 1, 0)), 1h);
  EXPECT_EQ(zone("Asia/Kolkata").offset_at(utc(2026, 7, 15)), 5h + 30min);
  EXPECT_EQ(zone("America/New_York").offset_at(utc(2026, 7, 15)), -4h);
}

TEST(TimeZone, GoesOnByTheFilesRuleAfterItsLastChange) {
  EXPECT_EQ(zone("Europe/Paris").offset_at(utc(2099, 7, 15)), 2h);
  EXPECT_EQ(zone("Europe/Paris").offset_at(utc(2099, 12, 15)), 1h);
  EXPECT_EQ(zone("Australia/Sydney").offset_at(utc(2099, 1, 15)), 11h);  // summer over New Year
  EXPECT_EQ(zone("Australia/Sydney").offset_at(utc(2099, 7, 15)), 10h);
}

TEST(TimeZone, FindsTheMomentsOfALocalTime) {
  const TimeZone paris = zone("Europe/Paris");
  EXPECT_EQ(paris.moments_of(local(2026, 6, 1, 9)), std::vector{utc(2026, 6, 1, 7)});
  EXPECT_TRUE(paris.moments_of(local(2026, 3, 29, 2, 30)).empty());
  EXPECT_EQ(paris.moments_of(local(2026, 10, 25, 2, 30)),
            (std::vector{utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)}));
  EXPECT_EQ(TimeZone().moments_of(local(2026, 3, 29, 2, 30)), std::vector{utc(2026, 3, 29, 2, 30)});
}

TEST(TimeZone, RefusesWhatTheSystemHasNot) {
  for (const char* name : {"Europe/Atlantis", "../../../etc/passwd", "/etc/localtime", "zone.tab"})
    EXPECT_FALSE(TimeZone::load(name)) << name;
  EXPECT_TRUE(TimeZone::load(""));
}

TEST(TimeZone, RefusesAFileThatIsCut) {
  std::ifstream file("/usr/share/zoneinfo/Europe/Paris", std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const std::string whole = text.str();
  ASSERT_TRUE(TimeZone::from_file(whole, "x"));
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    if (auto zone = TimeZone::from_file(whole.substr(0, length), "x"))
      EXPECT_EQ(zone->offset_at(utc(2026, 7, 15)), 2h) << length;  // only the rule's line is cut
  }
}

}  // namespace
}  // namespace skep
