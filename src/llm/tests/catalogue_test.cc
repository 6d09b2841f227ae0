#include "skep/llm/catalogue.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>

namespace skep::llm {
namespace {

class Overlay {
 public:
  explicit Overlay(std::string_view text) : path_(testing::TempDir() + "models-XXXXXX") {
    const int fd = mkstemp(path_.data());
    close(fd);
    std::ofstream(path_) << text;
  }
  ~Overlay() { std::remove(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Catalogue, HoldsTwentyProvidersAndOnlyModelsOfThem) {
  auto catalogue = Catalogue::open();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_EQ(catalogue->providers().size(), 20u);
  std::set<std::string> ids;
  for (const ModelInfo& model : catalogue->models()) {
    EXPECT_NE(catalogue->provider(model.provider), nullptr) << model.id;
    EXPECT_TRUE(ids.insert(model.id).second) << model.id;
    EXPECT_GT(model.context_tokens, 0) << model.id;
    EXPECT_NE(model.tier, Tier::kCustom) << model.id;
  }
  for (const ProviderInfo& provider : catalogue->providers()) {
    if (provider.default_model.empty()) continue;
    EXPECT_NE(catalogue->model(provider.default_model, provider.id), nullptr) << provider.id;
  }
}

TEST(Catalogue, FindsAModelByIdWireNameAndAliasAndPrefersTheGivenProvider) {
  const Catalogue catalogue = *Catalogue::open();
  EXPECT_EQ(catalogue.model("gpt-4o")->id, "gpt-4o");
  EXPECT_EQ(catalogue.model("GPT-4o")->id, "gpt-4o");
  EXPECT_EQ(catalogue.model("sonnet")->id, "claude-sonnet-4-5-20250929");
  EXPECT_EQ(catalogue.model("deepseek-ai/DeepSeek-R1", "huggingface")->id,
            "hf/deepseek-ai/DeepSeek-R1");
  EXPECT_EQ(catalogue.model("deepseek-ai/DeepSeek-R1")->provider, "together");
  EXPECT_EQ(catalogue.model("gpt-4o", "anthropic"), nullptr);
  EXPECT_EQ(catalogue.model("no such model"), nullptr);
}

TEST(Catalogue, CostsAreExact) {
  const Catalogue catalogue = *Catalogue::open();
  const ModelInfo& sonnet = *catalogue.model("sonnet");
  EXPECT_EQ(sonnet.price, (Price{3'000'000, 15'000'000, 300'000, 3'750'000}));
  const Usage usage{.input = 1'000'000, .output = 1, .cache_read = 10, .cache_write = 1};
  EXPECT_EQ(sonnet.price.of(usage), 3'000'000'000'000 + 15'000'000 + 3'000'000 + 3'750'000);
  EXPECT_EQ(format_usd(3'000'021'750'000), "$3.00002175");
  EXPECT_EQ(format_usd(0), "$0.00");
  EXPECT_EQ(format_usd(-1'500'000'000'000), "-$1.50");
  // A sum of parts is the price of the sum.
  PicoUsd sum = 0;
  for (int i = 0; i < 1'000; ++i) sum += catalogue.model("llama")->price.of({.input = 7});
  EXPECT_EQ(sum, catalogue.model("llama")->price.of({.input = 7'000}));
}

TEST(Catalogue, AFileAddsAndReplaces) {
  const Overlay file(
      R"({"providers":[{"id":"lab","base_url":"http://lab:9/v1","key_required":false}],
    "models":[{"id":"lab-1","provider":"lab","aliases":["mine"],"context":1000},
              {"id":"gpt-4o","provider":"openai","input":1,"output":2,"tier":"fast"}]})");
  auto catalogue = Catalogue::open(file.path());
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_EQ(catalogue->providers().size(), 21u);
  EXPECT_EQ(catalogue->model("mine")->tier, Tier::kCustom);
  EXPECT_EQ(catalogue->model("mine")->price, kUnknownPrice);
  EXPECT_EQ(catalogue->model("gpt-4o")->tier, Tier::kFast);
  EXPECT_EQ(catalogue->model("gpt-4o")->price.input, 1'000'000);
  EXPECT_EQ(Catalogue::open()->model("gpt-4o")->price.input, 2'500'000);
}

TEST(Catalogue, SaysWhatIsWrongWithAFile) {
  for (auto [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"[", "is no JSON object"},
           {R"({"models":[{"provider":"openai"}]})", "model 1 has no \"id\""},
           {R"({"models":[{"id":"x","provider":"nobody"}]})", "names provider \"nobody\""},
           {R"({"models":[{"id":"x","provider":"openai","input":-1}]})", "US dollars"},
           {R"({"models":[{"id":"x","provider":"openai","tier":"huge"}]})", "must be one of"},
           {R"({"models":[{"id":"x","provider":"openai","tools":1}]})", "true or false"},
           {R"({"providers":[{"id":"p","base_url":"u","wire":"soap"}]})", "must be one of"}}) {
    const Overlay file(text);
    auto catalogue = Catalogue::open(file.path());
    ASSERT_FALSE(catalogue) << text;
    EXPECT_NE(catalogue.error().message.find(why), std::string::npos) << catalogue.error().message;
  }
}

}  // namespace
}  // namespace skep::llm
