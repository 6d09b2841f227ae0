#include <gtest/gtest.h>

#include "client_script.h"
#include "skep/async/wait.h"
#include "skep/xmpp/link.h"

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;
using testing::Certificate;
using testing::FakeServer;
using testing::Script;
using namespace testing;

class ClientSession : public ::testing::Test {
 protected:
  using Opened = std::expected<std::unique_ptr<Session>, SessionEnd>;

  FakeServer& server(Script script) {
    servers_.push_back(
        std::make_unique<FakeServer>(loop, std::vector<Script>{std::move(script)}, &certificate));
    return *servers_.back();
  }

  XmppConfig config_for(const FakeServer& server) {
    XmppConfig config;
    config.mode = XmppConfig::Mode::kClient;
    config.host = "127.0.0.1";
    config.port = server.port();
    config.jid = "bot@ex.test";
    config.password = Secret("pencil");
    config.tls_ca_file = certificate.certificate_file();
    config.handshake_timeout = 10s;
    return config;
  }

  Opened open(const XmppConfig& config) { return loop.run(Session::open(Ctx{}, config, deps)); }

  SessionEnd fails(FakeServer& server) {
    const Opened opened = open(config_for(server));
    EXPECT_FALSE(opened);
    return opened ? SessionEnd{} : opened.error();
  }

  Loop loop;
  Pool pool{loop};
  XmppDeps deps{loop, pool, Clock::system()};
  Certificate certificate{"ex.test"};
  std::vector<std::unique_ptr<FakeServer>> servers_;
};

TEST_F(ClientSession, LogsInOverStartTls) {
  auto& s = server(joined(
      to_bound(), {"S <message from='ann@ex.test/a' to='bot@ex.test/skep'/></stream:stream>"}));
  Opened session = open(config_for(s));
  ASSERT_TRUE(session) << session.error().error.message;
  EXPECT_EQ((*session)->address().str(), "bot@ex.test/skep");
  EXPECT_EQ((*session)->mechanism(), "SCRAM-SHA-256");
  std::string got;
  auto collect = [&](Element stanza) { got += to_xml(stanza, kNsClient); };
  loop.run((*session)->run(Ctx{}, collect));
  EXPECT_EQ(got, "<message from='ann@ex.test/a' to='bot@ex.test/skep'/>");
}

TEST_F(ClientSession, LogsInOverDirectTls) {
  Script script = {"TLS",     kOpen, kHead + mechanisms({"SCRAM-SHA-256"}),
                   "SCRAM",   kOpen, kHead + kBindFeature,
                   "C </iq>", kBound};
  XmppConfig config = config_for(server(script));
  config.direct_tls = true;
  const Opened session = open(config);
  EXPECT_TRUE(session) << session.error().error.message;
}

TEST_F(ClientSession, WithoutStartTlsSendsNoCredential) {
  auto& s = server({kOpen, kHead + mechanisms({"PLAIN", "SCRAM-SHA-1"})});
  const SessionEnd end = fails(s);
  EXPECT_EQ(end.retry, Retry::kNever);
  EXPECT_NE(end.error.message.find("STARTTLS"), std::string::npos);
  EXPECT_EQ(s.received().find("auth"), std::string::npos) << s.received();
}

TEST_F(ClientSession, DropsWhatWasInjectedBeforeTls) {
  Script script = to_bound();
  script[3] += "<iq type='result' id='x'/><message from='evil@ex.test' to='bot@ex.test'/>";
  const Opened session = open(config_for(server(script)));
  // The injected bytes either vanish or spoil the TLS handshake; they never count as the server's.
  if (session) {
    EXPECT_EQ((*session)->mechanism(), "SCRAM-SHA-256");
  } else {
    EXPECT_EQ(session.error().retry, Retry::kNormally);
  }
}

TEST_F(ClientSession, RefusesAnUntrustedOrForeignCertificate) {
  auto& s = server(to_tls());
  XmppConfig untrusted = config_for(s);
  untrusted.tls_ca_file.clear();
  XmppConfig foreign = config_for(s);
  foreign.jid = "bot@other.test";
  for (const XmppConfig& config : {untrusted, foreign}) {
    const Script same = {"C version='1.0'>", kHead + kStartTlsFeature, "C <starttls", to_tls()[3],
                         "TLS"};
    XmppConfig here = config;
    here.port = server(same).port();
    const Opened opened = open(here);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().retry, Retry::kNever) << opened.error().error.message;
    EXPECT_EQ(opened.error().error.code, Code::kUnauthenticated);
  }
}

TEST_F(ClientSession, ConnectsToAnyCertificateWhenTold) {
  Script script = to_bound();
  for (std::string& line : script) {
    if (line == kOpen) line = "C version='1.0'>";
  }
  XmppConfig config = config_for(server(script));
  config.jid = "bot@other.test";
  config.tls_ca_file.clear();
  config.tls_verify = false;
  const Opened session = open(config);
  EXPECT_TRUE(session) << session.error().error.message;
}

TEST_F(ClientSession, RefusesAForgedServerSignature) {
  const SessionEnd end = fails(server(joined(to_login({"SCRAM-SHA-256"}), {"FORGED"})));
  EXPECT_EQ(end.retry, Retry::kNever);
  EXPECT_EQ(end.error.code, Code::kUnauthenticated);
}

TEST_F(ClientSession, RefusesASuccessWithoutProof) {
  const SessionEnd end =
      fails(server(joined(to_login({"SCRAM-SHA-256"}),
                          {"C </auth>", "S <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"})));
  EXPECT_EQ(end.retry, Retry::kNever);
  EXPECT_EQ(end.error.code, Code::kUnauthenticated);
}

TEST_F(ClientSession, PlainNeedsPermission) {
  auto& refused = server(to_login({"PLAIN"}));
  const SessionEnd end = fails(refused);
  EXPECT_EQ(end.retry, Retry::kNever);
  EXPECT_EQ(end.error.code, Code::kDenied);
  EXPECT_EQ(refused.received().find("<auth"), std::string::npos);

  XmppConfig config = config_for(
      server(joined(to_login({"PLAIN"}), {"C mechanism='PLAIN'>AGJvdABwZW5jaWw=</auth>",
                                          "S <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
                                          kOpen, kHead + kBindFeature, "C </iq>", kBound})));
  config.allow_plain = true;
  const Opened session = open(config);
  EXPECT_TRUE(session) << session.error().error.message;
}

TEST_F(ClientSession, RefusesADowngrade) {
  XmppConfig config = config_for(server(to_login({"SCRAM-SHA-1"})));
  config.strongest_mechanism = "SCRAM-SHA-256";
  const Opened opened = open(config);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().retry, Retry::kNever);
}

TEST_F(ClientSession, TreatsEachSaslFailureAsItDeserves) {
  const struct {
    const char* condition;
    Retry retry;
  } table[] = {{"not-authorized", Retry::kNever},          {"account-disabled", Retry::kNever},
               {"credentials-expired", Retry::kNever},     {"invalid-authzid", Retry::kNever},
               {"mechanism-too-weak", Retry::kNever},      {"invalid-mechanism", Retry::kNever},
               {"temporary-auth-failure", Retry::kSlowly}, {"aborted", Retry::kNormally}};
  for (const auto& row : table) {
    const std::string failure = fmt::format(
        "S <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{}/></failure>", row.condition);
    const SessionEnd end = fails(server(joined(to_login({"SCRAM-SHA-1"}), {"C </auth>", failure})));
    EXPECT_EQ(end.retry, row.retry) << row.condition;
    EXPECT_NE(end.error.message.find(row.condition), std::string::npos) << end.error.message;
    EXPECT_EQ(end.error.message.find("pencil"), std::string::npos);
  }
}

TEST_F(ClientSession, ARestartDuringLoginIsWorthARetry) {
  EXPECT_EQ(fails(server(joined(to_login({"SCRAM-SHA-256"}), {"C </auth>", "END"}))).retry,
            Retry::kNormally);
  EXPECT_EQ(fails(server(joined(to_login({"SCRAM-SHA-256"}), {"SCRAM", "END"}))).retry,
            Retry::kNormally);
  EXPECT_EQ(fails(server({kOpen, "S <bad>", "END"})).retry, Retry::kNormally);
}

TEST_F(ClientSession, TakesAnotherResourceWhenItsOwnIsTaken) {
  const std::string conflict =
      "S <iq type='error' id='{id}'><error type='cancel'><conflict "
      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
  auto& s = server(joined(to_login({"SCRAM-SHA-256"}),
                          {"SCRAM", kOpen, kHead + kBindFeature, "C <resource>skep</resource>",
                           "C </iq>", conflict, "C <resource>skep-", "C </iq>", kBound}));
  const Opened session = open(config_for(s));
  EXPECT_TRUE(session) << session.error().error.message;
}

TEST_F(ClientSession, FollowsSeeOtherHostOnce) {
  auto& target = server(to_bound());
  const auto redirect = [](std::uint16_t port) {
    return fmt::format(
        "S <stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:{}"
        "</see-other-host></stream:error></stream:stream>",
        port);
  };
  auto& first = server({kOpen, kHead, redirect(target.port())});
  const Opened session = open(config_for(first));
  EXPECT_TRUE(session) << session.error().error.message;

  auto& second = server({kOpen, kHead, redirect(first.port())});
  EXPECT_FALSE(open(config_for(second))) << "a second redirection is not followed";
}

TEST_F(ClientSession, WorksOneByteAtATime) {
  Script script = to_bound();
  for (std::string& line : script) {
    if (line.starts_with("S ")) line = "S1 " + line.substr(2);
  }
  const Opened session = open(config_for(server(script)));
  EXPECT_TRUE(session) << session.error().error.message;
}

// Two agents with one account and resource must not throw each other out for ever.
TEST_F(ClientSession, ALinkThatLostItsResourceGoesOnUnderAnotherName) {
  Script thrown_out =
      joined(to_bound(), {"S <stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                          "</stream:error></stream:stream>"});
  Script again = joined(to_login({"SCRAM-SHA-256"}), {"SCRAM", kOpen, kHead + kBindFeature,
                                                      "C <resource>skep-", "C </iq>", kBound});
  const std::vector<Script> scripts = {thrown_out, again};
  FakeServer twice(loop, scripts, &certificate);
  const XmppConfig config = config_for(twice);
  Signal back;
  std::vector<Code> downs;
  Link::Handlers handlers{.up = [&](Session&) { back.notify_all(); },
                          .down = [&](const Error& error) { downs.push_back(error.code); }};
  Link link(config, deps, Identity{}, std::move(handlers));
  link.start();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(loop.run(back.wait(Ctx{}.within(10s))));
  EXPECT_EQ(downs, (std::vector{Code::kConflict}));
  EXPECT_EQ(link.status().connects, 2u);
  loop.run(link.close(Ctx{}.within(10s)));
}

}  // namespace
}  // namespace skep::xmpp
