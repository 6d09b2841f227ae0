// XEP-0198 on the wire: enabling, acknowledging, resuming.
#include <gtest/gtest.h>

#include "client_script.h"
#include "skep/async/wait.h"
#include "skep/xmpp/link.h"

namespace skep::xmpp {
namespace {

using namespace std::chrono_literals;
using namespace testing;

const std::string kAsk = "<r xmlns='urn:xmpp:sm:3'/>";
std::string ack(int h) { return fmt::format("<a xmlns='urn:xmpp:sm:3' h='{}'/>", h); }
Element words(std::string_view text) {
  Element message = make_message({}, Jid::parse("ann@ex.test").value(), "chat", text);
  return message.add(Element("body", std::string(kNsClient)).text(std::string(text)));
}
std::string from_ann(std::string_view id) {
  return fmt::format("<message from='ann@ex.test/a' id='{}'><body>hi</body></message>", id);
}

class Resume : public ::testing::Test {
 protected:
  void connect(std::vector<Script> scripts) {
    server = std::make_unique<FakeServer>(loop, std::move(scripts), &certificate);
    config.mode = XmppConfig::Mode::kClient;
    config.host = "127.0.0.1";
    config.port = server->port();
    config.jid = "bot@ex.test";
    config.password = Secret("pencil");
    config.tls_ca_file = certificate.certificate_file();
    config.reconnect_initial = 1ms;
    config.reconnect_max = 2ms;
    config.reconnect_slow = 1ms;
    Link::Handlers handlers{
        .up =
            [this](Session& session) {
              note(fmt::format("up {}", session.acknowledges() ? "acknowledges" : "plain"));
            },
        .stanza = [this](Element stanza) { take(stanza); },
        .down = [this](const Error&) { note("down"); },
        .gave_up = [this](const SessionEnd&) { note("gave up"); }};
    link.emplace(config, deps, Identity{}, std::move(handlers));
    link->start();
  }

  void take(const Element& stanza) {
    if (keep) holds.push_back(link->session()->hold());
    note("got " + std::string(stanza.attribute("id")));
  }

  void note(std::string line) {
    log += line + "\n";
    changed.notify_all();
  }

  // Sends a message and notes what becomes of it.
  void say(const std::string& text) {
    const auto sent = link->session()->send(words(text), [this, text](const Result<void>& result) {
      note(fmt::format("{} {}", text, result ? "done" : "failed"));
    });
    EXPECT_TRUE(sent) << sent.error().to_string();
  }

  static Task<void> until(std::function<bool()> condition) {
    const Ctx bounded = Ctx{}.within(20s);
    while (!condition()) {
      const auto slept = co_await sleep_for(bounded, 1ms);
      if (!slept) co_return;
    }
  }
  const std::string& wait_for(const std::string& text) {
    loop.run(until([&] { return log.find(text) != std::string::npos; }));
    EXPECT_NE(log.find(text), std::string::npos) << text << " never came; so far:\n" << log;
    return log;
  }
  void wait_received(const std::string& text) {
    loop.run(until([&] { return server->received().find(text) != std::string::npos; }));
    EXPECT_NE(server->received().find(text), std::string::npos) << server->received();
  }
  int times(const std::string& text) const {
    int count = 0;
    for (std::size_t at = 0; (at = server->received().find(text, at)) != std::string::npos; ++at)
      ++count;
    return count;
  }

  void TearDown() override {
    if (link) loop.run(link->close(Ctx{}.within(5s)));
    holds.clear();
    link.reset();
  }

  Loop loop;
  Pool pool{loop};
  XmppDeps deps{loop, pool, Clock::system()};
  Certificate certificate{"ex.test"};
  XmppConfig config;
  Signal changed;
  std::string log;
  bool keep = false;
  std::vector<std::shared_ptr<void>> holds;
  std::unique_ptr<FakeServer> server;
  std::optional<Link> link;
};

TEST_F(Resume, WhatIsSentIsDoneWhenTheServerSaysSo) {
  connect({joined(to_managed("id='s1' resume='true'"),
                  {"C >one<", "C " + kAsk, "S " + from_ann("m1") + from_ann("m2"), "C >two<",
                   "S " + ack(1), "C " + kAsk, "S " + ack(2)})});
  EXPECT_EQ(wait_for("up"), "up acknowledges\n");
  say("one");
  wait_for("got m2");
  EXPECT_EQ(log.find("done"), std::string::npos) << "the kernel's word is not the server's";
  say("two");
  EXPECT_EQ(wait_for("two done"), "up acknowledges\ngot m1\ngot m2\none done\ntwo done\n");
  EXPECT_TRUE(link->status().acknowledged);
}

TEST_F(Resume, TheServerIsToldOnlyWhatHasBeenHandled) {
  keep = true;
  connect({joined(to_managed("id='s1' resume='true'"),
                  {"S " + from_ann("m1") + from_ann("m2") + kAsk, "C " + ack(0), "C " + ack(2)})});
  wait_for("got m2");
  wait_received(ack(0));
  holds.erase(holds.begin());
  holds.clear();
  wait_received(ack(2));
}

TEST_F(Resume, AnsweredQuestionsCountAtOnce) {
  keep = false;
  connect(
      {joined(to_managed("id='s1' resume='true'"),
              {"S <iq type='get' from='ex.test' id='p1'><ping xmlns='urn:xmpp:ping'/></iq>" + kAsk,
               "C id='p1' type='result'", "C " + ack(1)})});
  wait_received(ack(1));
}

TEST_F(Resume, AnInterruptedStreamGoesOnAndNothingIsSentTwiceOrLost) {
  connect({joined(to_managed("id='s&lt;1' resume='true'"),
                  {"S " + from_ann("m1"), "C >one<", "C >two<", "S " + ack(1), "END"}),
           joined(to_managed_features(),
                  {"C <resume xmlns='urn:xmpp:sm:3' previd='s&lt;1' h='1'/>",
                   "S <resumed xmlns='urn:xmpp:sm:3' previd='s&lt;1' h='1'/>" + from_ann("m2"),
                   "C >two<", "C " + kAsk, "S " + ack(2)})});
  wait_for("got m1");
  say("one");
  say("two");
  EXPECT_EQ(wait_for("two done").find("down"), std::string::npos);
  wait_for("got m2");
  EXPECT_EQ(times(">one<"), 1);
  EXPECT_EQ(times(">two<"), 2);
  EXPECT_EQ(link->status().connects, 1u);
  EXPECT_EQ(link->status().resumes, 1u);
  EXPECT_EQ(log, "up acknowledges\ngot m1\none done\ngot m2\ntwo done\n");
}

TEST_F(Resume, WhatIsSaidWhileTheLinkIsDownGoesOutWhenItIsBack) {
  connect({joined(to_managed("id='s1' resume='true'"), {"S " + from_ann("m1"), "END"}),
           {"END"},
           joined(to_managed_features(),
                  {"C <resume", "S <resumed xmlns='urn:xmpp:sm:3' previd='s1' h='0'/>", "C >one<",
                   "C " + kAsk, "S " + ack(1)})});
  wait_for("got m1");
  loop.run(until([&] { return !link->status().up; }));
  ASSERT_NE(link->session(), nullptr);
  say("one");
  wait_for("one done");
}

TEST_F(Resume, ARepetitionOfWhatIsStillBeingHandledIsNotHandedOverAgain) {
  keep = true;
  connect({joined(to_managed("id='s1' resume='true'"),
                  {"S " + from_ann("m1") + from_ann("m2"), "C " + kAsk, "END"}),
           joined(to_managed_features(),
                  {"C h='0'/>", "S <resumed xmlns='urn:xmpp:sm:3' previd='s1' h='1'/>" +
                                    from_ann("m1") + from_ann("m2") + from_ann("m3")})});
  wait_for("got m2");
  say("one");
  EXPECT_EQ(wait_for("got m3"), "up acknowledges\ngot m1\ngot m2\none done\ngot m3\n");
}

TEST_F(Resume, AStreamThatIsNotResumedGivesBackWhatTheServerHasNotHad) {
  connect({joined(to_managed("id='s1' resume='true'"), {"C >one<", "C >two<", "END"}),
           joined(to_managed_features(),
                  {"C <resume",
                   "S <failed xmlns='urn:xmpp:sm:3' h='1'><item-not-found "
                   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
                   "C <resource>skep</resource></bind></iq>", kBound, "C <enable",
                   "S <enabled xmlns='urn:xmpp:sm:3' id='s2' resume='true'/>"})});
  wait_for("up");
  say("one");
  say("two");
  wait_for("down\nup");
  EXPECT_EQ(log, "up acknowledges\none done\ntwo failed\ndown\nup acknowledges\n");
  EXPECT_EQ(link->status().resumes_failed, 1u);
  EXPECT_EQ(link->status().connects, 2u);
}

TEST_F(Resume, AServerThatCountsTooMuchIsLeftAndCounted) {
  connect({joined(to_managed("id='s1' resume='true'"),
                  {"C >one<", "S " + ack(7),
                   "C <handled-count-too-high xmlns='urn:xmpp:sm:3' h='7' send-count='1'/>"}),
           to_bound()});
  wait_for("up");
  say("one");
  wait_for("up plain");
  EXPECT_EQ(log, "up acknowledges\none failed\ndown\nup plain\n");
  EXPECT_EQ(link->status().false_counts, 1u);
  EXPECT_NE(server->received().find("<undefined-condition"), std::string::npos);
  EXPECT_EQ(server->received().find("<resume"), std::string::npos) << "it is not taken up again";
}

TEST_F(Resume, AResumptionThatCountsTooMuchIsLeftToo) {
  connect({joined(to_managed("id='s1' resume='true'"), {"S " + from_ann("m1"), "END"}),
           joined(to_managed_features(),
                  {"C <resume", "S <resumed xmlns='urn:xmpp:sm:3' previd='s1' h='9'/>"}),
           to_bound()});
  wait_for("up plain");
  EXPECT_EQ(link->status().false_counts, 1u);
}

TEST_F(Resume, AStreamErrorEndsTheStreamForGood) {
  connect({joined(to_managed("id='s1' resume='true'"),
                  {"S <stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                   "</stream:error></stream:stream>"}),
           to_bound()});
  wait_for("up plain");
  EXPECT_EQ(server->received().find("<resume"), std::string::npos);
}

TEST_F(Resume, WhatComesBetweenBindingAndTheAnswerIsNotLost) {
  Script script = to_managed("id='s1' resume='true'");
  script.back() = "S " + from_ann("early") + script.back().substr(2) + kAsk;
  connect({joined(script, {"C " + ack(0)})});
  wait_for("got early");
  wait_received(ack(0));
}

TEST_F(Resume, ARefusalLeavesAPlainSession) {
  Script script = to_managed("");
  script.back() = "S <failed xmlns='urn:xmpp:sm:3'/>" + from_ann("m1");
  connect({script});
  EXPECT_EQ(wait_for("got m1"), "up plain\ngot m1\n");
}

TEST_F(Resume, CanBeSwitchedOff) {
  config.stream_management = false;
  connect({joined(to_managed_features(),
                  {"C <resource>skep</resource></bind></iq>", kBound + from_ann("m1")})});
  EXPECT_EQ(wait_for("got m1"), "up plain\ngot m1\n");
  EXPECT_EQ(server->received().find("<enable"), std::string::npos);
}

TEST_F(Resume, ClosingTellsTheServerWhatWasHandled) {
  keep = true;
  connect({joined(to_managed("id='s1' resume='true'"), {"S " + from_ann("m1") + from_ann("m2")})});
  wait_for("got m2");
  holds.erase(holds.begin());
  loop.run(link->close(Ctx{}.within(5s)));
  EXPECT_TRUE(server->received().ends_with(ack(1) + "</stream:stream>")) << server->received();
}

TEST_F(Resume, WhatIsHeldWithoutALinkIsBounded) {
  connect({joined(to_managed("id='s1' resume='true'"), {"S " + from_ann("m1"), "END"}), {"QUIET"}});
  wait_for("got m1");
  loop.run(until([&] { return !link->status().up; }));
  Result<void> last;
  int taken = 0;
  for (; last && taken < 100'000; taken += last ? 1 : 0) last = link->session()->send(words("x"));
  EXPECT_EQ(taken, 2000);
  EXPECT_EQ(last.error().code, Code::kExhausted);
}

}  // namespace
}  // namespace skep::xmpp
