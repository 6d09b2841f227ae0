#include "skep/authority/authority.h"

#include <gtest/gtest.h>

#include "home.h"

namespace skep::authority {
namespace {

using Outcome = Decision::Outcome;

class AuthorityTest : public testing::Test {
 protected:
  std::unique_ptr<Authority> open(AuthorityConfig config) {
    auto authority = Authority::open(std::move(config), *log_, [this](std::string_view agent) {
      return agent == "AI.support" ? &grants_ : nullptr;
    });
    EXPECT_TRUE(authority);
    return *std::move(authority);
  }
  static Question question(Action action, std::string resource, Labels labels = {}) {
    return {.principal = {.id = "ann@example.org"},
            .agent = "AI.support",
            .action = action,
            .resource = std::move(resource),
            .labels = labels,
            .trace = "01T",
            .detail = "for a test"};
  }
  AuditEntry newest() {
    return read_audit(home_.path(), 1, [](const AuditEntry&) { return true; }).value().at(0);
  }

  TestHome home_;
  std::unique_ptr<AuditLog> log_ = home_.open();
  Grants grants_ = Grants::of_profile("coding").value();
};

constexpr Labels kPage{static_cast<std::uint8_t>(Label::kExternalNetwork)};
constexpr Labels kHoldsKey{static_cast<std::uint8_t>(Label::kSecret)};

TEST_F(AuthorityTest, DeniesWhatNothingGrants) {
  auto authority = open({});
  const Decision denied = authority->authorize(question(Action::kMemoryWrite, "self.x"));
  EXPECT_EQ(denied.outcome, Outcome::kDeny);
  EXPECT_EQ(denied.reason, "AI.support has no capability for memory_write of \"self.x\"");
  Question stranger = question(Action::kFileRead, "x");
  stranger.agent = "AI.nobody";
  EXPECT_EQ(authority->authorize(stranger).outcome, Outcome::kDeny);
  EXPECT_EQ(authority->authorize(question(Action::kFileRead, "")).outcome, Outcome::kDeny);
}

TEST_F(AuthorityTest, SaysWhichGrantAllowed) {
  auto authority = open({});
  const Decision allowed = authority->authorize(question(Action::kShellExec, "make"));
  EXPECT_EQ(allowed.outcome, Outcome::kAllow);
  EXPECT_EQ(allowed.reason, "granted by shell_exec:*");
}

TEST_F(AuthorityTest, ConfiguredDenyBeatsEveryGrant) {
  auto authority = open({.deny = {"shell_exec:rm"}});
  EXPECT_EQ(authority->authorize(question(Action::kShellExec, "rm")).outcome, Outcome::kDeny);
  EXPECT_EQ(authority->authorize(question(Action::kShellExec, "ls")).outcome, Outcome::kAllow);
}

TEST_F(AuthorityTest, AsksWhereConfigured) {
  auto authority = open({.ask = {"shell_exec:*"}});
  const Decision asked = authority->authorize(question(Action::kShellExec, "make"));
  EXPECT_EQ(asked.outcome, Outcome::kAsk);
  EXPECT_EQ(newest().outcome, "ask");
}

TEST_F(AuthorityTest, WordsFromOutsideDoNotReachASink) {
  auto authority = open({});
  EXPECT_EQ(authority->authorize(question(Action::kShellExec, "make", kPage)).outcome,
            Outcome::kAsk);
  EXPECT_EQ(authority->authorize(question(Action::kFileWrite, "a.txt", kPage)).outcome,
            Outcome::kAllow);
  Question fetch = question(Action::kNetConnect, "evil.example:443", kPage);
  EXPECT_EQ(authority->authorize(fetch).outcome, Outcome::kAllow);
  fetch.sends = true;
  EXPECT_EQ(authority->authorize(fetch).outcome, Outcome::kAsk);
  auto strict = open({.tainted = "deny"});
  const Decision denied = strict->authorize(fetch);
  EXPECT_EQ(denied.outcome, Outcome::kDeny);
  EXPECT_EQ(denied.reason,
            "net_connect of \"evil.example:443\" after reading what may not be trusted "
            "(external_network)");
  EXPECT_EQ(open({.tainted = "allow"})->authorize(fetch).outcome, Outcome::kAllow);
}

TEST_F(AuthorityTest, SecretsDoNotLeave) {
  auto authority = open({});
  Question fetch = question(Action::kNetConnect, "example.org:443", kHoldsKey);
  fetch.sends = true;
  EXPECT_EQ(authority->authorize(fetch).outcome, Outcome::kAsk);
  EXPECT_EQ(authority->authorize(question(Action::kShellExec, "make", kHoldsKey)).outcome,
            Outcome::kAllow);
}

TEST_F(AuthorityTest, TaintIsNoWayAroundTheGrants) {
  grants_ = Grants::of_profile("minimal").value();
  EXPECT_EQ(open({})->authorize(question(Action::kShellExec, "make", kPage)).outcome,
            Outcome::kDeny);
}

TEST_F(AuthorityTest, EveryDecisionIsInTheLogWithItsReason) {
  auto authority = open({});
  (void)authority->authorize(question(Action::kShellExec, "make"));
  const AuditEntry noted = newest();
  EXPECT_EQ(noted.principal, "ann@example.org");
  EXPECT_EQ(noted.agent, "AI.support");
  EXPECT_EQ(noted.action, "shell_exec");
  EXPECT_EQ(noted.resource, "make");
  EXPECT_EQ(noted.outcome, "allow");
  EXPECT_EQ(noted.detail, "for a test - granted by shell_exec:*");
  EXPECT_EQ(noted.trace, "01T");
}

TEST_F(AuthorityTest, NothingIsDoneThatCannotBeWrittenDown) {
  auto authority = open({});
  const FileSizeLimit full(1);
  const Decision denied = authority->authorize(question(Action::kShellExec, "make"));
  EXPECT_EQ(denied.outcome, Outcome::kDeny);
}

TEST_F(AuthorityTest, RefusesRulesThatMeanNothing) {
  const auto opened = Authority::open({.ask = {"shel_exec:*"}}, *log_,
                                      [](std::string_view) -> const Grants* { return nullptr; });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kInvalid);
}

TEST(AuthorityConfig, ReportsBadRulesWithTheirKey) {
  auto file =
      ConfigFile::parse("[authority]\nask = [\"shel_exec:*\"]\ntainted = \"maybe\"\n", "skep.toml");
  (void)AuthorityConfig::read(file->root().child("authority"));
  const auto problems = file->problems();
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].message, "\"shel_exec\" is no action; did you mean \"shell_exec\"?");
}

TEST(Labels, AreNamedForPeople) {
  Labels labels;
  EXPECT_EQ(describe(labels), "");
  labels |= Label::kExternalNetwork;
  labels |= Label::kSecret;
  EXPECT_EQ(describe(labels), "external_network, secret");
}

}  // namespace
}  // namespace skep::authority
