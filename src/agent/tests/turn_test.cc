// What a turn does with what the model answers.
#include "support.h"

namespace skep::agent {
namespace {

using llm::StopReason;
using testing::AgentFixture;
using testing::CountingTool;
using testing::told;
using testing::tool_call;
using testing::user_message;

class TurnTest : public AgentFixture {
 protected:
  TurnTest() {
    add_tool("look", true);
    add_tool("act", false);
  }
  CountingTool* add_tool(std::string name, bool repeatable) {
    auto tool = std::make_unique<CountingTool>(std::move(name), repeatable, runs);
    CountingTool* raw = tool.get();
    EXPECT_TRUE(toolbox.add(std::move(tool)));
    return raw;
  }
  std::vector<std::string> runs;
};

TEST_F(TurnTest, AnswersAndRemembers) {
  model.says("Hello Ann.");
  Message message = user_message("hello");
  Message copy = message;
  ASSERT_TRUE(agent->deliver(std::move(message)));
  run_until_replies(1);
  const Message& reply = channel.replies.at(0);
  EXPECT_EQ(reply.kind, Kind::kReply);
  EXPECT_EQ(reply.in_reply_to, copy.id);
  EXPECT_EQ(reply.trace, copy.trace);
  EXPECT_EQ(reply.dst, Destination(copy.src));
  EXPECT_EQ(reply.conversation, copy.conversation);
  EXPECT_EQ(reply.reply_address, copy.reply_address);
  EXPECT_EQ(text_of(reply.parts), "Hello Ann.");
  auto entries = memory->history(copy.conversation);
  ASSERT_EQ(entries->size(), 2u);
  const auto& asked = std::get<memory::TranscriptMessage>(entries->at(0));
  const auto& answered = std::get<memory::TranscriptMessage>(entries->at(1));
  EXPECT_EQ(asked.msg_id, copy.id.str());
  EXPECT_EQ(asked.content, "hello");
  EXPECT_EQ(asked.sender, "ann@example.org");
  EXPECT_EQ(answered.msg_id, reply.id.str());
  EXPECT_EQ(answered.turn, copy.id.str());
  EXPECT_EQ(answered.model, "scripted-1");
  EXPECT_EQ(answered.usage, (Usage{.input = 10, .output = 5}));
  EXPECT_EQ(journal->size(), 0u);
  EXPECT_EQ(agent->stats().usage, (Usage{.input = 10, .output = 5}));
}

TEST_F(TurnTest, TheNextTurnIsToldWhatWasSaid) {
  model.says("Hello Ann.");
  ask("hello");
  model.says("Hello again.");
  ask("me again");
  auto lines = told(model.requests.at(1));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "user: hello");
  EXPECT_EQ(lines[1], "assistant: Hello Ann.");
  EXPECT_TRUE(lines[2].ends_with(" me again"));
  EXPECT_EQ(model.requests[1].cached_messages, 2u);
}

TEST_F(TurnTest, RunsToolsAndGivesEachCallItsResult) {
  model.calls({tool_call("c1", "look", {{"x", "1"}}), tool_call("c2", "act", {{"x", "2"}})},
              "Let me see.");
  model.says("Done.");
  EXPECT_EQ(ask("go"), "Done.");
  EXPECT_EQ(runs, (std::vector<std::string>{R"(look {"x":"1"})", R"(act {"x":"2"})"}));
  auto lines = told(model.requests.at(1));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1], "assistant: Let me see. call(c1 look) call(c2 act)");
  EXPECT_EQ(lines[2], "user: result(c1 result of look) result(c2 result of act)");
}

TEST_F(TurnTest, TheTranscriptKeepsToolsForPeopleBeforeTheAnswer) {
  model.calls({tool_call("c1", "act", {{"x", "2"}})});
  model.says("Done.");
  ask("go");
  auto text =
      store::read_file(memory->directory({"xmpp", "ann@example.org", ""}) + "/history.jsonl");
  std::vector<std::string> kinds;
  for (std::string_view line : split(*text, '\n')) {
    auto entry = memory::parse_line(line);
    if (!entry) continue;
    const auto* tool = std::get_if<memory::TranscriptTool>(&*entry);
    kinds.push_back(tool == nullptr
                        ? "message"
                        : fmt::format("{} {} -> {}", tool->name, tool->arguments, tool->result));
  }
  EXPECT_EQ(kinds,
            (std::vector<std::string>{"message", R"(act {"x":"2"} -> result of act)", "message"}));
}

TEST_F(TurnTest, IdenticalCallsRunOnceAndEachGetsTheResult) {
  model.calls({tool_call("c1", "act", {{"x", "1"}}), tool_call("c2", "act", {{"x", "1"}}),
               tool_call("c3", "act", {{"x", "2"}})});
  model.says("Done.");
  ask("go");
  EXPECT_EQ(runs.size(), 2u);
  EXPECT_EQ(told(model.requests.at(1)).back(),
            "user: result(c1 result of act) result(c2 result of act) result(c3 result of act)");
}

TEST_F(TurnTest, UnknownToolsAndBadArgumentsAreToldToTheModel) {
  ToolCall broken = tool_call("c2", "look");
  broken.arguments_error = "unexpected end";
  model.calls({tool_call("c1", "fly"), broken, tool_call("c3", "look", {{"x", 5}})});
  model.says("Sorry.");
  EXPECT_EQ(ask("go"), "Sorry.");
  EXPECT_TRUE(runs.empty());
  std::string results = told(model.requests.at(1)).back();
  EXPECT_TRUE(results.contains("There is no tool \"fly\"; the tools are: act, look.")) << results;
  EXPECT_TRUE(results.contains("unexpected end")) << results;
  EXPECT_TRUE(results.contains("/x")) << results;
}

TEST_F(TurnTest, AfterTheLastRoundToolsAreForbidden) {
  config.tool_rounds_max = 2;
  reconfigure();
  for (int i = 0; i < 3; ++i) model.calls({tool_call("c", "look", {{"x", std::to_string(i)}})});
  EXPECT_FALSE(ask("go").empty());
  ASSERT_EQ(model.requests.size(), 3u);
  EXPECT_TRUE(model.requests[1].tools_allowed);
  EXPECT_FALSE(model.requests[2].tools_allowed);
  EXPECT_EQ(model.requests[2].tools.size(), 2u);
  EXPECT_EQ(runs.size(), 2u);
}

TEST_F(TurnTest, AnAnswerCutByTheLimitIsContinuedAndJoined) {
  model.says("One, two, ", StopReason::kMaxTokens);
  model.says("three, ", StopReason::kMaxTokens);
  model.says("four.");
  EXPECT_EQ(ask("count"), "One, two, three, four.");
  auto lines = told(model.requests.at(2));
  EXPECT_EQ(lines.at(lines.size() - 2), "assistant: One, two, three, ");
  EXPECT_EQ(transcript(),
            (std::vector<std::string>{"user: count", "assistant: One, two, three, four."}));
}

TEST_F(TurnTest, ContinuesAtMostThreeTimes) {
  for (const char* piece : {"a", "b", "c", "d"}) model.says(piece, StopReason::kMaxTokens);
  EXPECT_TRUE(ask("go").starts_with("abcd\n\n[This is as much"));
}

TEST_F(TurnTest, ACutToolCallIsNeverRun) {
  model.calls({tool_call("c1", "act", {{"x", "half"}})}, "I will", StopReason::kMaxTokens);
  model.calls({tool_call("c2", "act", {{"x", "whole"}})}, " act.");
  model.says("Done.");
  EXPECT_EQ(ask("go"), "Done.");
  EXPECT_EQ(runs, (std::vector<std::string>{R"(act {"x":"whole"})"}));
  EXPECT_EQ(told(model.requests.at(2)).at(1), "assistant: I will  act. call(c2 act)");
}

TEST_F(TurnTest, AnEmptyAnswerBecomesAnHonestSentence) {
  model.says("  \n");
  EXPECT_EQ(ask("go"), "The model gave no answer. Please ask again, perhaps in other words.");
}

TEST_F(TurnTest, AnEmptyLastAnswerFallsBackToWhatWasSaidBefore) {
  model.calls({tool_call("c1", "look")}, "The file is there.");
  model.says("");
  EXPECT_EQ(ask("go"), "The file is there.");
  model.calls({tool_call("c1", "look")});
  model.says("");
  EXPECT_TRUE(ask("go").starts_with("I used my tools"));
}

TEST_F(TurnTest, ARefusalIsNeutral) {
  model.says("I refuse because of policy 17", StopReason::kRefusal);
  EXPECT_EQ(ask("go"), "I can't help with that request.");
}

TEST_F(TurnTest, WatchersSeeTextToolsAndResets) {
  model.calls({tool_call("c1", "look")}, "Let me see.");
  model.scenes.back().pieces = {"Let me", " see."};
  model.says("Done.");
  model.scenes.back().reset_before = true;
  model.scenes.back().pieces = {"Done."};
  Message message = user_message("go");
  message.wants_progress = true;
  ASSERT_TRUE(agent->deliver(std::move(message)));
  run_until_replies(1);
  using Phase = Progress::Phase;
  EXPECT_EQ(channel.progress, (std::vector<Progress>{{Phase::kStarted, ""},
                                                     {Phase::kText, "Let me"},
                                                     {Phase::kText, " see."},
                                                     {Phase::kToolStart, "look"},
                                                     {Phase::kToolEnd, "look"},
                                                     {Phase::kReset, ""},
                                                     {Phase::kText, "Done."}}));
}

TEST_F(TurnTest, OthersOnlySeeThatItStarted) {
  model.says("Done.");
  model.scenes.back().pieces = {"Done."};
  ask("go");
  EXPECT_EQ(channel.progress, (std::vector<Progress>{{Progress::Phase::kStarted, ""}}));
}

TEST_F(TurnTest, AnExceededContextIsSummarisedAndHalvedOnce) {
  std::string long_text(4000, 'x');
  model.config_.history_token_budget = 6000;
  for (int i = 0; i < 4; ++i) {
    model.says("ok");
    ask(long_text);
  }
  model.fails(Code::kTooLarge, "prompt is too long");
  model.says("They said x.");  // the summary
  model.says("fits");
  EXPECT_EQ(ask("now"), "fits");
  ASSERT_EQ(model.requests.size(), 7u);
  EXPECT_EQ(model.requests[4].messages.size(), 9u);
  EXPECT_LT(model.requests[6].messages.size(), 7u);
  model.fails(Code::kTooLarge, "prompt is too long");
  model.fails(Code::kTooLarge, "prompt is too long");
  EXPECT_TRUE(ask("again").contains("too long for the model"));
}

TEST_F(TurnTest, OneConversationIsAnsweredInOrderOthersDoNotWait) {
  model.says("slow");
  model.scenes.back().hold = true;
  model.says("quick");
  model.says("after");
  ASSERT_TRUE(agent->deliver(user_message("one")));
  run_until([this] { return model.held == 1; });
  ASSERT_TRUE(agent->deliver(user_message("two")));
  ASSERT_TRUE(agent->deliver(user_message("hi", "bob@example.org")));
  run_until([this] { return channel.replies.size() == 1; });
  EXPECT_EQ(channel.text(0), "quick");
  model.release();
  run_until_replies(3);
  EXPECT_EQ(channel.text(1), "slow");
  EXPECT_EQ(channel.text(2), "after");
  EXPECT_EQ(transcript(), (std::vector<std::string>{"user: one", "assistant: slow", "user: two",
                                                    "assistant: after"}));
}

TEST_F(TurnTest, AnIdleSessionIsArchivedBeforeTheNewMessage) {
  close_agent();
  memory = std::move(*memory::Memory::open(
      {.path = (dir.path / "memory").string(), .idle_timeout = std::chrono::minutes(10)}, clock));
  make_agent();
  model.says("first");
  ask("one");
  clock.time += std::chrono::minutes(11);
  model.says("second");
  ask("two");
  EXPECT_EQ(model.requests.at(1).messages.size(), 1u);
  EXPECT_EQ(transcript(), (std::vector<std::string>{"user: two", "assistant: second"}));
}

}  // namespace
}  // namespace skep::agent
