// Publish-subscribe events over the wire of a component: signals of people, items of nodes.
#include "skep/model/reply.h"
#include "xmpp_test.h"

namespace skep::channels {
namespace {

using xmpp::Element;

constexpr std::string_view kMood = "http://jabber.org/protocol/mood";

class XmppEventsTest : public testing::XmppTest {
 protected:
  void event(std::string_view from, std::string_view node, std::string_view items) {
    send(
        fmt::format("<message from='{}' to='helper@agent.ex' type='headline'><event "
                    "xmlns='http://jabber.org/protocol/pubsub#event'><items node='{}'>{}</items>"
                    "</event></message>",
                    from, node, items));
  }
  void mood(std::string_view from, std::string_view inside) {
    event(from, kMood,
          fmt::format("<item id='current'><mood xmlns='{}'>{}</mood></item>", kMood, inside));
  }
  // Everything sent before has been handled when this comes back.
  void settle() {
    ann_says("settled", fmt::format("id='settle{}'", ++settled_));
    while (text_of(next_message().parts) != "settled") {
    }
  }
  int settled_ = 0;
};

class SignalsTest : public XmppEventsTest {
 protected:
  SignalsTest() { config_.signals.kinds = {xmpp::SignalKind::kMood, xmpp::SignalKind::kTune}; }
};

TEST_F(SignalsTest, OfAllowedPeopleTheNewestIsKnownForAWhile) {
  online();
  mood("ann@ex", "<happy/><text>sun</text>");
  event("ann@ex", "http://jabber.org/protocol/tune",
        "<item id='1'><tune "
        "xmlns='http://jabber.org/protocol/tune'><title>Air</title></tune></item>");
  settle();
  EXPECT_EQ(channel_->signals_of("ann@ex"), "mood: happy (sun); tune: Air");
  EXPECT_EQ(channel_->signals_of("bob@ex"), "");
  mood("ann@ex", "");
  settle();
  EXPECT_EQ(channel_->signals_of("ann@ex"), "tune: Air");
  clock_.advance(config_.signals.ttl + Millis(1));
  EXPECT_EQ(channel_->signals_of("ann@ex"), "");
  EXPECT_EQ(channel_->stats().events, 3u);
}

TEST_F(SignalsTest, OfOthersNothingIsTakenNorWhatIsNotEnabled) {
  online();
  mood("eve@evil", "<happy/>");
  mood("ann@ex/phone", "<happy/>");
  event("ann@ex", "http://jabber.org/protocol/geoloc",
        "<item id='1'><geoloc xmlns='http://jabber.org/protocol/geoloc'><country>x</country>"
        "</geoloc></item>");
  settle();
  EXPECT_EQ(channel_->signals_of("eve@evil"), "");
  EXPECT_EQ(channel_->signals_of("ann@ex"), "");
  EXPECT_EQ(channel_->stats().events_refused, 3u);
}

TEST_F(SignalsTest, AFloodIsDroppedAndCounted) {
  online();
  for (int i = 0; i < 100; ++i) mood("ann@ex", fmt::format("<happy/><text>{}</text>", i));
  settle();
  EXPECT_EQ(channel_->stats().events, 12u);
  EXPECT_EQ(channel_->stats().event_floods, 88u);
  EXPECT_EQ(channel_->signals_of("ann@ex"), "mood: happy (11)");
}

class PubSubTest : public XmppEventsTest {
 protected:
  PubSubTest() {
    config_.pubsub = {{.service = xmpp::Jid::parse("pubsub.ex").value(),
                       .node = "builds",
                       .target = xmpp::Jid::parse("ann@ex").value(),
                       .prompt = "Say it.",
                       .items_per_minute = 3}};
  }
  void answer(std::string_view inside) {
    const Element question = received();
    EXPECT_EQ(question.name, "iq");
    EXPECT_EQ(question.attribute("to"), "pubsub.ex");
    EXPECT_EQ(question.attribute("from"), "skep@agent.ex");
    send(
        fmt::format("<iq type='result' id='{}' from='pubsub.ex' to='skep@agent.ex'><pubsub "
                    "xmlns='http://jabber.org/protocol/pubsub'>{}</pubsub></iq>",
                    question.attribute("id"), inside));
  }
  static std::string item(int number) {
    return fmt::format("<item id='{}'><x xmlns='urn:x'>item {}</x></item>", number, number);
  }
  void subscribed(std::string_view items) {
    answer("<subscription node='builds' jid='skep@agent.ex' subscription='subscribed'/>");
    answer(fmt::format("<items node='builds'>{}</items>", items));
  }
};

TEST_F(PubSubTest, ANamedAgentGetsItAndSpeaksFromItsOwnAddress) {
  config_.pubsub[0].agent = "pen";
  config_.addresses = {{.address = xmpp::Jid::parse("desk@agent.ex").value(), .agent = "AI.pen"}};
  online();
  subscribed("");
  event("pubsub.ex", "builds", item(1));
  const Message message = next_message();
  EXPECT_EQ(message.dst, Destination(Name::parse("AI.pen@local").value()));
  EXPECT_EQ(message.conversation, (Conversation{"xmpp", "ann@ex", "", "desk@agent.ex"}));
  EXPECT_EQ(message.reply_address, (ReplyAddress{"desk@agent.ex", "ann@ex"}));
}

TEST_F(PubSubTest, AnAgentWithoutAnAddressSpeaksFromTheUsualOne) {
  config_.pubsub[0].agent = "pen";
  online();
  subscribed("");
  event("pubsub.ex", "builds", item(1));
  const Message message = next_message();
  EXPECT_EQ(message.dst, Destination(Name::parse("AI.pen@local").value()));
  EXPECT_EQ(message.reply_address, (ReplyAddress{"skep@agent.ex", "ann@ex"}));
}

TEST_F(PubSubTest, AnItemIsATurnForTheTargetAndComesOnce) {
  online();
  subscribed(item(1));
  event("pubsub.ex", "builds", item(2));
  event("pubsub.ex", "builds", item(2));
  event("pubsub.ex", "builds", item(1));
  event("pubsub.ex", "other", item(3));
  event("pubsub.evil", "builds", item(4));
  const Message message = next_message();
  EXPECT_EQ(message.conversation, (Conversation{"xmpp", "ann@ex", ""}));
  EXPECT_EQ(message.reply_address, (ReplyAddress{"skep@agent.ex", "ann@ex"}));
  EXPECT_NE(
      text_of(message.parts).find("Say it.\n\n<untrusted source=\"pubsub pubsub.ex builds\">"),
      std::string::npos);
  EXPECT_EQ(taint_in(message), kTaintOfOutsiders);
  EXPECT_NE(text_of(message.parts).find("item 2"), std::string::npos);
  settle();
  EXPECT_EQ(channel_->stats().events, 1u);
}

TEST_F(PubSubTest, WhatCameDuringAnAbsenceIsReadAfterARestart) {
  online();
  subscribed(item(1));
  settle();
  close();
  open_journal();
  open();
  subscribed(item(1) + item(2));
  EXPECT_NE(text_of(next_message().parts).find("item 2"), std::string::npos);
  settle();
}

TEST_F(PubSubTest, WhatADeadProcessHadAcceptedIsNotTakenAgain) {
  online();
  subscribed("");
  event("pubsub.ex", "builds", item(1));
  unfinished_ = {next_message()};
  close();
  journal_.reset();
  std::filesystem::remove_all(home_ + "/journal");  // killed before the key was written
  open_journal();
  ASSERT_TRUE(journal_->remember("pubsub-begun", "pubsub.ex builds"));
  open();
  subscribed(item(1) + item(2));
  EXPECT_NE(text_of(next_message().parts).find("item 2"), std::string::npos);
}

TEST_F(PubSubTest, AFloodIsDroppedAndCounted) {
  online();
  subscribed("");
  for (int i = 0; i < 10; ++i) event("pubsub.ex", "builds", item(i));
  settle();
  EXPECT_EQ(channel_->stats().events, 3u);
  EXPECT_EQ(channel_->stats().event_floods, 7u);
}

}  // namespace
}  // namespace skep::channels
