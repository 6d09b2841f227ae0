#include "skep/xmpp/session.h"

#include <gtest/gtest.h>

#include "fake_server.h"

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;
using testing::Certificate;
using testing::FakeServer;
using testing::Script;

const std::string kHead =
    "S <?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns='jabber:component:accept' from='bot.ex.test' id='3BF96D32'>";
const std::string kProof = "C <handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>";
const std::string kWelcome = "S <handshake/>";

std::string stream_error(std::string_view condition, std::string_view text = "") {
  return fmt::format(
      "S <stream:error><{0} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text "
      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{1}</text></stream:error></stream:stream>",
      condition, text);
}

class SessionTest : public ::testing::Test {
 protected:
  using Opened = std::expected<std::unique_ptr<Session>, SessionEnd>;

  FakeServer& server(Script script) {
    servers_.push_back(std::make_unique<FakeServer>(loop, std::vector<Script>{std::move(script)}));
    return *servers_.back();
  }

  XmppConfig config_for(const FakeServer& server) const {
    XmppConfig config;
    config.host = "127.0.0.1";
    config.port = server.port();
    config.component_domain = "bot.ex.test";
    config.component_secret = Secret("test");
    config.handshake_timeout = 10s;
    return config;
  }

  Opened open(const XmppConfig& config) { return loop.run(Session::open(Ctx{}, config, deps)); }

  SessionEnd open_fails(Script script) {
    XmppConfig config = config_for(server(std::move(script)));
    Opened opened = open(config);
    EXPECT_FALSE(opened);
    return opened ? SessionEnd{} : opened.error();
  }

  // Runs the session to its end and gives what it handed over, one stanza a line.
  std::string run(Session& session, SessionEnd* end = nullptr) {
    std::string got;
    auto collect = [&](Element stanza) { got += to_xml(stanza, kNsClient) + "\n"; };
    const SessionEnd ended = loop.run(session.run(Ctx{}, collect));
    if (end) *end = ended;
    return got;
  }

  Loop loop;
  Pool pool{loop};
  XmppDeps deps{loop, pool, Clock::system()};
  std::vector<std::unique_ptr<FakeServer>> servers_;
};

using ComponentSession = SessionTest;

TEST_F(ComponentSession, ShakesHandsAndHearsWhatCameInTheSameSegment) {
  auto& s =
      server({"C to='bot.ex.test'>", kHead, kProof,
              kWelcome + "<message from='ann@ex.test/a' to='bot.ex.test'><body>hi</body></message>",
              "END"});
  Opened session = open(config_for(s));
  ASSERT_TRUE(session) << session.error().error.message;
  EXPECT_EQ((*session)->address().str(), "bot.ex.test");
  EXPECT_EQ((*session)->mode(), XmppConfig::Mode::kComponent);
  EXPECT_EQ(run(**session),
            "<message from='ann@ex.test/a' to='bot.ex.test'><body>hi</body></message>\n");
  EXPECT_EQ(s.received().find("version="), s.received().find("version='1.0'?>"))
      << "XEP-0114 streams have no version";
}

TEST_F(ComponentSession, WorksOneByteAtATime) {
  const std::string message =
      "<message from='ann@ex.test/ä' to='bot.ex.test'><body>ünï</body></message>";
  auto& s = server({"S1 " + kHead.substr(2), kProof, "S1 " + kWelcome.substr(2) + message, "END"});
  Opened session = open(config_for(s));
  ASSERT_TRUE(session) << session.error().error.message;
  EXPECT_EQ(run(**session), message + "\n");
}

TEST_F(ComponentSession, HashesTheUnescapedStreamId) {
  auto& s =
      server({"S <stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
              "xmlns='jabber:component:accept' "
              "id='a&amp;b&lt;&#x27;'>",
              "C <handshake>1e129f3cd904cf4a14def894a59a8f590da4ca64</handshake>", kWelcome});
  EXPECT_FALSE(s.received().size());
  Opened session = open(config_for(s));
  ASSERT_TRUE(session) << session.error().error.message;
}

TEST_F(ComponentSession, AWrongSecretIsFinalAndNotInTheMessage) {
  const SessionEnd end = open_fails(
      {kHead, "C </handshake>", stream_error("not-authorized", "Given token does not match")});
  EXPECT_EQ(end.retry, Retry::kNever);
  EXPECT_EQ(end.error.code, Code::kUnauthenticated);
  EXPECT_EQ(end.error.message,
            "the server refused the secret for bot.ex.test (not-authorized: Given token does not "
            "match): check [server] "
            "component_secret");
}

TEST_F(ComponentSession, TreatsEachRefusalAsItDeserves) {
  const struct {
    const char* condition;
    Retry retry;
    Code code;
  } table[] = {
      {"host-unknown", Retry::kNever, Code::kNotFound},
      {"conflict", Retry::kSlowly, Code::kConflict},
      {"policy-violation", Retry::kSlowly, Code::kDenied},
      {"resource-constraint", Retry::kSlowly, Code::kExhausted},
      {"system-shutdown", Retry::kNormally, Code::kUnavailable},
      {"invalid-namespace", Retry::kNever, Code::kUnsupported},
      {"made-up", Retry::kNormally, Code::kUnavailable},
  };
  for (const auto& row : table) {
    const SessionEnd end = open_fails({kHead, "C </handshake>", stream_error(row.condition)});
    EXPECT_EQ(end.retry, row.retry) << row.condition;
    EXPECT_EQ(end.error.code, row.code) << row.condition;
    EXPECT_NE(end.error.message.find(row.condition), std::string::npos) << end.error.message;
  }
}

TEST_F(ComponentSession, RetriesWhatBreaksOff) {
  const Script table[] = {
      {"END"},
      {kHead, "END"},
      {kHead, "C </handshake>", "END"},
      {"S HTTP/1.1 400 Bad Request\r\n\r\n"},
      {"S <html>"},
      {"S <stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
       "xmlns='jabber:component:accept'>",
       "END"},
      {kHead, "C </handshake>", "S <hello/>"},
      {kHead, "C </handshake>", "S </stream:stream>"},
  };
  for (const auto& script : table)
    EXPECT_EQ(open_fails(script).retry, Retry::kNormally) << script.back();
}

TEST_F(ComponentSession, ASilentServerTimesOut) {
  XmppConfig config = config_for(server({"QUIET"}));
  config.handshake_timeout = 50ms;
  const Opened opened = open(config);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().error.code, Code::kTimeout);
  EXPECT_EQ(opened.error().retry, Retry::kNormally);
}

TEST_F(ComponentSession, SendsInOrderAndSaysWhenItIsOut) {
  auto& s = server({kHead, kProof, kWelcome, "C </message>", "C </message>", "S </stream:stream>"});
  Opened session = open(config_for(s));
  ASSERT_TRUE(session);
  const Jid ann = Jid::parse("ann@ex.test").value();
  std::vector<int> done;
  for (int i = 1; i <= 2; ++i) {
    Element message = make_message({}, ann, "chat", fmt::to_string(i));
    message.add(Element("body", std::string(kNsClient)).text("<&>"));
    ASSERT_TRUE((*session)->send(message, [&done, i](Result<void> sent) {
      if (sent) done.push_back(i);
    }));
  }
  run(**session);
  EXPECT_EQ(done, (std::vector{1, 2}));
  EXPECT_NE(s.received().find("<message to='ann@ex.test' type='chat' id='1' from='bot.ex.test'>"
                              "<body>&lt;&amp;&gt;</body></message><message "),
            std::string::npos)
      << s.received();
  EXPECT_TRUE(s.received().ends_with("</stream:stream>")) << "the server's closing tag is answered";
}

TEST_F(ComponentSession, AfterItsEndSendingFailsAndWaitersAreTold) {
  auto& s = server({kHead, kProof, kWelcome, "END"});
  Opened session = open(config_for(s));
  ASSERT_TRUE(session);
  run(**session);
  EXPECT_EQ((*session)->send(make_presence({}, {}, "")).error().code, Code::kUnavailable);
}

TEST_F(ComponentSession, AStreamErrorEndsIt) {
  auto& s = server({kHead, kProof, kWelcome + "<message from='a@b' to='bot.ex.test'/>",
                    stream_error("conflict")});
  Opened session = open(config_for(s));
  ASSERT_TRUE(session);
  SessionEnd end;
  EXPECT_EQ(run(**session, &end), "<message from='a@b' to='bot.ex.test'/>\n");
  EXPECT_EQ(end.error.code, Code::kConflict);
  EXPECT_EQ(end.retry, Retry::kSlowly);
}

TEST_F(ComponentSession, BadXmlEndsItAfterWhatCameBefore) {
  auto& s = server({kHead, kProof, kWelcome + "<message from='a@b' to='bot.ex.test'/><!-- x -->"});
  Opened session = open(config_for(s));
  ASSERT_TRUE(session);
  SessionEnd end;
  EXPECT_EQ(run(**session, &end), "<message from='a@b' to='bot.ex.test'/>\n");
  EXPECT_EQ(end.error.code, Code::kCorrupt);
  EXPECT_EQ(end.retry, Retry::kNormally);
}

// Runs request() beside run() and gives its result.
Task<void> ask(Session& session, Element iq, std::optional<Result<Element>>& into, Ctx ctx) {
  into = co_await session.request(ctx, std::move(iq));
  const Ctx bounded = Ctx{}.within(10s);
  co_await session.close(bounded);
}

class Requests : public SessionTest {
 protected:
  Result<Element> ask_for(std::string answer, std::string* others = nullptr, Ctx ctx = {}) {
    auto& s = server({kHead, kProof, kWelcome, "C </iq>", "S " + answer, "C </stream:stream>",
                      "S </stream:stream>"});
    Opened session = open(config_for(s));
    if (!session) return fail(session.error().error);
    Element iq = make_iq({}, Jid::parse("ex.test").value(), "get", "");
    iq.add(Element("query", "urn:q"));
    std::optional<Result<Element>> answered;
    Gate gate(loop);
    gate.spawn("ask", ask(**session, std::move(iq), answered, ctx));
    const std::string got = run(**session);
    if (others) *others = got;
    loop.run(gate.close());
    return *answered;
  }
};

TEST_F(Requests, TakeTheAnswerWithTheirIdAndSender) {
  const auto answer = ask_for(
      "<iq type='result' from='ex.test' to='bot.ex.test' id='{id}'><query xmlns='urn:q'/></iq>");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_NE(answer->child("query", "urn:q"), nullptr);
}

TEST_F(Requests, GiveAnErrorAnswerAsAnError) {
  const auto answer = ask_for(
      "<iq type='error' from='ex.test' id='{id}'><error type='cancel'><item-not-found "
      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kNotFound);
}

TEST_F(Requests, AreNotAnsweredByAnImpostor) {
  std::string others;
  const auto answer = ask_for(
      "<iq type='result' from='evil.test' id='{id}'/><iq type='result' id='{id}'/>"
      "<iq type='result' from='ex.test' id='other'/>"
      "<iq type='result' from='ex.test' id='{id}'><true xmlns='urn:q'/></iq>",
      &others);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_NE(answer->child("true", "urn:q"), nullptr);
  EXPECT_NE(others.find("evil.test"), std::string::npos);
}

TEST_F(Requests, EndWithTheirDeadline) {
  const auto answer = ask_for("<presence from='ex.test'/>", nullptr, Ctx{}.within(1ms));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kTimeout);
}

TEST_F(ComponentSession, KeepsTheLinkAliveWithWhiteSpace) {
  auto& s = server({kHead, kProof, kWelcome, "C  ", "C  ", "S </stream:stream>"});
  XmppConfig config = config_for(s);
  config.ping_interval = 5ms;
  Opened session = open(config);
  ASSERT_TRUE(session);
  SessionEnd end;
  run(**session, &end);
  EXPECT_EQ(end.error.code, Code::kUnavailable);
}

TEST_F(ComponentSession, AsksASilentServerAndLivesOnAnyByte) {
  auto& s = server({kHead, kProof, kWelcome, "C <ping xmlns='urn:xmpp:ping'/></iq>", "S \n",
                    "C <ping", "S \n", "C <ping", "S </stream:stream>"});
  XmppConfig config = config_for(s);
  config.read_timeout = 10ms;
  config.ping_timeout = 10s;
  Opened session = open(config);
  ASSERT_TRUE(session);
  SessionEnd end;
  run(**session, &end);
  EXPECT_EQ(end.error.message, "the server closed the stream");
}

TEST_F(ComponentSession, DeclaresASilentServerDead) {
  auto& s = server({kHead, kProof, kWelcome, "QUIET"});
  XmppConfig config = config_for(s);
  config.read_timeout = 10ms;
  config.ping_timeout = 10ms;
  Opened session = open(config);
  ASSERT_TRUE(session);
  SessionEnd end;
  run(**session, &end);
  EXPECT_EQ(end.error.code, Code::kTimeout);
  EXPECT_EQ(end.retry, Retry::kNormally);
}

TEST_F(ComponentSession, BreaksALinkThatDoesNotDrain) {
  auto& s = server({kHead, kProof, kWelcome, "QUIET"});
  XmppConfig config = config_for(s);
  config.unsent_bytes_max = 1000;
  Opened session = open(config);
  ASSERT_TRUE(session);
  bool told = false;
  Element big = make_message({}, {}, "chat", "");
  big.add(Element("body", std::string(kNsClient)).text(std::string(600, 'x')));
  EXPECT_TRUE((*session)->send(big, [&](Result<void> sent) { told = !sent; }));
  EXPECT_EQ((*session)->send(big).error().code, Code::kExhausted);
  SessionEnd end;
  run(**session, &end);
  EXPECT_TRUE(told);
  EXPECT_EQ(end.retry, Retry::kNormally);
}

TEST_F(ComponentSession, CloseBeforeRunSendsWhatIsQueued) {
  auto& s = server({kHead, kProof, kWelcome, "C </stream:stream>"});
  Opened session = open(config_for(s));
  ASSERT_TRUE(session);
  ASSERT_TRUE((*session)->send(make_presence({}, {}, "unavailable")));
  loop.run((*session)->close(Ctx{}));
  SUCCEED();
}

TEST_F(ComponentSession, NobodyListensIsWorthARetry) {
  XmppConfig config;
  {
    FakeServer gone(loop, {{"END"}});
    config = config_for(gone);
  }
  const Opened opened = open(config);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().retry, Retry::kNormally);
  EXPECT_EQ(opened.error().error.code, Code::kUnavailable);
}

TEST_F(ComponentSession, ABadConfigurationIsFinal) {
  XmppConfig config;
  config.component_domain = "not a domain";
  const Opened opened = open(config);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().retry, Retry::kNever);
}

}  // namespace
}  // namespace skep::xmpp
