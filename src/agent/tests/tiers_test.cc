#include "skep/agent/tiers.h"

#include "support.h"

namespace skep::agent {
namespace {

using testing::AgentFixture;
using testing::tool_call;

// Tiers that are all the demo model: which one answers is read from the turn log.
class Tiers : public AgentFixture {
 protected:
  void with(llm::TiersConfig tiers) {
    if (tiers.models.empty()) tiers.models = {{"light", "demo:small"}, {"heavy", "demo:large"}};
    demo.provider = demo.model = "demo";
    http = std::move(*net::HttpClient::open({.loop = loop}));
    configured = std::move(*llm::Model::open(demo, {.loop = loop, .http = *http}));
    catalogue = std::move(*llm::Catalogue::open());
    models = std::move(*llm::Models::open(
        std::move(tiers), demo, *configured,
        {.loop = loop, .http = *http, .catalogue = *catalogue, .env = process_env()}));
    turn_log = std::move(*TurnLog::open({.directory = directory()}, clock));
    if (toolbox.find(kEscalate) == nullptr) ASSERT_TRUE(toolbox.add(make_escalate()));
    close_agent();
    AgentDeps deps = needed(*configured);
    deps.models = models.get();
    deps.turn_log = turn_log.get();
    agent = std::move(*Agent::open(config, std::move(deps)));
  }
  std::string directory() const { return (dir.path / "turns").string(); }
  std::string tier_of(std::string text) {
    ask(std::move(text));
    run_until(
        [this] { return find_turn(directory(), channel.replies.back().id.str()).has_value(); });
    const json::value turn(*find_turn(directory(), channel.replies.back().id.str()));
    return fmt::format("{}: {}", get_string(turn, "tier"), get_string(turn, "tier_why"));
  }

  llm::LlmConfig demo;
  std::unique_ptr<net::HttpClient> http;
  std::unique_ptr<llm::Model> configured;
  std::optional<llm::Catalogue> catalogue;
  std::unique_ptr<llm::Models> models;
};

using CommandsWithoutTiers = AgentFixture;
using ModelsInForce = AgentFixture;

const std::string kCode =
    "```\nstruct A\nclass B\nimport c\nasync fn f() { await g; return 1; }\n``` " +
    std::string(1200, 'x');

TEST_F(Tiers, TheRouterDecidesByTheMessage) {
  with({.router = {.mode = llm::RouterConfig::Mode::kAuto}});
  EXPECT_TRUE(tier_of("hello").starts_with("light: score ")) << tier_of("hello");
  EXPECT_TRUE(tier_of(kCode).starts_with("heavy: score "));
  EXPECT_TRUE(tier_of("why " + std::string(500, 'y')).starts_with("standard: score "));
}

TEST_F(Tiers, AStableHouseIsPinned) {
  with({.router = {.mode = llm::RouterConfig::Mode::kStable, .pinned = "light"}});
  EXPECT_EQ(tier_of(kCode), "light: pinned");
  EXPECT_FALSE(may_escalate(*models));
  ask(R"(call escalate {"why":"it is hard"})");
  run_until([this] { return find_turn(directory(), channel.replies.back().id.str()).has_value(); });
  const json::value turn(*find_turn(directory(), channel.replies.back().id.str()));
  EXPECT_FALSE(to_json(turn).contains("stronger model works on it")) << to_json(turn);
}

TEST_F(Tiers, WhatAPersonChoseHoldsForTheConversationAndAfterARestart) {
  with({});
  EXPECT_EQ(tier_of("hello"), "standard: ");
  EXPECT_EQ(ask("/tier heavy"),
            "From now on heavy answers here: demo (built in, no language model).");
  EXPECT_EQ(tier_of("hello"), "heavy: chosen with /tier");
  with({});
  EXPECT_EQ(tier_of("hello"), "heavy: chosen with /tier");
  EXPECT_TRUE(ask("/tier").contains("(chosen here)"));
  EXPECT_TRUE(ask("/tier", "bob@example.org").contains("Here: the usual one."));
  EXPECT_TRUE(ask("/tier mighty").starts_with("There is no tier \"mighty\""));
  EXPECT_EQ(ask("/tier reset"), "Nothing is chosen any more: the usual one.");
  EXPECT_EQ(tier_of("hello"), "standard: ");
}

TEST_F(Tiers, TheChoiceMayBeForAdministratorsOnly) {
  with({.choice = "admins"});
  EXPECT_TRUE(ask("/tier heavy").contains("not for you to choose"));
  EXPECT_EQ(tier_of("hello"), "standard: ");
}

TEST_F(Tiers, AModelMayHandItsTurnToAStrongerOne) {
  with({});
  ASSERT_NE(toolbox.find("escalate"), nullptr);
  ask(R"(call escalate {"why":"it is hard"})");
  run_until([this] { return find_turn(directory(), channel.replies.back().id.str()).has_value(); });
  const json::value turn(*find_turn(directory(), channel.replies.back().id.str()));
  const json::array* steps = get_array(turn, "steps");
  ASSERT_EQ(steps->size(), 3u) << to_json(turn);
}

// What is in force is asked at the beginning of each turn; one that runs keeps what it began with.
TEST_F(ModelsInForce, TheModelIsAnotherFromTheNextTurnOn) {
  testing::ScriptedModel other;
  llm::Model* now = &model;
  close_agent();
  AgentDeps deps = needed(model);
  deps.renew = [&now](AgentDeps& its) { its.model = *now; };
  agent = std::move(*Agent::open(config, std::move(deps)));
  model.says("from the first");
  model.scenes.back().hold = true;
  ASSERT_TRUE(agent->deliver(testing::user_message("hello", "bob@example.org")));
  run_until([this] { return model.held == 1; });
  now = &other;
  other.says("from the second");
  ASSERT_TRUE(agent->deliver(testing::user_message("hello")));
  run_until([this] { return channel.replies.size() == 1; });
  EXPECT_EQ(channel.text(0), "from the second");
  model.release();
  run_until([this] { return channel.replies.size() == 2; });
  EXPECT_EQ(channel.text(1), "from the first");
  EXPECT_EQ(model.requests.size(), 1u);
}

TEST_F(CommandsWithoutTiers, KnowNoTier) {
  EXPECT_FALSE(ask("/help").contains("/tier"));
  EXPECT_EQ(ask("/tier"), "There is only one model here: [llm.tiers] names none.");
}

}  // namespace
}  // namespace skep::agent
