#include "support.h"

namespace skep::agent {
namespace {

using testing::AgentFixture;
using testing::CountingTool;
using testing::told;
using testing::tool_call;

// A tool that only looks.
class LookingTool final : public CountingTool {
 public:
  LookingTool(std::string name, std::vector<std::string>& runs)
      : CountingTool(std::move(name), /*repeatable=*/true, runs) {}
  [[nodiscard]] bool side_by_side() const override { return true; }
};

class FailingTool final : public CountingTool {
 public:
  using CountingTool::CountingTool;
  Task<tools::ToolOutput> call(tools::ToolContext context, json::object arguments) override {
    tools::ToolOutput out = co_await CountingTool::call(std::move(context), std::move(arguments));
    co_return tools::ToolOutput{"broken: " + out.text, true};
  }
};

// Shows a picture.
class PictureTool final : public CountingTool {
 public:
  PictureTool(std::string name, std::vector<std::string>& runs)
      : CountingTool(std::move(name), /*repeatable=*/true, runs) {}
  Task<tools::ToolOutput> call(tools::ToolContext context, json::object arguments) override {
    tools::ToolOutput out = co_await CountingTool::call(std::move(context), std::move(arguments));
    out.image = ImagePart{"image/png", "bytes"};
    co_return out;
  }
};

class TurnTools : public AgentFixture {
 protected:
  void offer(std::unique_ptr<tools::Tool> tool) {
    ASSERT_TRUE(toolbox.add(std::move(tool)));
    reconfigure();
  }
  std::vector<std::string> runs;
};

TEST_F(TurnTools, CallsThatOnlyLookRunAtTheSameTime) {
  Signal hold;
  auto look = std::make_unique<LookingTool>("look", runs);
  look->hold = &hold;
  look->on_run = [&] {
    if (runs.size() == 3) hold.notify_all();  // the third lets all go: they run side by side
  };
  offer(std::move(look));
  model.calls({tool_call("1", "look", {{"x", "a"}}), tool_call("2", "look", {{"x", "b"}}),
               tool_call("3", "look", {{"x", "c"}}), tool_call("4", "look", {{"x", "a"}})});
  model.says("done");
  ASSERT_TRUE(agent->deliver(testing::user_message("look around")));
  run_until([&] { return runs.size() == 3; });
  run_until([&] {
    hold.notify_all();
    return !channel.replies.empty();
  });
  EXPECT_EQ(channel.text(0), "done");
  EXPECT_EQ(runs.size(), 3u) << "the fourth is the first again";
  EXPECT_EQ(told(model.requests[1]).back(),
            "user: result(1 result of look) result(2 result of look) result(3 result of look) "
            "result(4 result of look)");
}

TEST_F(TurnTools, ACallThatActsWaitsForThoseBeforeIt) {
  std::vector<std::string> order;
  auto look = std::make_unique<LookingTool>("look", order);
  auto act = std::make_unique<CountingTool>("act", /*repeatable=*/false, order);
  ASSERT_TRUE(toolbox.add(std::move(look)));
  offer(std::move(act));
  model.calls({tool_call("1", "look", {{"x", "a"}}), tool_call("2", "act"),
               tool_call("3", "look", {{"x", "b"}})});
  model.says("done");
  EXPECT_EQ(ask("go"), "done");
  EXPECT_EQ(order, (std::vector<std::string>{R"(look {"x":"a"})", "act {}", R"(look {"x":"b"})"}));
}

TEST_F(TurnTools, TheSameCallIsWarnedOfAndThenNotRun) {
  config.tool_rounds_max = 50;
  offer(std::make_unique<CountingTool>("act", /*repeatable=*/true, runs));
  for (int i = 0; i < 6; ++i) model.calls({tool_call("1", "act")});
  model.says("enough");
  EXPECT_EQ(ask("go"), "enough");
  EXPECT_EQ(runs.size(), 4u);
  EXPECT_EQ(told(model.requests[2]).back(), "user: result(1-2 result of act)");
  EXPECT_TRUE(told(model.requests[3]).back().contains("the same call for the 3. time"));
  EXPECT_TRUE(told(model.requests[5]).back().contains("Not run"));
}

TEST_F(TurnTools, TooManyCallsEndTheTurnWithWordsForThePerson) {
  config.tool_rounds_max = 100;
  config.loop_guard.end = 31;
  offer(std::make_unique<CountingTool>("act", /*repeatable=*/true, runs));
  for (int i = 0; i < 32; ++i) model.calls({tool_call("1", "act", {{"x", std::to_string(i)}})});
  EXPECT_TRUE(ask("go").starts_with("I stopped: 31 tool calls in one answer are too many."));
  EXPECT_EQ(runs.size(), 31u);
  model.says("fine");
  EXPECT_EQ(ask("and now?"), "fine") << "the agent stays usable";
}

TEST_F(TurnTools, RoundsInWhichEverythingFailsEndTheTurn) {
  offer(std::make_unique<FailingTool>("act", /*repeatable=*/true, runs));
  for (int i = 0; i < 3; ++i) model.calls({tool_call("1", "act", {{"x", std::to_string(i)}})});
  EXPECT_EQ(ask("go"),
            "I stopped: my tools failed 3 times in a row. The last one said: broken: result of "
            "act");
}

TEST_F(TurnTools, APictureThatTheModelHasNotSeenAtTheEndIsFetchedAgain) {
  Signal hold;
  auto slow = std::make_unique<CountingTool>("slow", /*repeatable=*/true, runs);
  slow->hold = &hold;
  offer(std::make_unique<PictureTool>("look", runs));
  offer(std::move(slow));
  model.calls({tool_call("1", "look"), tool_call("2", "slow")});
  ASSERT_TRUE(agent->deliver(testing::user_message("look")));
  run_until([&] { return runs.size() == 2; });
  close();  // in the middle of the round
  open();
  model.says("seen");
  agent->resume();
  run_until([&] {
    hold.notify_all();
    return !channel.replies.empty();
  });
  EXPECT_EQ(channel.text(0), "seen");
  EXPECT_EQ(std::ranges::count(runs, "look {}"), 2);
  const auto shown = [](const llm::ChatMessage& message) {
    return std::ranges::any_of(
        message.parts, [](const Part& part) { return std::holds_alternative<ImagePart>(part); });
  };
  EXPECT_TRUE(shown(model.requests.back().messages.back()));
}

}  // namespace
}  // namespace skep::agent
