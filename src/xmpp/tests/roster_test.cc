#include "skep/xmpp/roster.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

Element stanza(std::string_view xml) { return parse_element(xml, kNsClient).value(); }
Jid jid(std::string_view text) { return Jid::parse(text).value(); }
std::string lines(const std::vector<Element>& stanzas) {
  std::string out;
  for (const auto& s : stanzas) out += to_xml(s, kNsClient) + "\n";
  return out;
}

Roster sample() {
  Roster roster;
  const auto loaded = roster.load(stanza(
      "<iq type='result'><query xmlns='jabber:iq:roster'><item jid='Both@ex.test' name='B' "
      "subscription='both'/>"
      "<item jid='to@ex.test' subscription='to'/><item jid='from@ex.test' subscription='from'/>"
      "<item jid='none@ex.test' subscription='none'/><item jid='asked@ex.test' subscription='none' "
      "ask='subscribe'/>"
      "<item jid='gone@ex.test' subscription='remove'/><item jid='@bad'/></query></iq>"));
  EXPECT_TRUE(loaded);
  return roster;
}

TEST(Roster, LoadsItems) {
  const Roster roster = sample();
  EXPECT_EQ(roster.items().size(), 5u);
  EXPECT_EQ(*roster.find(jid("both@ex.test/phone")),
            (RosterItem{.jid = jid("both@ex.test"), .name = "B", .subscription = "both"}));
  EXPECT_TRUE(roster.find(jid("asked@ex.test"))->asked);
  EXPECT_EQ(roster.find(jid("gone@ex.test")), nullptr);
  Roster empty;
  EXPECT_FALSE(empty.load(stanza("<iq type='result'/>")));
}

TEST(Roster, AsksWhomItNeitherSeesNorHasAsked) {
  const Jid wanted[] = {jid("both@ex.test"), jid("to@ex.test"),    jid("from@ex.test"),
                        jid("none@ex.test"), jid("asked@ex.test"), jid("new@ex.test/x"),
                        jid("new@ex.test"),  jid("bot@ex.test")};
  EXPECT_EQ(sample().to_subscribe(wanted, jid("bot@ex.test/skep")),
            (std::vector{jid("from@ex.test"), jid("none@ex.test"), jid("new@ex.test")}));
}

TEST(Roster, TakesPushesOfItsOwnAccountOnly) {
  Roster roster = sample();
  const Jid own = jid("bot@ex.test/skep");
  const auto push = [&](std::string_view from, std::string_view items) {
    const auto answer = roster.on_push(
        stanza(
            fmt::format("<iq type='set' id='1'{}><query xmlns='jabber:iq:roster'>{}</query></iq>",
                        from, items)),
        own);
    return answer ? std::string(answer->attribute("type")) : "ignored";
  };
  EXPECT_EQ(push(" from='eve@ex.test'", "<item jid='eve@ex.test' subscription='both'/>"),
            "ignored");
  EXPECT_EQ(push(" from='other.test'", "<item jid='eve@ex.test' subscription='both'/>"), "ignored");
  EXPECT_EQ(roster.find(jid("eve@ex.test")), nullptr);
  EXPECT_EQ(push(" from='bot@ex.test'", "<item jid='ann@ex.test' subscription='from'/>"), "result");
  EXPECT_EQ(roster.find(jid("ann@ex.test"))->subscription, "from");
  EXPECT_EQ(push("", "<item jid='ann@ex.test' subscription='remove'/>"), "result");
  EXPECT_EQ(roster.find(jid("ann@ex.test")), nullptr);
  EXPECT_EQ(push("", "<item jid='a@b'/><item jid='c@d'/>"), "error");
  EXPECT_EQ(push("", "<item jid='@'/>"), "error");
}

TEST(Roster, AnswersASubscribeAndAsksBackOnce) {
  const Roster roster = sample();
  const auto answers = [&](std::string_view from, std::string_view type) {
    return lines(roster.answer_subscribe(
        stanza(fmt::format("<presence from='{}' type='{}'/>", from, type))));
  };
  EXPECT_EQ(answers("new@ex.test/x", "subscribe"),
            "<presence to='new@ex.test' type='subscribed'/>\n<presence to='new@ex.test' "
            "type='subscribe'/>\n");
  EXPECT_EQ(answers("to@ex.test", "subscribe"), "<presence to='to@ex.test' type='subscribed'/>\n");
  EXPECT_EQ(answers("asked@ex.test", "subscribe"),
            "<presence to='asked@ex.test' type='subscribed'/>\n");
  EXPECT_EQ(answers("new@ex.test", "unavailable"), "");
}

TEST(ComponentPresence, AnswersForItself) {
  Element available = make_presence({}, {}, "");
  available.add(Element("status", std::string(kNsClient)).text("ready"));
  using Subscriber = PresenceReply::Subscriber;
  const auto reply = [&](std::string_view type) {
    return answer_presence(
        stanza(fmt::format("<presence from='ann@ex.test/a' to='bee@bot.ex.test'{}/>", type)),
        available);
  };
  EXPECT_EQ(
      lines(reply(" type='probe'").stanzas),
      "<presence from='bee@bot.ex.test' to='ann@ex.test/a'><status>ready</status></presence>\n");
  const auto subscribed = reply(" type='subscribe'");
  EXPECT_EQ(
      lines(subscribed.stanzas),
      "<presence from='bee@bot.ex.test' to='ann@ex.test' type='subscribed'/>\n"
      "<presence from='bee@bot.ex.test' to='ann@ex.test'><status>ready</status></presence>\n");
  EXPECT_EQ(subscribed.subscriber, Subscriber::kAdded);
  EXPECT_EQ(lines(reply(" type='unsubscribe'").stanzas),
            "<presence from='bee@bot.ex.test' to='ann@ex.test' type='unsubscribed'/>\n");
  EXPECT_EQ(reply(" type='unsubscribe'").subscriber, Subscriber::kRemoved);
  for (const std::string_view type :
       {"", " type='unavailable'", " type='error'", " type='subscribed'", " type='odd'"}) {
    EXPECT_TRUE(reply(type).stanzas.empty()) << type;
  }
  EXPECT_TRUE(answer_presence(stanza("<presence type='probe' to='bot.ex.test'/>"), available)
                  .stanzas.empty());
}

}  // namespace
}  // namespace skep::xmpp
