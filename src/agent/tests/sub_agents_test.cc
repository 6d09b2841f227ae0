#include "skep/agent/sub_agents.h"

#include "support.h"

namespace skep::agent {
namespace {

using testing::AgentFixture;
using testing::CountingTool;
using testing::tool_call;

// Answers by what it is asked, for calls that come at the same time in any order.
class SortingModel final : public testing::ScriptedModel {
 public:
  std::map<std::string, std::string> by_task;  // of sub-agents: words of the task to the answer
  std::set<std::string> asked;
  Signal everybody;

  Task<std::expected<llm::Response, llm::Failure>> stream(Ctx ctx, const llm::Request& request,
                                                          llm::EventSink sink,
                                                          std::function<void()> on_reset) override {
    const std::string last = testing::told(request).back();
    for (const auto& [task, answer] : by_task) {
      if (!last.contains(task)) continue;
      requests.push_back(request);
      asked.insert(task);
      everybody.notify_all();
      while (asked.size() < by_task.size()) {
        if (auto waited = co_await everybody.wait(ctx); !waited)
          co_return std::unexpected(llm::Failure{.error = waited.error()});
      }
      co_return llm::Response{
          .parts = {TextPart{answer}}, .usage = {.input = 100, .output = 7}, .model = "scripted-1"};
    }
    co_return co_await ScriptedModel::stream(std::move(ctx), request, std::move(sink),
                                             std::move(on_reset));
  }
};

class WritingTool final : public CountingTool {
 public:
  WritingTool(std::string name, authority::Action action, std::vector<std::string>& runs)
      : CountingTool(std::move(name), false, runs), action_(action) {}
  [[nodiscard]] std::vector<tools::Need> needs(const json::value&) const override {
    return {{action_, "self.x"}};
  }

 private:
  authority::Action action_;
};

class SubAgents : public AgentFixture {
 protected:
  AgentDeps sub_deps() {
    AgentDeps deps = needed(sorting);
    deps.settings = [this](const Conversation&) { return settings; };
    deps.turn_log = turn_log.get();
    return deps;
  }
  void offer() {
    ASSERT_TRUE(add_sub_agents(toolbox, subs, config, sub_deps(), nullptr, {}));
    close_agent();
    agent = std::move(*Agent::open(config, sub_deps()));
  }
  void spawns(std::vector<ToolCall> calls) { sorting.calls(std::move(calls)); }
  static ToolCall spawn(std::string id, json::object arguments) {
    return tool_call(std::move(id), "spawn_agent", std::move(arguments));
  }
  static Task<void> pause() {
    for (int i = 0; i < 200; ++i) co_await yield();
  }
  std::string results() { return testing::told(sorting.requests.back()).back(); }

  SortingModel sorting;
  SubAgentsConfig subs;
  std::vector<std::string> runs;
};

TEST_F(SubAgents, TwoOfOneAnswerWorkAtTheSameTime) {
  offer();
  sorting.by_task = {{"count the bees", "twelve"}, {"count the hives", "three"}};
  spawns({spawn("1", {{"task", "count the bees"}}), spawn("2", {{"task", "count the hives"}})});
  sorting.says("twelve bees in three hives");
  EXPECT_EQ(ask("how many?"), "twelve bees in three hives");
  EXPECT_EQ(results(), "user: result(1 twelve) result(2 three)") << "each waits for the other";
}

TEST_F(SubAgents, KnowNothingOfTheConversationAndCannotSpawn) {
  ASSERT_TRUE(memory->append({"xmpp", "ann@example.org", ""},
                             memory::TranscriptMessage{.content = "my secret"}));
  offer();
  sorting.by_task = {{"count the bees", "twelve"}};
  spawns({spawn("1", {{"task", "count the bees"}})});
  sorting.says("done");
  EXPECT_EQ(ask("count!"), "done");
  const llm::Request& part = sorting.requests[1];
  ASSERT_EQ(part.messages.size(), 1u);
  EXPECT_FALSE(testing::told(part).front().contains("my secret"));
  EXPECT_TRUE(part.system.contains("You do one task for the agent"));
  EXPECT_TRUE(part.tools.empty());
  EXPECT_EQ(transcript(),
            (std::vector<std::string>{"user: my secret", "user: count!", "assistant: done"}));
}

TEST_F(SubAgents, HaveTheToolsOfTheirParentButNotThoseThatWriteMemoryOrSpeakToPeople) {
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("look", true, runs)));
  ASSERT_TRUE(
      toolbox.add(std::make_unique<WritingTool>("note", authority::Action::kMemoryWrite, runs)));
  ASSERT_TRUE(
      toolbox.add(std::make_unique<WritingTool>("tell", authority::Action::kXmppSend, runs)));
  offer();
  spawns({spawn("1", {{"task", "look around"}})});
  sorting.calls({tool_call("1", "look"), tool_call("2", "note"), tool_call("3", "spawn_agent")});
  sorting.says("seen");
  sorting.says("done");
  EXPECT_EQ(ask("go"), "done");
  EXPECT_EQ(runs, (std::vector<std::string>{"look {}"}));
  ASSERT_EQ(sorting.requests[1].tools.size(), 1u);
  EXPECT_EQ(sorting.requests[1].tools[0].name, "look");
  EXPECT_TRUE(testing::told(sorting.requests[2]).back().contains("There is no tool \"note\""));
}

TEST_F(SubAgents, ANamedOneHasItsOwnWordsAndOnlyItsTools) {
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("file_read", true, runs)));
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("web_fetch", true, runs)));
  subs.agents = {{.name = "reader",
                  .description = "reads files",
                  .instructions = "You read files.",
                  .skills = {{"file_*"}},
                  .max_tokens = 77}};
  offer();
  EXPECT_TRUE(toolbox.find("spawn_agent")->spec().description.contains("reader (reads files)"));
  sorting.by_task = {{"read it", "read"}};
  spawns({spawn("1", {{"task", "read it"}, {"agent_name", "reader"}})});
  sorting.says("done");
  EXPECT_EQ(ask("go"), "done");
  const llm::Request& part = sorting.requests[1];
  EXPECT_TRUE(part.system.contains("You read files."));
  EXPECT_EQ(part.max_tokens, 77);
  ASSERT_EQ(part.tools.size(), 1u);
  EXPECT_EQ(part.tools[0].name, "file_read");
}

TEST_F(SubAgents, OneThatTakesTooLongIsAnErrorThatKeepsWhatItHadSaid) {
  offer();
  spawns({spawn("1", {{"task", "think"}, {"timeout_seconds", 1}})});
  auto& slow = sorting.add({.parts = {TextPart{"never"}}});
  slow.pieces = {"so far so good"};
  slow.hold = true;
  sorting.says("it was too slow");
  EXPECT_EQ(ask("go"), "it was too slow");
  EXPECT_EQ(results(),
            "user: result(1 The sub-agent came to no end: no answer within 1 s. What it had said "
            "so far:\nso far so good)");
}

TEST_F(SubAgents, CostTheirParentAndThePerson) {
  offer();
  sorting.by_task = {{"count the bees", "twelve"}};
  spawns({spawn("1", {{"task", "count the bees"}})});
  sorting.says("done");
  EXPECT_EQ(ask("go"), "done");
  using Scope = memory::Ledger::Scope;
  const memory::Spend person = ledger->spent(Scope::kPerson, "ann@example.org").day;
  EXPECT_EQ(person.calls, 3u);
  EXPECT_EQ(person.tokens(), 15 + 107 + 15);
  EXPECT_EQ(ledger->spent(Scope::kAgent, config.name).day, person);
  auto entries = *memory->history({"xmpp", "ann@example.org", ""});
  EXPECT_EQ(std::get<memory::TranscriptMessage>(entries.back()).usage.input, 120)
      << "the turn's own sum holds its parts";
}

TEST_F(SubAgents, EndWhenTheirTokensAreUsedUp) {
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("look", true, runs)));
  subs.tokens_max = 20;
  offer();
  spawns({spawn("1", {{"task", "look for ever"}})});
  sorting.calls({tool_call("1", "look", {{"x", "a"}})});
  sorting.calls({tool_call("1", "look", {{"x", "b"}})});
  sorting.says("done");
  EXPECT_EQ(ask("go"), "done");
  EXPECT_TRUE(results().contains("The task was given 20 tokens, and they are used up."))
      << results();
}

TEST_F(SubAgents, MoreThanMayWorkAtOnceWaitForAPlace) {
  subs.at_once = 1;
  offer();
  spawns({spawn("1", {{"task", "first"}}), spawn("2", {{"task", "second"}})});
  auto& held = sorting.add({.parts = {TextPart{"one"}}});
  held.hold = true;
  sorting.says("two");
  sorting.says("done");
  ASSERT_TRUE(agent->deliver(testing::user_message("go")));
  run_until([&] { return sorting.held == 1; });
  loop.run(pause());
  EXPECT_EQ(sorting.requests.size(), 2u) << "the second has not begun";
  sorting.release();
  run_until_replies(1);
  EXPECT_EQ(results(), "user: result(1 one) result(2 two)");
}

TEST_F(SubAgents, WhoeverWasInterruptedByACrashIsUnknown) {
  offer();
  spawns({spawn("1", {{"task", "think"}})});
  sorting.add({.parts = {TextPart{"never"}}}).hold = true;
  ASSERT_TRUE(agent->deliver(testing::user_message("go")));
  run_until([&] { return sorting.held == 1; });
  Ctx at_once;
  at_once.deadline = std::chrono::steady_clock::now();
  close_agent(at_once);
  agent = std::move(*Agent::open(config, sub_deps()));
  sorting.says("I do not know whether it was done");
  agent->resume();
  run_until_replies(1);
  EXPECT_TRUE(results().contains("interrupted; it may or may not have happened")) << results();
}

TEST_F(SubAgents, AreSeenInTheTurnLogAsPartsOfTheirTurn) {
  const std::string directory = (dir.path / "turns").string();
  turn_log = std::move(*TurnLog::open({.directory = directory}, clock));
  offer();
  sorting.by_task = {{"count the bees", "twelve"}};
  spawns({spawn("1", {{"task", "count the bees"}})});
  sorting.says("done");
  EXPECT_EQ(ask("go"), "done");
  const auto turn = find_turn(directory, channel.replies.back().id.str());
  ASSERT_TRUE(turn) << turn.error().to_string();
  EXPECT_EQ(get_string(json::value(*turn), "text"), "done");
  const auto parts = find_parts(directory, get_string(json::value(*turn), "turn"));
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(get_string(json::value(parts[0]), "call"), "0.0/1");
  EXPECT_EQ(get_string(json::value(parts[0]), "text"), "twelve");
  const auto by_trace = find_turn(directory, get_string(json::value(*turn), "trace"));
  EXPECT_EQ(get_string(json::value(*by_trace), "text"), "done");
}

TEST_F(SubAgents, AreNotThereWhereTheyAreNotAllowed) {
  subs.allowed = false;
  offer();
  EXPECT_EQ(toolbox.find("spawn_agent"), nullptr);
}

TEST(SubAgentsConfig, SaysWhatIsWrongWithAnAgent) {
  auto file = *ConfigFile::parse(
      "[agent]\nsubagent_timeout = 0\n[llm.agents.reader]\nmodel = \"light\"\nskills = []\ntimeout "
      "= 5\n[llm.agents.legal]\njid = \"b.example\"\ndescription = \"law\"\n[llm.agents.\"bad "
      "name\"]\nmodel = \"x\"\n",
      "skep.toml");
  const SubAgentsConfig config = SubAgentsConfig::read(file.root());
  ASSERT_EQ(config.agents.size(), 2u);
  EXPECT_TRUE(config.agents[0].skills->empty());
  EXPECT_EQ(config.agents[0].timeout, std::chrono::seconds(5));
  EXPECT_TRUE(config.agents[1].remote);
  EXPECT_EQ(config.agents[1].description, "law");
  std::string all;
  for (const ConfigProblem& problem : file.problems()) all += problem.message + "\n";
  EXPECT_TRUE(all.contains("must be 1 to 3600")) << all;
  EXPECT_TRUE(all.contains("an agent's name is")) << all;
}

}  // namespace
}  // namespace skep::agent
