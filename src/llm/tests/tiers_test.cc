#include "skep/llm/tiers.h"

#include <gtest/gtest.h>

namespace skep::llm {
namespace {

struct House {
  Loop loop;
  std::unique_ptr<net::HttpClient> http = net::HttpClient::open({.loop = loop}).value();
  Catalogue catalogue = *Catalogue::open();
  LlmConfig chosen = demo();
  std::unique_ptr<Model> configured = Model::open(chosen, {.loop = loop, .http = *http}).value();

  static LlmConfig demo() {
    LlmConfig config;
    config.provider = "demo";
    config.model = "demo";
    return config;
  }
  static EnvLookup keys() {
    return [](std::string_view name) -> std::optional<std::string> {
      if (name == "ANTHROPIC_API_KEY") return "sk-ant-of-the-environment";
      return std::nullopt;
    };
  }
  Result<std::unique_ptr<Models>> open(TiersConfig config) {
    return Models::open(std::move(config), chosen, *configured,
                        {.loop = loop, .http = *http, .catalogue = catalogue, .env = keys()});
  }
};

struct Read {
  TiersConfig config;
  std::vector<std::string> problems;
};
Read read(std::string_view toml) {
  auto file = *ConfigFile::parse(toml, "skep.toml");
  Read out{.config = TiersConfig::read(file.root().child("llm"))};
  for (const ConfigProblem& problem : file.problems())
    out.problems.push_back(problem.where + ": " + problem.message);
  return out;
}

TEST(Effort, AGreetingIsSimpleAndCodeInALongConversationIsComplex) {
  const RouterConfig router{.medium = "standard"};
  EXPECT_EQ(tier_for(router, score_of({.newest = "hello there"})), "light");
  const std::string code =
      "```cpp\nstruct A { };\nclass B { return; };\nimport x\nasync fn f() { await g(); }\n```";
  EXPECT_EQ(tier_for(router, score_of({.newest = code})), "standard");
  EXPECT_EQ(tier_for(router, score_of({.newest = code, .messages = 40})), "heavy");
  EXPECT_EQ(tier_for(router, score_of({.newest = std::string(4000, 'x')})), "heavy");
}

TEST(Effort, MarksCountOnceAndOnlyAsWholeWords) {
  const int plain = score_of({.newest = "classes returned definitely"});
  EXPECT_LT(plain, 30);
  EXPECT_EQ(score_of({.newest = "class class class"}), score_of({.newest = "class"}) + 3);
}

TEST(TiersConfig, ReadsTiersAndRouter) {
  const Read got = read(
      "[llm]\ndefault = \"light\"\ntier_choice = \"admins\"\n[llm.tiers]\nlight = \"haiku\"\nheavy "
      "= \"anthropic:claude-opus-4-1\"\n[llm.router]\nmode = \"auto\"\ncomplex_from = 300\n");
  EXPECT_TRUE(got.problems.empty()) << got.problems.front();
  EXPECT_EQ(got.config.usual, "light");
  EXPECT_EQ(got.config.choice, "admins");
  EXPECT_EQ(got.config.models.at("heavy"), "anthropic:claude-opus-4-1");
  EXPECT_EQ(got.config.router.mode, RouterConfig::Mode::kAuto);
  EXPECT_EQ(got.config.router.complex_from, 300);
}

TEST(TiersConfig, RefusesNamesThatNobodyCouldType) {
  EXPECT_EQ(read("[llm.tiers]\n\"very heavy\" = \"opus\"\n").problems.size(), 1u);
  EXPECT_EQ(read("[llm.tiers]\nheavy = \"\"\n").problems.size(), 1u);
  EXPECT_EQ(read("[llm.tiers]\nheavy = 3\n").problems.size(), 1u);
  EXPECT_EQ(read("[llm.router]\nsimple_below = 600\n").problems.size(), 1u);
}

TEST(Models, TheConfiguredModelIsTheStandardTierUnlessOneIsNamed) {
  House house;
  auto models = house.open({.models = {{"heavy", "anthropic:claude-opus-4-1"}}});
  ASSERT_TRUE(models) << models.error().to_string();
  EXPECT_EQ(&(*models)->usual(), house.configured.get());
  EXPECT_EQ((*models)->tier("heavy")->config().provider, "anthropic");
  EXPECT_EQ((*models)->tier("heavy")->config().api_key.reveal(), "sk-ant-of-the-environment");
  EXPECT_EQ((*models)->tier("nobody"), nullptr);
  std::vector<std::string> names;
  for (const TierInfo& tier : (*models)->tiers()) names.push_back(tier.name);
  EXPECT_EQ(names, (std::vector<std::string>{"standard", "heavy"}));
}

TEST(Models, OneModelIsOpenedOnce) {
  House house;
  auto models = house.open({.models = {{"heavy", "opus"}}});
  ASSERT_TRUE(models) << models.error().to_string();
  EXPECT_EQ(*(*models)->named("heavy"), *(*models)->named("opus"));
}

TEST(Models, SayWhichTierCannotWork) {
  House house;
  auto models = house.open({.models = {{"heavy", "openai:gpt-4o"}}});
  ASSERT_FALSE(models);
  EXPECT_TRUE(models.error().to_string().contains("[llm.tiers] heavy"))
      << models.error().to_string();
  models = house.open({.usual = "mighty"});
  ASSERT_FALSE(models);
  EXPECT_TRUE(models.error().message.contains("no tier \"mighty\"")) << models.error().message;
  models = house.open({.router = {.mode = RouterConfig::Mode::kAuto}});
  ASSERT_FALSE(models) << "light is not there";
}

TEST(ChooseLike, KeepsKeyAndPlaceOfTheSameProviderOnly) {
  House house;
  LlmConfig chosen;
  chosen.provider = "anthropic";
  chosen.model = "claude-sonnet-4-5-20250929";
  chosen.api_key = Secret("sk-ant-own");
  chosen.base_url = "https://proxy.example";
  const auto same = choose_like(chosen, "haiku", house.catalogue, House::keys());
  ASSERT_TRUE(same) << same.error().to_string();
  EXPECT_EQ(same->api_key.reveal(), "sk-ant-own");
  EXPECT_EQ(same->base_url, "https://proxy.example");
  const auto unknown = choose_like(chosen, "anthropic:model-of-tomorrow", house.catalogue, {});
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->model, "model-of-tomorrow");
  const auto other = choose_like(chosen, "ollama:llama3.2:3b", house.catalogue, House::keys());
  ASSERT_TRUE(other) << other.error().to_string();
  EXPECT_EQ(other->model, "llama3.2:3b");
  EXPECT_TRUE(other->api_key.empty());
  EXPECT_EQ(other->base_url.find("proxy"), std::string::npos);
}

}  // namespace
}  // namespace skep::llm
