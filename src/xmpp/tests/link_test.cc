#include "skep/xmpp/link.h"

#include <gtest/gtest.h>

#include "fake_server.h"
#include "skep/async/wait.h"

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;
using testing::FakeServer;
using testing::Script;

const std::string kHead =
    "S <stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns='jabber:component:accept' id='1'>";
const Script kUp = {kHead, "C </handshake>", "S <handshake/>"};

Script up_then(const Script& more) {
  Script script = kUp;
  script.insert(script.end(), more.begin(), more.end());
  return script;
}

std::string refusal(std::string_view condition) {
  return fmt::format(
      "S <stream:error><{} "
      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
      condition);
}

class LinkTest : public ::testing::Test {
 protected:
  void connect(std::vector<Script> scripts) {
    server = std::make_unique<FakeServer>(loop, std::move(scripts));
    XmppConfig config;
    config.host = "127.0.0.1";
    config.port = server->port();
    config.component_domain = "bot.ex.test";
    config.component_secret = Secret("test");
    config.reconnect_initial = 1ms;
    config.reconnect_max = 2ms;
    config.reconnect_slow = reconnect_slow;
    config.reconnect_max_attempts = attempts_max;
    Link::Handlers handlers{
        .up = [this](Session& session) { note("up " + session.address().str()); },
        .stanza = [this](Element stanza) { note(to_xml(stanza, kNsClient)); },
        .down = [this](const Error& error) { note("down " + std::string(code_name(error.code))); },
        .gave_up =
            [this](const SessionEnd& end) {
              note("gave up " + std::string(code_name(end.error.code)));
            }};
    link.emplace(config, deps, Identity{.component = true}, std::move(handlers));
    link->start();
  }

  void note(std::string line) {
    log += line + "\n";
    changed.notify_all();
  }

  static Task<void> until(std::string& log, Signal& changed, std::string text) {
    const Ctx bounded = Ctx{}.within(10s);
    while (log.find(text) == std::string::npos) {
      const auto woken = co_await changed.wait(bounded);
      if (!woken) co_return;
    }
  }
  // Runs the loop until the log holds `text`, and gives the log.
  std::string wait_for(std::string text) {
    loop.run(until(log, changed, std::move(text)));
    return log;
  }

  static Task<void> until_holds(std::function<bool()> holds) {
    const Ctx bounded = Ctx{}.within(20s);
    while (!holds() && bounded.check()) {
      if (!co_await sleep_for(bounded, 1ms)) co_return;
    }
  }
  void run_until(std::function<bool()> holds) {
    loop.run(until_holds(holds));
    ASSERT_TRUE(holds());
  }

  void TearDown() override { loop.run(link->close(Ctx{}.within(5s))); }

  Loop loop;
  Pool pool{loop};
  XmppDeps deps{loop, pool, Clock::system()};
  Signal changed;
  std::string log;
  int attempts_max = 0;
  std::chrono::milliseconds reconnect_slow{1};
  std::unique_ptr<FakeServer> server;
  std::optional<Link> link;
};

TEST_F(LinkTest, HandsOverMessagesAndAnswersQuestionsItself) {
  connect(
      {up_then({"S <iq type='get' from='ex.test' to='bot.ex.test' id='p1'><ping "
                "xmlns='urn:xmpp:ping'/></iq>",
                "C <iq from='bot.ex.test' to='ex.test' id='p1' type='result'/>",
                "S <iq type='result' from='ex.test' id='stray'/><message from='ann@ex.test' "
                "to='bot.ex.test'/>"})});
  EXPECT_EQ(wait_for("<message"),
            "up bot.ex.test\n<message from='ann@ex.test' to='bot.ex.test'/>\n");
  EXPECT_TRUE(link->status().up);
  EXPECT_EQ(link->status().address, "bot.ex.test");
  EXPECT_NE(link->session(), nullptr);
}

TEST_F(LinkTest, ComesBackAfterALostConnection) {
  connect({up_then({"END"}), {"END"}, up_then({"S <message from='a@b' to='bot.ex.test'/>"})});
  EXPECT_EQ(
      wait_for("<message"),
      "up bot.ex.test\ndown unavailable\nup bot.ex.test\n<message from='a@b' to='bot.ex.test'/>\n");
  EXPECT_EQ(link->status().connects, 2u);
  EXPECT_FALSE(link->status().last_error.empty());
  EXPECT_EQ(server->connections(), 3u);
}

TEST_F(LinkTest, GivesUpAtOnceWhereTryingAgainCannotHelp) {
  connect({{kHead, "C </handshake>", refusal("not-authorized")}});
  EXPECT_EQ(wait_for("gave up"), "gave up unauthenticated\n");
  EXPECT_EQ(server->connections(), 1u);
  EXPECT_FALSE(link->status().up);
  EXPECT_EQ(link->session(), nullptr);
}

TEST_F(LinkTest, RetriesAConflictSlowly) {
  connect({{kHead, "C </handshake>", refusal("conflict")},
           up_then({"S <message from='a@b' to='bot.ex.test'/>"})});
  EXPECT_EQ(wait_for("<message"), "up bot.ex.test\n<message from='a@b' to='bot.ex.test'/>\n");
}

TEST_F(LinkTest, OfTwoOnOneAddressTheOneThatIsSentAwayWaits) {
  reconnect_slow = 1h;
  connect({up_then({refusal("conflict"), "END"})});
  run_until([&] { return link->status().retry_in.has_value(); });
  EXPECT_GE(*link->status().retry_in, 1h);
  EXPECT_EQ(server->connections(), 1u);
}

// Fifteen sessions that break off within moments are a bad line, and nobody waits for long.
TEST_F(LinkTest, ABadLineIsTriedAgainAsUsualHoweverOftenItBreaks) {
  reconnect_slow = 1h;
  std::vector<Script> scripts(15, up_then({"END"}));
  scripts.push_back(up_then({"S <message from='a@b' to='bot.ex.test'/>"}));
  connect(std::move(scripts));
  EXPECT_TRUE(wait_for("<message").ends_with("<message from='a@b' to='bot.ex.test'/>\n"));
  EXPECT_EQ(link->status().connects, 16u);
}

TEST_F(LinkTest, AServerThatIsGoneForLongIsAskedSeldom) {
  reconnect_slow = 1h;
  connect({{"END"}});
  run_until([&] { return link->status().retry_in >= 1h; });
  EXPECT_EQ(server->connections(), 11u);
}

TEST_F(LinkTest, GivesUpAfterTheAttemptsAllowed) {
  attempts_max = 3;
  connect({{"END"}});
  EXPECT_EQ(wait_for("gave up"), "gave up unavailable\n");
  EXPECT_EQ(server->connections(), 3u);
}

TEST_F(LinkTest, SaysGoodbyeWhenClosed) {
  connect({up_then({"C <presence type='unavailable' from='bot.ex.test'/></stream:stream>",
                    "S </stream:stream>"})});
  wait_for("up");
  std::vector<Element> last = {make_presence({}, {}, "unavailable")};
  loop.run(link->close(Ctx{}.within(10s), std::move(last)));
  EXPECT_TRUE(server->received().ends_with(
      "<presence type='unavailable' from='bot.ex.test'/></stream:stream>"));
  EXPECT_EQ(log, "up bot.ex.test\ndown cancelled\n");
}

TEST_F(LinkTest, CanBeClosedWhileItWaits) {
  connect({{"QUIET"}});
  loop.run(link->close(Ctx{}));
  EXPECT_EQ(log, "");
}

}  // namespace
}  // namespace skep::xmpp
