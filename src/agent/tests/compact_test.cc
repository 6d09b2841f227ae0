#include "../src/compact.h"

#include "skep/agent/prompt.h"
#include "support.h"

namespace skep::agent {
namespace {

using memory::TranscriptEntry;
using memory::TranscriptMessage;
using memory::TranscriptSummary;
using testing::AgentFixture;
using testing::CountingTool;
using testing::told;
using testing::tool_call;

// `count` questions and answers of `bytes` each; "u3" is the third question's id.
std::vector<TranscriptEntry> talk(int count, std::size_t bytes) {
  std::vector<TranscriptEntry> entries;
  for (int i = 1; i <= count; ++i) {
    using Role = TranscriptMessage::Role;
    entries.emplace_back(
        TranscriptMessage{.role = Role::kUser,
                          .content = fmt::format("q{} ", i) + std::string(bytes, 'q'),
                          .msg_id = fmt::format("u{}", i)});
    entries.emplace_back(
        TranscriptMessage{.role = Role::kAssistant,
                          .content = fmt::format("a{} ", i) + std::string(bytes, 'a'),
                          .msg_id = fmt::format("r{}", i)});
  }
  return entries;
}

TEST(Compaction, LeavesShortConversationsAlone) {
  EXPECT_FALSE(plan_compaction(talk(10, 400), 10'000));
  EXPECT_FALSE(plan_compaction(talk(1, 100'000), 1'000)) << "the newest turn always stays";
  for (const std::size_t budget : {1'000u, 10'000u, 40'000u}) {
    for (int turns = 1; turns < 200; turns += 7) {
      const auto entries = talk(turns, 400);
      if (plan_compaction(entries, budget))
        EXPECT_FALSE(is_short(tokens_at_most(entries), budget)) << turns << " in " << budget;
    }
  }
  EXPECT_TRUE(is_short(tokens_at_most(talk(4, 400)), 50'000));
}

TEST(Compaction, TakesWholeTurnsFromTheOldestOnDownToThreeFifths) {
  const auto plan = plan_compaction(talk(10, 400), 2'000);  // some 210 tokens a turn
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->turns.size(), 5u);
  EXPECT_EQ(plan->entries, 10);
  EXPECT_EQ(plan->last_id, "r5");
  EXPECT_TRUE(plan->turns[0].starts_with("Person: q1 qqq"));
  EXPECT_TRUE(plan->turns[0].contains("\nAssistant: a1 aaa"));
}

TEST(Compaction, ASummaryStandsForWhatIsBeforeItsLastMessage) {
  std::vector<TranscriptEntry> entries = talk(3, 10);
  entries.emplace_back(
      TranscriptSummary{.compacted_count = 2, .content = "bees", .last_msg_id = "r1"});
  const Prompt prompt =
      assemble({.agent_name = "x", .history = entries, .newest = {TextPart{"new"}}});
  llm::Request request{.messages = prompt.messages};
  const std::vector<std::string> lines = told(request);
  EXPECT_TRUE(lines[0].starts_with("user: [Summary of this conversation so far]\nbees q2"))
      << lines[0];
  EXPECT_EQ(lines.size(), 5u);
}

TEST(Compaction, ASummaryIsAsTaintedAsWhatItIsMadeOf) {
  using authority::Label;
  std::vector<TranscriptEntry> entries = talk(10, 400);
  EXPECT_EQ(plan_compaction(entries, 2'000)->labels, authority::Labels());
  std::get<TranscriptMessage>(entries[19]).taint = "external_network";
  EXPECT_EQ(plan_compaction(entries, 2'000)->labels, authority::Labels()) << "it is not in it";
  std::get<TranscriptMessage>(entries[3]).taint = "untrusted_agent";
  EXPECT_TRUE(plan_compaction(entries, 2'000)->labels.has(Label::kUntrustedAgent));
  const auto labels = [&](int budget) {
    return assemble({.agent_name = "x",
                     .history = entries,
                     .newest = {TextPart{"new"}},
                     .history_token_budget = budget})
        .labels;
  };
  EXPECT_EQ(authority::describe(labels(50'000)), "external_network, untrusted_agent");
  EXPECT_EQ(authority::describe(labels(500)), "external_network") << "the rest is out of sight";
  entries.emplace_back(
      TranscriptSummary{.content = "bees", .last_msg_id = "r10", .taint = "untrusted_agent"});
  EXPECT_EQ(authority::describe(labels(500)), "untrusted_agent");
}

class CompactTest : public AgentFixture {
 protected:
  CompactTest() {
    settings.history_token_budget = 1'000;
    reconfigure();
  }
  void chat(int turns) {
    for (int i = 0; i < turns; ++i) {
      model.says(std::string(400, 'a'));
      ask(fmt::format("q{} ", i) + std::string(400, 'q'));
    }
  }
  std::vector<TranscriptSummary> summaries() {
    std::vector<TranscriptSummary> found;
    for (const TranscriptEntry& entry : *memory->history({"xmpp", "ann@example.org", ""})) {
      if (const auto* summary = std::get_if<TranscriptSummary>(&entry)) found.push_back(*summary);
    }
    return found;
  }
};

TEST_F(CompactTest, ALongConversationIsSummarisedBehindTheAnswer) {
  chat(3);
  EXPECT_TRUE(summaries().empty());
  model.says(std::string(400, 'a'));
  model.says("They spoke of q.");  // the summary, asked for after the answer
  ask("q3 " + std::string(400, 'q'));
  run_until([&] { return !summaries().empty(); });
  EXPECT_EQ(summaries()[0].content, "They spoke of q.");
  EXPECT_EQ(transcript().size(), 8u) << "nothing is destroyed";
  const llm::Request& asked = model.requests.back();
  EXPECT_TRUE(told(asked)[0].contains("Person: q0 qqq"));
  EXPECT_FALSE(told(asked)[0].contains("q3"));
  model.says("fine");
  ask("and?");
  const std::string first = told(model.requests.back())[0];
  EXPECT_TRUE(first.contains("They spoke of q."));
  EXPECT_FALSE(first.contains("q0"));
  EXPECT_EQ(ledger->spent(memory::Ledger::Scope::kTotal, "").day.calls, 6) << "it is on the bill";
}

TEST_F(CompactTest, TheModelNotesWhatShouldNotBeLost) {
  std::vector<std::string> runs;
  ASSERT_TRUE(
      toolbox.add(std::make_unique<CountingTool>("memory_store", /*repeatable=*/false, runs)));
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("other", /*repeatable=*/true, runs)));
  reconfigure();
  chat(3);
  model.says(std::string(400, 'a'));
  model.calls({tool_call("1", "memory_store", {{"x", "likes bees"}}), tool_call("2", "other")});
  model.says("They spoke of q.");
  ask("q3 " + std::string(400, 'q'));
  run_until([&] { return !summaries().empty(); });
  EXPECT_EQ(runs, (std::vector<std::string>{R"(memory_store {"x":"likes bees"})"}));
}

TEST_F(CompactTest, AFailedSummaryIsTriedInHalvesAndThenNamed) {
  chat(3);
  model.says(std::string(400, 'a'));
  model.fails(Code::kUnavailable, "down");
  model.says("The first half.");
  model.fails(Code::kUnavailable, "down");
  ask("q3 " + std::string(400, 'q'));
  run_until([&] { return !summaries().empty(); });
  EXPECT_TRUE(summaries()[0].content.starts_with("The first half.\n["));
  EXPECT_TRUE(summaries()[0].content.ends_with("could not be summarised.]"));
}

TEST_F(CompactTest, ANewSessionDoesNotGetTheOldOnesSummary) {
  chat(3);
  model.says(std::string(400, 'a'));
  model.says("late");
  model.scenes.back().hold = true;
  ASSERT_TRUE(agent->deliver(testing::user_message("q3 " + std::string(400, 'q'))));
  run_until([&] { return model.held == 1; });
  ask("/new");
  model.release();
  model.says("hello");
  ask("hi");
  EXPECT_TRUE(summaries().empty());
}

TEST_F(CompactTest, AContextThatIsExceededIsSummarisedAtOnce) {
  settings.history_token_budget = 100'000;
  reconfigure();
  chat(4);
  settings.history_token_budget = 1'000;
  reconfigure();
  model.fails(Code::kTooLarge, "context length exceeded");
  model.says("They spoke of q.");
  model.says("done");
  EXPECT_EQ(ask("go on"), "done");
  EXPECT_EQ(summaries().size(), 1u);
  EXPECT_TRUE(told(model.requests.back())[0].contains("They spoke of q."));
}

}  // namespace
}  // namespace skep::agent
