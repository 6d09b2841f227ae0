#include <gtest/gtest.h>

#include "home.h"
#include "skep/authority/authority.h"

namespace skep::authority {
namespace {

using Outcome = Decision::Outcome;

constexpr Role kRoles[] = {Role::kNone, Role::kViewer, Role::kUser, Role::kAdmin, Role::kOwner};

struct Row {
  Action action;
  std::string_view resource;
  Role least;
};
// Eight things that people do.
constexpr Row kMatrix[] = {
    {Action::kChat, "AI.support", Role::kUser},   {Action::kViewConfig, "", Role::kUser},
    {Action::kViewUsage, "", Role::kAdmin},       {Action::kAgentSpawn, "", Role::kAdmin},
    {Action::kAgentKill, "helper", Role::kAdmin}, {Action::kManageAgents, "", Role::kAdmin},
    {Action::kChangeConfig, "", Role::kOwner},    {Action::kManageUsers, "", Role::kOwner}};

class RolesTest : public testing::Test {
 protected:
  std::unique_ptr<Authority> open(AuthorityConfig config = {}) {
    return Authority::open(std::move(config), *log_,
                           [this](std::string_view agent) {
                             return agent == "AI.support" ? &grants_ : nullptr;
                           })
        .value();
  }
  static Question question(const Row& row, std::optional<Role> role, bool direct) {
    return {.principal = {.id = "ann@example.org", .role = role},
            .agent = "AI.support",
            .action = row.action,
            .resource = std::string(row.resource),
            .direct = direct};
  }

  TestHome home_;
  std::unique_ptr<AuditLog> log_ = home_.open();
  Grants grants_ = Grants::everything();
};

TEST_F(RolesTest, DecideFourRolesTimesEightActs) {
  auto authority = open();
  std::size_t asked = 0;
  for (const Row& row : kMatrix) {
    EXPECT_EQ(minimum_role(row.action), row.least) << action_name(row.action);
    for (const Role role : kRoles) {
      const Decision decision = authority->authorize(question(row, role, /*direct=*/true));
      const bool may = role >= row.least;
      EXPECT_EQ(decision.outcome, may ? Outcome::kAllow : Outcome::kDeny)
          << role_name(role) << " " << action_name(row.action);
      EXPECT_EQ(!why_role_bars(role, row.action).has_value(), may);
      ++asked;
    }
  }
  const auto lines = read_audit(home_.path(), 100, [](const AuditEntry&) { return true; }).value();
  ASSERT_EQ(lines.size(), asked);  // each of them
  EXPECT_EQ(lines.back().action, "manage_users");
  EXPECT_EQ(lines.back().detail, "role owner");
}

TEST_F(RolesTest, SayWhichOneItTakes) {
  auto authority = open();
  EXPECT_EQ(authority->authorize(question(kMatrix[0], Role::kViewer, true)).reason,
            "chat is for the role user and above, and yours is viewer");
  EXPECT_EQ(authority->authorize(question(kMatrix[0], Role::kNone, true)).reason,
            "[[users]] does not name who asks for it");
  EXPECT_EQ(authority->authorize(question(kMatrix[0], std::nullopt, true)).outcome, Outcome::kDeny);
}

TEST_F(RolesTest, HoldForWhatAnAgentDoesForAPersonAndAddNothingToIt) {
  auto authority = open();
  const Row spawn{Action::kAgentSpawn, "", Role::kAdmin};
  EXPECT_EQ(authority->authorize(question(spawn, Role::kUser, false)).outcome, Outcome::kDeny);
  EXPECT_EQ(authority->authorize(question(spawn, Role::kAdmin, false)).outcome, Outcome::kAllow);
  EXPECT_EQ(authority->authorize(question(spawn, std::nullopt, false)).outcome, Outcome::kAllow);
  grants_ = {};
  EXPECT_EQ(authority->authorize(question(spawn, Role::kOwner, false)).outcome, Outcome::kDeny);
  const Row tool{Action::kToolInvoke, "system_time", Role::kUser};
  grants_ = Grants::everything();
  EXPECT_EQ(authority->authorize(question(tool, Role::kViewer, false)).outcome, Outcome::kDeny);
  EXPECT_EQ(authority->authorize(question(tool, Role::kUser, false)).outcome, Outcome::kAllow);
}

TEST_F(RolesTest, RulesAboutAgentsAreNotAboutPeople) {
  auto authority = open({.ask = {"agent_kill:*"}, .deny = {"agent_spawn"}});
  EXPECT_EQ(authority->authorize(question(kMatrix[3], Role::kOwner, true)).outcome,
            Outcome::kAllow);
  EXPECT_EQ(authority->authorize(question(kMatrix[4], Role::kOwner, true)).outcome,
            Outcome::kAllow);
  EXPECT_EQ(authority->authorize(question(kMatrix[3], Role::kOwner, false)).outcome,
            Outcome::kDeny);
}

TEST(Roles, NoAgentIsGivenWhatPeopleDo) {
  for (const char* name :
       {"chat:*", "view_config", "view_usage", "manage_agents", "change_config", "manage_users"}) {
    const auto refused = parse_capability(name);
    ASSERT_FALSE(refused) << name;
    EXPECT_NE(refused.error().message.find("by their role"), std::string::npos);
  }
  EXPECT_FALSE(Grants::everything().allow(Action::kManageUsers, ""));
}

}  // namespace
}  // namespace skep::authority
