#include "skep/kernel/nodes.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "journal_move.h"
#include "skep/base/json.h"
#include "skep/store/named_journal.h"
#include "temp_home.h"

namespace skep::kernel {
namespace {

struct Read {
  KernelConfig config;
  std::vector<ConfigProblem> problems;
};
Read read(std::string_view toml, const std::string& home = "/home/x/.skep") {
  ConfigFile file = ConfigFile::parse(toml, "skep.toml").value();
  Read result{KernelConfig::read(file, home), {}};
  result.problems = file.problems();
  return result;
}
using Where = NodesConfig::Where;

TEST(NodesConfig, EverythingIsInsideUnlessItSaysOtherwise) {
  EXPECT_TRUE(read("").config.nodes.all_inside());
  const Read got =
      read("[nodes]\nagent = \"process\"\nxmpp = \"by hand\"\nmissing_kept_secs = 60\n");
  EXPECT_TRUE(got.problems.empty());
  EXPECT_EQ(got.config.nodes.where(NodeKind::kAgent), Where::kProcess);
  EXPECT_EQ(got.config.nodes.where(NodeKind::kXmpp), Where::kByHand);
  EXPECT_EQ(got.config.nodes.missing_kept_max, std::chrono::seconds(60));
}

TEST(NodesConfig, ProcessesNeedTheSocket) {
  const Read got = read("[fabric]\nsocket = false\n[nodes]\nagent = \"process\"\n");
  ASSERT_EQ(got.problems.size(), 1u);
  EXPECT_TRUE(got.problems[0].message.contains("socket"));
  EXPECT_EQ(read("[nodes]\nagent = \"elsewhere\"\n").problems.size(), 1u);
}

TEST(NodesConfig, WhatNeedsBothInOneProcessSaysSo) {
  const std::string outside = "[nodes]\nxmpp = \"process\"\n";
  EXPECT_TRUE(read(outside).problems.empty());
  const Read sends = read(outside + "[skills.xmpp_send]\nenabled = true\n");
  ASSERT_EQ(sends.problems.size(), 1u);
  EXPECT_TRUE(sends.problems[0].message.contains("xmpp_send"));
  const std::string asks = "[agents]\nmain_tools = \"on\"\n";
  EXPECT_TRUE(read(outside + asks).problems.empty());
  EXPECT_EQ(read("[nodes]\nagent = \"process\"\n" + asks).problems.size(), 1u);
}

TEST(NodeKinds, AreNamedOnTheCommandLine) {
  EXPECT_EQ(kind_named("xmpp"), NodeKind::kXmpp);
  EXPECT_EQ(kind_named("cook"), std::nullopt);
}

class JournalMove : public testing::Test {
 protected:
  std::unique_ptr<store::Journal> open(const std::string& directory) {
    return std::move(*store::Journal::open({.directory = directory}));
  }
  void SetUp() override {
    ours = open(home.path() + "/run/journal");
    ASSERT_TRUE(ours->begin("turn", store::EntryId("T1"), "asked"));
    ASSERT_TRUE(ours->step(store::EntryId("T1"), "thought"));
    ASSERT_TRUE(ours->begin("out", store::EntryId("out:R1"), "answer"));
    ASSERT_TRUE(ours->remember("seen", "K1"));
  }
  std::vector<std::string> steps(store::Journal& journal, std::string_view kind) {
    const auto entries = journal.unfinished(kind);
    return entries.size() == 1 ? entries[0].steps : std::vector<std::string>();
  }
  const TempHome home;
  KernelConfig config = read("", home.path()).config;
  std::unique_ptr<store::Journal> ours;
};
using Steps = std::vector<std::string>;

TEST_F(JournalMove, TakesWhatIsTheNodesAndLeavesTheRest) {
  ASSERT_TRUE(hand_journal_over(config, NodeKind::kAgent, *ours));
  EXPECT_TRUE(ours->unfinished("turn").empty());
  EXPECT_EQ(steps(*ours, "out"), Steps{"answer"});
  auto theirs = open(node_journal(home.path(), NodeKind::kAgent));
  EXPECT_EQ(steps(*theirs, "turn"), (Steps{"asked", "thought"}));
  EXPECT_FALSE(theirs->remembers("seen", "K1"));
}

TEST_F(JournalMove, ComesBackWithWhatIsNewAndTheKeys) {
  ASSERT_TRUE(hand_journal_over(config, NodeKind::kXmpp, *ours));
  {
    auto theirs = open(node_journal(home.path(), NodeKind::kXmpp));
    EXPECT_TRUE(theirs->remembers("seen", "K1"));
    ASSERT_TRUE(theirs->remember("seen", "K2"));
    ASSERT_TRUE(theirs->begin("room-out", store::EntryId("out:R2"), "to a room"));
  }
  ASSERT_TRUE(take_journal_back(config, NodeKind::kXmpp, *ours));
  EXPECT_EQ(steps(*ours, "out"), Steps{"answer"});
  EXPECT_EQ(steps(*ours, "room-out"), Steps{"to a room"});
  EXPECT_TRUE(ours->remembers("seen", "K2"));
  EXPECT_FALSE(std::filesystem::exists(node_directory(home.path(), NodeKind::kXmpp)));
}

constexpr std::string_view kTwoAccounts = R"([agent]
allowed_jids = ["*"]
[server]
mode = "component"
component_domain = "skep.example.org"
component_secret = "secret"
[[accounts]]
id = "bot"
mode = "component"
component_domain = "bot.example.org"
component_secret = "secret"
)";

TEST_F(JournalMove, TakesTheEntriesOfEveryAccount) {
  const Read two = read(kTwoAccounts, home.path());
  ASSERT_TRUE(two.problems.empty()) << two.problems[0].message;
  store::NamedJournal of_bot(*ours, "bot");
  ASSERT_TRUE(of_bot.begin("out", store::EntryId("out:R2"), "of the bot"));
  ASSERT_TRUE(of_bot.remember("seen", "K2"));
  ASSERT_TRUE(hand_journal_over(two.config, NodeKind::kXmpp, *ours));
  EXPECT_TRUE(ours->unfinished("out").empty());
  auto theirs = open(node_journal(home.path(), NodeKind::kXmpp));
  EXPECT_EQ(steps(*theirs, "out"), Steps{"answer"});
  store::NamedJournal there(*theirs, "bot");
  EXPECT_EQ(steps(there, "out"), Steps{"of the bot"});
  EXPECT_EQ(there.remembered("seen"), std::vector<std::string>{"K2"});
}

TEST_F(JournalMove, LeavesOtherAgentsTheirQuestions) {
  const std::string own(Name::from_label(NodeType::kAgent, config.agent.name, "x").base());
  for (const auto& [id, agent] : {std::pair{"approval/1", own}, {"approval/2", "AI.other"}}) {
    const json::object record{{"question", json::object{{"agent", agent}}}};
    ASSERT_TRUE(ours->begin("approval", store::EntryId(id), to_json(record)));
  }
  ASSERT_TRUE(hand_journal_over(config, NodeKind::kAgent, *ours));
  ASSERT_EQ(ours->unfinished("approval").size(), 1u);
  EXPECT_EQ(ours->unfinished("approval")[0].id.str(), "approval/2");
}

TEST_F(JournalMove, APieceThatAKilledProcessLeftIsReplaced) {
  {
    auto theirs = open(node_journal(home.path(), NodeKind::kAgent));
    ASSERT_TRUE(theirs->begin("turn", store::EntryId("T1"), "asked"));
  }
  ASSERT_TRUE(hand_journal_over(config, NodeKind::kAgent, *ours));
  auto theirs = open(node_journal(home.path(), NodeKind::kAgent));
  EXPECT_EQ(steps(*theirs, "turn"), (Steps{"asked", "thought"}));
}

TEST_F(JournalMove, ALivingProcessKeepsItsJournal) {
  auto theirs = open(node_journal(home.path(), NodeKind::kAgent));
  ASSERT_TRUE(hand_journal_over(config, NodeKind::kAgent, *ours));
  EXPECT_EQ(steps(*ours, "turn"), (Steps{"asked", "thought"}));
  const auto lock = HomeLock::take(node_directory(home.path(), NodeKind::kAgent));
  const auto taken = take_journal_back(config, NodeKind::kAgent, *ours);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kConflict);
}

}  // namespace
}  // namespace skep::kernel
