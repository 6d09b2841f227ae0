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

}  // namespace
}  // namespace skep::channels
