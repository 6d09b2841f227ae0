#include "skep/xmpp/features.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

class StoppedClock final : public Clock {
 public:
  WallTime now() const override { return *parse_rfc3339("2026-03-02T08:00:10Z"); }
};

const StoppedClock kClock;

Identity identity() {
  return {.name = "Bee",
          .component = true,
          .version = "0.1",
          .started = *parse_rfc3339("2026-03-02T08:00:00Z")};
}

std::string ask(const Features& features, std::string_view xml) {
  const auto answer = features.answer(parse_element(xml, kNsClient).value());
  return answer ? to_xml(*answer, kNsClient) : "nothing";
}

// The query in an iq get from ann, and what stands inside the answer.
std::string get(const Features& features, std::string_view query) {
  const auto text = ask(
      features,
      fmt::format("<iq from='ann@ex.test/a' to='bot.ex.test' type='get' id='1'>{}</iq>", query));
  const std::string head = "<iq from='bot.ex.test' to='ann@ex.test/a' id='1' type='result'";
  EXPECT_TRUE(text.starts_with(head)) << text;
  return text.substr(std::min(head.size(), text.size()));
}

constexpr std::string_view kUnavailable =
    "<iq from='bot.ex.test' to='ann@ex.test/a' id='1' type='error'><error type='cancel'>"
    "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";

TEST(Features, AnswersThePing) {
  const Features features(identity(), kClock);
  EXPECT_EQ(get(features, "<ping xmlns='urn:xmpp:ping'/>"), "/>");
}

TEST(Features, AnswersVersionTimeAndLastActivity) {
  const Features features(identity(), kClock);
  EXPECT_EQ(
      get(features, "<query xmlns='jabber:iq:version'/>"),
      "><query xmlns='jabber:iq:version'><name>Skep</name><version>0.1</version></query></iq>");
  EXPECT_EQ(get(features, "<query xmlns='jabber:iq:last'/>"),
            "><query xmlns='jabber:iq:last' seconds='10'/></iq>");
  const std::string time = get(features, "<time xmlns='urn:xmpp:time'/>");
  EXPECT_NE(time.find("<utc>2026-03-02T08:00:10Z</utc>"), std::string::npos) << time;
}

TEST(Features, DiscoNamesWhatIsThere) {
  Features features(identity(), kClock);
  features.announce(std::string(kNsChatStates));
  features.add("urn:x", [](const Element& iq) { return std::optional(iq_result(iq)); });
  features.add("urn:hidden", [](const Element& iq) { return std::optional(iq_result(iq)); }, false);
  EXPECT_EQ(get(features, "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
            "><query xmlns='http://jabber.org/protocol/disco#info'>"
            "<identity category='client' type='bot' name='Bee'/><identity category='component' "
            "type='generic' name='Bee'/>"
            "<feature var='http://jabber.org/protocol/chatstates'/><feature "
            "var='http://jabber.org/protocol/disco#info'/>"
            "<feature var='http://jabber.org/protocol/disco#items'/><feature var='jabber:iq:last'/>"
            "<feature var='jabber:iq:version'/><feature var='urn:x'/><feature var='urn:xmpp:ping'/>"
            "<feature var='urn:xmpp:time'/></query></iq>");
  EXPECT_EQ(get(features, "<query xmlns='http://jabber.org/protocol/disco#items'/>"),
            "><query xmlns='http://jabber.org/protocol/disco#items'/></iq>");
  EXPECT_EQ(get(features, "<x xmlns='urn:hidden'/>"), "/>");
  EXPECT_NE(
      ask(features,
          "<iq from='a@b' type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#info' "
          "node='secret'/></iq>")
          .find("item-not-found"),
      std::string::npos);
}

TEST(Features, EveryRequestHasExactlyOneAnswer) {
  const Features features(identity(), kClock);
  const auto iq = [&](std::string_view type, std::string_view child) {
    return ask(features,
               fmt::format("<iq from='ann@ex.test/a' to='bot.ex.test' type='{}' id='1'>{}</iq>",
                           type, child));
  };
  EXPECT_EQ(iq("get", "<x xmlns='urn:unknown'/>"), kUnavailable);
  EXPECT_EQ(iq("set", "<ping xmlns='urn:xmpp:ping'/>"), kUnavailable);
  EXPECT_EQ(iq("get", "<pong xmlns='urn:xmpp:ping'/>"), kUnavailable);
  EXPECT_EQ(iq("result", "<ping xmlns='urn:xmpp:ping'/>"), "nothing");
  EXPECT_EQ(iq("error", ""), "nothing");
  for (const std::string_view child : {"", "<a xmlns='u'/><b xmlns='u'/>", "text"}) {
    EXPECT_NE(iq("get", child).find("<bad-request"), std::string::npos) << child;
  }
  EXPECT_NE(iq("shout", "<ping xmlns='urn:xmpp:ping'/>").find("<bad-request"), std::string::npos);
  EXPECT_NE(ask(features, "<iq from='a@b' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
                .find("<bad-request"),
            std::string::npos);
}

TEST(Features, StrangersMayOnlyPing) {
  Identity known_only = identity();
  known_only.may_ask = [](const Jid& peer) { return peer.local() == "bob"; };
  const Features features(known_only, kClock);
  EXPECT_EQ(get(features, "<ping xmlns='urn:xmpp:ping'/>"), "/>");
  const std::string_view version = "<query xmlns='jabber:iq:version'/>";
  EXPECT_EQ(ask(features,
                fmt::format("<iq from='ann@ex.test/a' to='bot.ex.test' type='get' id='1'>{}</iq>",
                            version)),
            kUnavailable);
  EXPECT_NE(ask(features, fmt::format("<iq from='bob@ex.test' type='get' id='1'>{}</iq>", version))
                .find("result"),
            std::string::npos);
  EXPECT_NE(ask(features, fmt::format("<iq type='get' id='1'>{}</iq>", version)).find("result"),
            std::string::npos);
}

}  // namespace
}  // namespace skep::xmpp
