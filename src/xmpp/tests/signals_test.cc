#include "skep/xmpp/signals.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

std::string text(SignalKind kind, std::string_view xml) {
  return signal_text(kind, parse_element(xml).value());
}

TEST(Signals, ReadAsAPersonWouldSayThem) {
  EXPECT_EQ(text(SignalKind::kMood,
                 "<mood xmlns='http://jabber.org/protocol/mood'><in_love/><text>the sun\n"
                 "is out</text></mood>"),
            "in love (the sun is out)");
  EXPECT_EQ(text(SignalKind::kActivity,
                 "<activity xmlns='http://jabber.org/protocol/activity'><working><coding/>"
                 "</working></activity>"),
            "working, coding");
  EXPECT_EQ(text(SignalKind::kTune,
                 "<tune xmlns='http://jabber.org/protocol/tune'><artist>Yes</artist><title>"
                 "Heart of the Sunrise</title></tune>"),
            "Heart of the Sunrise by Yes");
  EXPECT_EQ(text(SignalKind::kLocation,
                 "<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>52.5</lat><locality>"
                 "Berlin</locality><country>Germany</country></geoloc>"),
            "Berlin, Germany");
}

TEST(Signals, SayNothingWhenThereIsNothing) {
  EXPECT_EQ(text(SignalKind::kMood, "<mood xmlns='http://jabber.org/protocol/mood'/>"), "");
  EXPECT_EQ(text(SignalKind::kMood, "<mood xmlns='other'><happy/></mood>"), "");
  EXPECT_EQ(text(SignalKind::kTune, "<tune xmlns='http://jabber.org/protocol/tune'/>"), "");
}

TEST(Signals, AreBounded) {
  EXPECT_LE(text(SignalKind::kMood, "<mood xmlns='http://jabber.org/protocol/mood'><happy/><text>" +
                                        std::string(100'000, 'x') + "</text></mood>")
                .size(),
            kSignalBytesMax);
  EXPECT_EQ(text(SignalKind::kMood, "<mood xmlns='http://jabber.org/protocol/mood'><" +
                                        std::string(500, 'x') + "/></mood>"),
            "");
}

TEST(Signals, NodesAndKindsAreOnePair) {
  for (const SignalKind kind :
       {SignalKind::kMood, SignalKind::kActivity, SignalKind::kTune, SignalKind::kLocation})
    EXPECT_EQ(signal_of(namespace_of(kind)), kind);
  EXPECT_FALSE(signal_of("urn:other"));
}

}  // namespace
}  // namespace skep::xmpp
