#include "skep/agent/turn_log.h"

#include <fstream>

#include "skep/agent/replay.h"
#include "support.h"

namespace skep::agent {
namespace {

using testing::AgentFixture;
using testing::CountingTool;
using testing::tool_call;

class TurnLogTest : public AgentFixture {
 protected:
  TurnLogTest() {
    turn_log = std::move(*TurnLog::open({.directory = directory()}, clock));
    reconfigure();
  }
  ~TurnLogTest() override { close_agent(); }
  std::string directory() { return (dir.path / "turns").string(); }
};

TEST_F(TurnLogTest, KeepsWhatATurnDid) {
  std::vector<std::string> runs;
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("look", /*repeatable=*/true, runs)));
  reconfigure();
  model.calls({tool_call("1", "look", {{"x", "a"}})});
  model.says("done");
  ask("go");
  const std::string reply = channel.replies[0].id.str();
  auto turn = find_turn(directory(), reply);
  ASSERT_TRUE(turn) << turn.error().to_string();
  const json::value whole(*turn);
  EXPECT_EQ(get_string(whole, "outcome"), "answered");
  EXPECT_EQ(get_string(whole, "text"), "done");
  const json::array& steps = *get_array(whole, "steps");
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(get_string(steps[0], "s"), "model");
  EXPECT_EQ(get_string(steps[1], "name"), "look");
  EXPECT_EQ(get_string(steps[1], "result"), "result of look");
  EXPECT_EQ(get_string(steps[2], "model"), "scripted-1");
  EXPECT_TRUE(find_turn(directory(), get_string(whole, "turn")));
  EXPECT_TRUE(find_turn(directory(), get_string(whole, "trace")));
  const auto tools = read_tools(directory(), get_string(whole, "tools"));
  ASSERT_TRUE(tools);
  EXPECT_EQ((*tools)[0].name, "look");
}

TEST_F(TurnLogTest, AFailedTurnIsThereToo) {
  model.fails(Code::kUnavailable, "down");
  ask("go");
  auto turn = find_turn(directory(), channel.replies[0].id.str());
  ASSERT_TRUE(turn);
  EXPECT_EQ(get_string(json::value(*turn), "outcome"), "failed");
}

TEST_F(TurnLogTest, ATurnRunsAgainAsItDid) {
  std::vector<std::string> runs;
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("look", /*repeatable=*/true, runs)));
  reconfigure();
  model.says("hello");
  ask("hi");
  model.calls({tool_call("1", "look", {{"x", "a"}}), tool_call("2", "look", {{"x", "b"}})});
  model.says("done");
  ask("go");
  const json::object turn = *find_turn(directory(), channel.replies[1].id.str());
  const llm::ToolSpecs tools = *read_tools(directory(), get_string(json::value(turn), "tools"));
  const std::size_t asked = model.requests.size();
  clock.time += std::chrono::hours(5);
  auto report = replay_turn(turn, tools, config, *memory);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->differences, std::vector<std::string>{});
  EXPECT_EQ(report->text, "done");
  EXPECT_EQ(report->model_calls, 2u);
  EXPECT_EQ(report->tool_calls, 2u);
  EXPECT_EQ(runs.size(), 2u) << "nothing is run";
  EXPECT_EQ(model.requests.size(), asked);
  EXPECT_EQ(transcript().size(), 4u) << "nothing is written";

  ask("/new");  // the session is archived
  EXPECT_EQ(replay_turn(turn, tools, config, *memory)->differences, std::vector<std::string>{});
  std::ofstream(dir.path / "memory" / "instructions.md") << "Be brief.";
  report = replay_turn(turn, tools, config, *memory);
  ASSERT_EQ(report->differences.size(), 2u);
  EXPECT_TRUE(report->differences[0].starts_with("model call 1: other words"));
}

TEST_F(TurnLogTest, OldDaysGo) {
  model.says("one");
  ask("go");
  const std::string old = channel.replies[0].id.str();
  clock.time += std::chrono::days(15);
  model.says("two");
  ask("go");
  EXPECT_EQ(find_turn(directory(), old).error().code, Code::kNotFound);
  EXPECT_TRUE(find_turn(directory(), channel.replies[1].id.str()));
}

TEST_F(TurnLogTest, WhatIsNoIdFindsNothing) {
  EXPECT_EQ(find_turn(directory(), "").error().code, Code::kInvalid);
  EXPECT_EQ(find_turn(directory(), "a\"b").error().code, Code::kInvalid);
  EXPECT_EQ(find_turn(directory(), "01ABC").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace skep::agent
