#include "skep/base/text.h"
#include "skep/store/append_file.h"
#include "xmpp_test.h"

namespace skep::channels {
namespace {

using xmpp::Element;

class XmppPresenceTest : public testing::XmppTest {
 protected:
  XmppPresenceTest() { config_.subscribers_file = home_ + "/run/xmpp-subscribers.json"; }
  void expect_presence(std::string_view from, std::string_view to, std::string_view type) {
    const Element stanza = received();
    EXPECT_EQ(stanza.name, "presence");
    EXPECT_EQ(stanza.attribute("from"), from);
    EXPECT_EQ(stanza.attribute("to"), to);
    EXPECT_EQ(stanza.attribute("type"), type);
  }
};

TEST_F(XmppPresenceTest, GrantsAnAllowedSubscriptionAndShowsItself) {
  online();
  send("<presence from='ann@ex/phone' to='helper@agent.ex' type='subscribe'/>");
  expect_presence("helper@agent.ex", "ann@ex", "subscribed");
  expect_presence("helper@agent.ex", "ann@ex", "");
}

TEST_F(XmppPresenceTest, AnswersAProbe) {
  online();
  send("<presence from='ann@ex/phone' to='agent.ex' type='probe'/>");
  expect_presence("agent.ex", "ann@ex/phone", "");
}

TEST_F(XmppPresenceTest, SaysGoodByeAndComesBackForItsSubscribers) {
  online();
  send("<presence from='ann@ex' to='helper@agent.ex' type='subscribe'/>");
  expect_presence("helper@agent.ex", "ann@ex", "subscribed");
  expect_presence("helper@agent.ex", "ann@ex", "");
  expect_presence("helper@agent.ex", "ann@ex", "subscribe");
  close();
  expect_presence("helper@agent.ex", "ann@ex", "unavailable");
  online();
  expect_presence("helper@agent.ex", "ann@ex", "");
}

TEST_F(XmppPresenceTest, ForgetsWhoUnsubscribes) {
  online();
  send("<presence from='ann@ex' to='agent.ex' type='subscribe'/>");
  expect_presence("agent.ex", "ann@ex", "subscribed");
  expect_presence("agent.ex", "ann@ex", "");
  expect_presence("agent.ex", "ann@ex", "subscribe");
  send("<presence from='ann@ex' to='agent.ex' type='unsubscribe'/>");
  expect_presence("agent.ex", "ann@ex", "unavailable");
  expect_presence("agent.ex", "ann@ex", "unsubscribed");
  close();
  EXPECT_EQ(server_.unread(), 0u);
}

TEST_F(XmppPresenceTest, ShowsItselfNoMoreToWhoIsNoLongerAllowed) {
  online();
  for (const char* who : {"ann", "bob"}) {
    send(fmt::format("<presence from='{}@ex' to='agent.ex' type='subscribe'/>", who));
    received();
    received();
    received();
  }
  close();
  received();
  received();
  config_.allow.addresses = {"bob@ex"};
  online();
  expect_presence("agent.ex", "bob@ex", "");
  close();
}

TEST_F(XmppPresenceTest, StartsWithAnEmptyListWhenTheFileIsDamaged) {
  ASSERT_TRUE(store::write_file(config_.subscribers_file, "{\"subscribers\": [{\"jid\""));
  online();
  send("<presence from='ann@ex' to='agent.ex' type='subscribe'/>");
  expect_presence("agent.ex", "ann@ex", "subscribed");
}

constexpr std::string_view kNsCaps = "http://jabber.org/protocol/caps";
constexpr std::string_view kNsUpdate = "vcard-temp:x:update";

TEST_F(XmppPresenceTest, SaysWhatItCanAndWhatItLooksLike) {
  const std::string picture = "\x89PNG\r\n\x1a\n and so on";
  ASSERT_TRUE(store::write_file(home_ + "/bee.png", picture));
  config_.profile.avatar_file = home_ + "/bee.png";
  config_.profile.description = "Knows the docs.";
  online();
  send("<presence from='ann@ex/phone' to='helper@agent.ex' type='probe'/>");
  const Element presence = received();
  const Element* caps = presence.child("c", kNsCaps);
  ASSERT_NE(caps, nullptr);
  const std::string hash = hex_encode(sha1(picture));
  const Element* update = presence.child("x", kNsUpdate);
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->child_text("photo", kNsUpdate), hash);
  const auto ask = [&](std::string_view query) {
    send(fmt::format("<iq type='get' id='q' from='ann@ex/phone' to='helper@agent.ex'>{}</iq>",
                     query));
    return received();
  };
  const Element info =
      ask(fmt::format("<query xmlns='http://jabber.org/protocol/disco#info' "
                      "node='urn:skep:agent#{}'/>",
                      caps->attribute("ver")));
  EXPECT_EQ(info.attribute("type"), "result");
  const Element card = ask("<vCard xmlns='vcard-temp'/>");
  EXPECT_NE(to_xml(card).find("Knows the docs."), std::string::npos);
  EXPECT_NE(to_xml(card).find(base64_encode(picture)), std::string::npos);
  const Element data =
      ask("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items "
          "node='urn:xmpp:avatar:metadata'/></pubsub>");
  EXPECT_NE(to_xml(data).find(fmt::format("id='{}'", hash)), std::string::npos) << to_xml(data);
  const Element other =
      ask(fmt::format("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items "
                      "node='urn:xmpp:avatar:data'><item id='{}'/></items>"
                      "</pubsub>",
                      "other"));
  EXPECT_EQ(other.attribute("type"), "error");
}

TEST_F(XmppPresenceTest, WhatWaitsGoesWhenTheyComeOnline) {
  online();
  send("<presence from='ann@ex' to='agent.ex' type='subscribe'/>");
  for (int i = 0; i < 3; ++i) received();
  send("<presence from='ann@ex' to='agent.ex' type='subscribed'/>");
  received();  // once more what it can, now that they may be seen
  send("<presence from='ann@ex' to='agent.ex' type='probe'/>");  // dealt with when answered
  received();
  const MessageId id(mint_ulid());
  const Unasked news{
      .id = id, .to = "ann@ex", .text = "The build is done.", .wait_until_online = true};
  EXPECT_EQ(channel_->post(news).value(), Posted::kWaits);
  EXPECT_EQ(channel_->post(news).value(), Posted::kWaits) << "given twice, said once";
  EXPECT_EQ(channel_->fate(id), Fate::kWaits);
  close();
  received();  // unavailable
  online();
  for (int i = 0; i < 2; ++i) {
    const Element presence = received();
    EXPECT_EQ(presence.name, "presence");
  }
  send("<presence from='ann@ex/phone' to='agent.ex'/>");
  const Element message = received();
  EXPECT_EQ(body(message), "The build is done.");
  EXPECT_EQ(message.attribute("id"), id.str());
  EXPECT_EQ(message.attribute("to"), "ann@ex");
  send(
      fmt::format("<message from='ann@ex/phone' to='agent.ex'><received "
                  "xmlns='urn:xmpp:receipts' id='{}'/></message>",
                  id.str()));
  send("<presence from='ann@ex' to='agent.ex' type='probe'/>");
  received();
  EXPECT_EQ(server_.unread(), 0u);
}

TEST_F(XmppPresenceTest, GreetsOnceWhoWasLongAway) {
  config_.presence.greeting = "Good morning!";
  config_.presence.offline_min = std::chrono::minutes(30);
  config_.greeted_file = home_ + "/run/greeted.json";
  online();
  send("<presence from='ann@ex' to='agent.ex' type='subscribe'/>");
  for (int i = 0; i < 3; ++i) received();
  send("<presence from='ann@ex' to='agent.ex' type='subscribed'/>");
  received();  // once more what it can, now that they may be seen
  const auto settle = [&] {
    send("<presence from='ann@ex' to='agent.ex' type='probe'/>");
    return received();
  };
  send("<presence from='ann@ex/phone' to='agent.ex'/>");  // how long they were away is not known
  EXPECT_EQ(settle().name, "presence");
  send("<presence from='ann@ex/phone' to='agent.ex' type='unavailable'/>");
  settle();
  clock_.advance(std::chrono::minutes(29));
  send("<presence from='ann@ex/phone' to='agent.ex'/>");
  EXPECT_EQ(settle().name, "presence");
  send("<presence from='ann@ex/phone' to='agent.ex' type='unavailable'/>");
  settle();
  clock_.advance(std::chrono::minutes(31));
  send("<presence from='ann@ex/phone' to='agent.ex'><show>dnd</show></presence>");
  EXPECT_EQ(settle().name, "presence") << "who does not want to be spoken to is not";
  send("<presence from='ann@ex/phone' to='agent.ex' type='unavailable'/>");
  settle();
  clock_.advance(std::chrono::minutes(31));
  send("<presence from='ann@ex/phone' to='agent.ex'/>");
  EXPECT_EQ(body(received()), "Good morning!");
  send("<presence from='ann@ex/phone' to='agent.ex' type='unavailable'/>");
  settle();
  clock_.advance(std::chrono::hours(2));
  send("<presence from='ann@ex/phone' to='agent.ex'/>");
  EXPECT_EQ(settle().name, "presence") << "once in twenty hours";
  EXPECT_EQ(channel_->stats().greetings, 1u);
}

TEST_F(XmppPresenceTest, AFloodOfPresenceIsPassedOverAndCounted) {
  online();
  send("<presence from='ann@ex' to='agent.ex' type='subscribe'/>");
  for (int i = 0; i < 3; ++i) received();
  send("<presence from='ann@ex' to='agent.ex' type='subscribed'/>");
  received();  // once more what it can, now that they may be seen
  for (int i = 0; i < 200; ++i) send(fmt::format("<presence from='ann@ex/r{}' to='agent.ex'/>", i));
  send("<presence from='ann@ex' to='agent.ex' type='probe'/>");
  received();
  EXPECT_GE(channel_->stats().presence_floods, 100u);
}

TEST_F(XmppPresenceTest, SeesNobodyWhoDidNotGrantIt) {
  config_.presence.greeting = "Hi!";
  config_.presence.offline_min = Millis(0);
  online();
  send("<presence from='ann@ex' to='agent.ex' type='subscribed'/>");  // nobody asked
  for (const char* type : {"", "unavailable", ""})
    send(fmt::format("<presence from='ann@ex/phone' to='agent.ex' type='{}'/>", type));
  send("<presence from='ann@ex/phone' to='agent.ex' type='probe'/>");
  EXPECT_EQ(received().name, "presence");
  EXPECT_FALSE(channel_->contact("ann@ex").mutual);
  EXPECT_EQ(server_.unread(), 0u);
}

}  // namespace
}  // namespace skep::channels
