#include "../src/adhoc.h"

#include "xmpp_test.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using Values = std::map<std::string, std::string>;

constexpr std::string_view kPhone = "ann@ex/phone";

class AdHocTest : public testing::XmppTest {
 protected:
  AdHocTest() {
    config_.allow.admins = {"bob@ex"};
    commands_ = {{.name = "ping", .arguments = "", .help = "answer at once"},
                 {.name = "history", .arguments = "[n]", .help = "the last n messages"},
                 {.name = "invite", .arguments = "room [password]", .help = "come", .admin = true}};
  }
  Element command(std::string_view attributes, std::string_view from = kPhone,
                  std::string_view form = "") {
    send(
        fmt::format("<iq type='set' id='c' from='{}' to='helper@agent.ex'><command "
                    "xmlns='http://jabber.org/protocol/commands' {}>{}</command></iq>",
                    from, attributes, form));
    return received();
  }
  // The command runs until the agent has answered.
  Element answered(std::string_view attributes, std::string_view form, std::string_view line) {
    send(
        fmt::format("<iq type='set' id='c' from='{}' to='helper@agent.ex'><command "
                    "xmlns='http://jabber.org/protocol/commands' {}>{}</command></iq>",
                    kPhone, attributes, form));
    const Message asked = run(agent_.next(patience())).value_or(Message());
    EXPECT_EQ(text_of(asked.parts), line);
    EXPECT_EQ(asked.conversation.peer, "ann@ex");
    EXPECT_TRUE(channel_->deliver(testing::reply_to(asked, "done")));
    return received();
  }
  static std::string session_of(const Element& iq) {
    const Element* command = iq.child("command", xmpp::kNsCommands);
    return command == nullptr ? "" : std::string(command->attribute("sessionid"));
  }
  static std::string submit(std::string_view field, std::string_view value) {
    return fmt::format(
        "<x xmlns='jabber:x:data' type='submit'><field var='{}'><value>{}</value>"
        "</field></x>",
        field, value);
  }
};

TEST(AdHocLine, IsWhatOneWouldType) {
  const CommandSpec invite{.name = "invite", .arguments = "room [password]"};
  EXPECT_EQ(AdHoc::line_of(invite, {{"room", " a@b "}, {"password", "x\ny"}}).value(),
            "/invite a@b x y");
  EXPECT_EQ(AdHoc::line_of(invite, {{"room", "a@b"}, {"other", "z"}}).value(), "/invite a@b");
  EXPECT_FALSE(AdHoc::line_of(invite, {{"password", "x"}}));
  const CommandSpec pair{.name = "pair", .arguments = "generate|revoke [minutes]"};
  EXPECT_EQ(AdHoc::line_of(pair, {{"choice1", "revoke"}}).value(), "/pair revoke");
  EXPECT_FALSE(AdHoc::line_of(pair, {{"choice1", "steal"}}));
  EXPECT_FALSE(AdHoc::line_of(invite, {{"room", std::string(AdHoc::kValueBytesMax + 1, 'a')}}));
}

TEST_F(AdHocTest, ACommandWithoutArgumentsRunsAtOnce) {
  online();
  const Element answer = answered("node='ping' action='execute'", "", "/ping");
  EXPECT_EQ(answer.attribute("type"), "result");
  const Element* command = answer.child("command", xmpp::kNsCommands);
  ASSERT_NE(command, nullptr);
  EXPECT_EQ(command->attribute("status"), "completed");
  EXPECT_EQ(command->child_text("note", xmpp::kNsCommands), "done");
}

TEST_F(AdHocTest, ArgumentsAreAFormOfWhoeverBegan) {
  online();
  const Element form = command("node='history'");
  const std::string session = session_of(form);
  ASSERT_FALSE(session.empty());
  EXPECT_NE(to_xml(form).find("var='n'"), std::string::npos);
  const std::string with = fmt::format("node='history' action='complete' sessionid='{}'", session);
  EXPECT_EQ(command(with, "bob@ex/x", submit("n", "3")).attribute("type"), "error")
      << "somebody else's session";
  const Element answer = answered(with, submit("n", "3"), "/history 3");
  EXPECT_EQ(session_of(answer), session);
  EXPECT_EQ(command(with, kPhone, submit("n", "3")).attribute("type"), "error")
      << "a session is good once";
}

TEST_F(AdHocTest, SessionsExpireAndAreBounded) {
  online();
  const std::string session = session_of(command("node='history'"));
  clock_.advance(AdHoc::kSessionAge);
  EXPECT_EQ(command(fmt::format("node='history' action='complete' sessionid='{}'", session), kPhone,
                    submit("n", "1"))
                .attribute("type"),
            "error");
  for (std::size_t i = 0; i < AdHoc::kOnePersonMax; ++i)
    EXPECT_EQ(command("node='history'").attribute("type"), "result");
  EXPECT_EQ(command("node='history'").attribute("type"), "error");
}

TEST_F(AdHocTest, OnlyAdministratorsSeeAndUseWhatIsForThem) {
  online();
  EXPECT_EQ(command("node='invite'").attribute("type"), "error");
  EXPECT_EQ(command("node='invite'", "bob@ex/x").attribute("type"), "result");
  const auto items = [&](std::string_view from) {
    send(
        fmt::format("<iq type='get' id='i' from='{}' to='helper@agent.ex'><query "
                    "xmlns='http://jabber.org/protocol/disco#items' "
                    "node='http://jabber.org/protocol/commands'/></iq>",
                    from));
    return to_xml(received());
  };
  EXPECT_EQ(items(kPhone).find("invite"), std::string::npos);
  EXPECT_NE(items("bob@ex/x").find("invite"), std::string::npos);
  EXPECT_EQ(command("node='ping'", "mal@other/x").attribute("type"), "error") << "strangers";
  EXPECT_EQ(agent_.waiting(), 0u);
  EXPECT_EQ(channel_->stats().commands, 0u);
}

}  // namespace
}  // namespace skep::channels
