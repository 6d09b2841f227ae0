#include "../src/availability.h"

#include <gtest/gtest.h>

#include "skep/channels/presence_config.h"

namespace skep::channels {
namespace {

using xmpp::Jid;

Jid jid(std::string_view text) { return Jid::parse(text).value(); }
xmpp::Element presence(std::string_view xml) {
  return xmpp::parse_element(xml, xmpp::kNsClient).value();
}

TEST(Availability, KnowsWhoReadsAndWhoWantsToBeSpokenTo) {
  Availability who;
  const WallTime now{};
  EXPECT_TRUE(who.note(jid("ann@ex/a"), presence("<presence/>"), now).came_online);
  EXPECT_FALSE(who.note(jid("ann@ex/b"), presence("<presence/>"), now).came_online);
  EXPECT_TRUE(who.free_to_talk(jid("ann@ex")));
  who.note(jid("bob@ex/a"), presence("<presence><priority>-1</priority></presence>"), now);
  EXPECT_FALSE(who.online(jid("bob@ex"))) << "a negative priority refuses messages";
  who.note(jid("bob@ex/b"), presence("<presence><show>xa</show></presence>"), now);
  EXPECT_TRUE(who.online(jid("bob@ex")));
  EXPECT_FALSE(who.free_to_talk(jid("bob@ex")));
  who.note(jid("ann@ex"), presence("<presence type='unavailable'/>"), now);
  EXPECT_FALSE(who.online(jid("ann@ex"))) << "the server speaks for all resources";
  const auto back =
      who.note(jid("ann@ex/a"), presence("<presence/>"), now + std::chrono::minutes(5));
  EXPECT_TRUE(back.came_online);
  EXPECT_EQ(back.was_away, std::chrono::minutes(5));
}

TEST(QuietHours, GoOverMidnight) {
  const QuietHours night = QuietHours::parse("22:00-07:00").value();
  EXPECT_TRUE(night.holds(23 * 60));
  EXPECT_TRUE(night.holds(6 * 60 + 59));
  EXPECT_FALSE(night.holds(7 * 60));
  EXPECT_FALSE(QuietHours::parse("12:00-13:00").value().holds(13 * 60));
  for (const char* bad : {"", "22-07", "22:00", "25:00-01:00", "22:61-07:00", "a:bc-07:00"})
    EXPECT_FALSE(QuietHours::parse(bad)) << bad;
}

}  // namespace
}  // namespace skep::channels
