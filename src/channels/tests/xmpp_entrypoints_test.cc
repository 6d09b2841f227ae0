// Several addresses on one component, and who is let in while it runs.
#include "skep/store/append_file.h"
#include "xmpp_test.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

class XmppEntrypointsTest : public testing::XmppTest {
 protected:
  XmppEntrypointsTest() {
    config_.addresses = {{.address = Jid::parse("support@agent.ex").value(),
                          .agent = "AI.support",
                          .profile = {.name = "Support"}},
                         {.address = Jid::parse("sales@agent.ex").value(),
                          .agent = "AI.sales@shop",
                          .profile = {.name = "Sales"}}};
  }
  void says(std::string_view to, std::string_view text) {
    send(fmt::format("<message from='ann@ex/phone' to='{}' type='chat'><body>{}</body></message>",
                     to, text));
  }
  Message next_message() { return run(agent_.next(patience())).value_or(Message()); }
  Element ask(std::string_view to, std::string_view query) {
    send(fmt::format("<iq type='get' id='q' from='ann@ex/phone' to='{}'>{}</iq>", to, query));
    return received();
  }
};

TEST_F(XmppEntrypointsTest, EachAddressHasItsAgentItsConversationsAndItsName) {
  online();
  says("support@agent.ex", "one");
  says("sales@agent.ex/desk", "two");
  // Of somebody else: three in a row from one client are a reason to ask it what it is.
  send(
      "<message from='bob@ex/x' to='anything@agent.ex' type='chat' id='b1'><body>three</body>"
      "</message>");
  const Message one = next_message();
  const Message two = next_message();
  const Message three = next_message();
  EXPECT_EQ(one.dst, Destination(Name::parse("AI.support@local").value()));
  EXPECT_EQ(two.dst, Destination(Name::parse("AI.sales@shop").value()));
  EXPECT_EQ(three.dst, Destination(Unresolved{}));
  EXPECT_EQ(one.conversation.entrypoint, "support@agent.ex");
  EXPECT_EQ(two.conversation.entrypoint, "sales@agent.ex");
  EXPECT_EQ(three.conversation.entrypoint, "") << "homes of before have their conversations here";
  ASSERT_TRUE(channel_->deliver(testing::reply_to(two, "2")));
  const Element reply = received();
  EXPECT_EQ(reply.attribute("from"), "sales@agent.ex/desk");
  EXPECT_NE(to_xml(ask("support@agent.ex", "<vCard xmlns='vcard-temp'/>")).find("Support"),
            std::string::npos);
  const std::string items =
      to_xml(ask("agent.ex", "<query xmlns='http://jabber.org/protocol/disco#items'/>"));
  EXPECT_NE(items.find("support@agent.ex"), std::string::npos) << items;
  EXPECT_NE(items.find("name='Sales'"), std::string::npos) << items;
  const std::string info =
      to_xml(ask("sales@agent.ex", "<query xmlns='http://jabber.org/protocol/disco#info'/>"));
  EXPECT_NE(info.find("name='Sales'"), std::string::npos) << info;
}

TEST_F(XmppEntrypointsTest, RefusesAnAgentThatIsNoName) {
  config_.addresses.front().agent = "nonsense";
  const auto opened = Name::parse("nonsense", "local");
  ASSERT_FALSE(opened);
  XmppChannelDeps deps{.xmpp = {.loop = loop_, .pool = pool_, .clock = clock_},
                       .directory = *directory_,
                       .journal = *journal_,
                       .out = agent_,
                       .agent = Unresolved{}};
  const auto channel = XmppChannel::open(config_, std::move(deps));
  ASSERT_FALSE(channel);
  EXPECT_NE(channel.error().message.find("nonsense"), std::string::npos);
}

TEST_F(XmppEntrypointsTest, WhoIsBlockedOrLetInIsSoAtOnce) {
  access_ = identity::Access::open("", clock_).value();
  online();
  ASSERT_TRUE(access_->allow("mal@other", "adm@ex"));
  send("<message from='mal@other/x' to='agent.ex' type='chat' id='1'><body>hi</body></message>");
  EXPECT_EQ(next_message().conversation.peer, "mal@other") << "whatever its domain";
  ASSERT_TRUE(access_->block("ann@ex", "adm@ex"));
  says("agent.ex", "still there?");
  says("agent.ex", "hello?");
  send("<message from='bob@ex/x' to='agent.ex' type='chat' id='2'><body>hi</body></message>");
  EXPECT_EQ(next_message().conversation.peer, "bob@ex");
  EXPECT_EQ(channel_->stats().blocked, 2u);
  channel_->reload({.addresses = {"bob@ex"}, .admins = {"ann@ex"}});
  says("agent.ex", "now?");
  EXPECT_EQ(next_message().conversation.peer, "ann@ex") << "administrators cannot be blocked";
}

TEST_F(XmppEntrypointsTest, TheBlockedSeeUsGo) {
  access_ = identity::Access::open("", clock_).value();
  online();
  send("<presence from='ann@ex' to='agent.ex' type='subscribe'/>");
  for (int i = 0; i < 3; ++i) received();
  ASSERT_TRUE(access_->block("ann@ex", "adm@ex"));
  channel_->access_changed("ann@ex");
  EXPECT_EQ(received().attribute("type"), "unavailable");
  EXPECT_EQ(received().attribute("type"), "unsubscribed");
}

TEST_F(XmppEntrypointsTest, ACodeLetsAStrangerInAndAWrongOneMeetsSilence) {
  access_ = identity::Access::open("", clock_).value();
  config_.allow.admins = {"bob@ex"};
  online();
  const std::string code = access_->issue({.by = "bob@ex"}).value();
  const auto stranger = [&](std::string_view text) {
    send(
        fmt::format("<message from='mal@other/x' to='agent.ex' type='chat'><body>{}</body>"
                    "</message>",
                    text));
  };
  stranger("hello");
  stranger("/pair WRONG12345");
  stranger("/pair " + code);
  const Element welcome = received();
  EXPECT_EQ(welcome.attribute("to"), "mal@other/x");
  const Element news = received();
  EXPECT_EQ(news.attribute("to"), "bob@ex");
  EXPECT_NE(body(news).find("mal@other"), std::string::npos) << body(news);
  stranger("now you hear me");
  EXPECT_EQ(text_of(next_message().parts), "now you hear me");
  EXPECT_EQ(channel_->stats().pairings, 1u);
  EXPECT_EQ(channel_->stats().pairings_failed, 1u);
}

}  // namespace
}  // namespace skep::channels
