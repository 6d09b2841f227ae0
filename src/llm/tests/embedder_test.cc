#include "skep/llm/embedder.h"

#include <gtest/gtest.h>

namespace skep::llm {
namespace {

TEST(Embedder, AsksAsTheProviderExpects) {
  EmbedderConfig config{.model = "m"};
  EXPECT_EQ(embed_request(config, {"a", "b"}),
            R"({"model":"m","input":["a","b"],"encoding_format":"float"})");
  config.wire = Wire::kOllama;
  EXPECT_EQ(embed_request(config, {"a"}), R"({"model":"m","input":["a"]})");
}

TEST(Embedder, ReadsAnswersInAnyOrder) {
  const auto answer = embed_answer(
      Wire::kOpenai,
      R"({"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[0.5,-1]}],"usage":{"prompt_tokens":7}})",
      2);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->vectors, (std::vector<std::vector<float>>{{0.5F, -1}, {3, 4}}));
  EXPECT_EQ(answer->usage.input, 7);
  const auto ollama =
      embed_answer(Wire::kOllama, R"({"embeddings":[[1,2]],"prompt_eval_count":3})", 1);
  ASSERT_TRUE(ollama) << ollama.error().to_string();
  EXPECT_EQ(ollama->vectors, (std::vector<std::vector<float>>{{1, 2}}));
  EXPECT_EQ(ollama->usage.input, 3);
}

TEST(Embedder, RefusesWhatIsNoAnswer) {
  for (const char* body :
       {"", "[]", "{}", R"({"data":[]})", R"({"data":[{"embedding":[]}]})",
        R"({"data":[{"embedding":["x"]}]})", R"({"data":[{"embedding":[1e999]}]})",
        R"({"data":[{"index":1,"embedding":[1]}]})", R"({"data":[{"index":-1,"embedding":[1]}]})",
        R"({"data":[{"embedding":[1]},{"embedding":[1]}]})"}) {
    const auto answer = embed_answer(Wire::kOpenai, body, 1);
    EXPECT_FALSE(answer) << body;
  }
  EXPECT_FALSE(
      embed_answer(Wire::kOpenai, R"({"data":[{"embedding":[1]},{"embedding":[1,2]}]})", 2));
  EXPECT_FALSE(embed_answer(Wire::kOllama, R"({"embeddings":[1]})", 1));
}

TEST(Embedder, IsChosenFromTheCatalogue) {
  const Catalogue catalogue = std::move(*Catalogue::open());
  const EnvLookup none = [](std::string_view) -> std::optional<std::string> { return {}; };
  const EnvLookup keyed = [](std::string_view name) -> std::optional<std::string> {
    return name == "OPENAI_API_KEY" ? std::optional<std::string>("k") : std::nullopt;
  };
  const auto openai = EmbedderConfig::choose({.provider = "openai"}, catalogue, keyed);
  ASSERT_TRUE(openai) << openai.error().to_string();
  EXPECT_EQ(openai->model, "text-embedding-3-small");
  EXPECT_FALSE(EmbedderConfig::choose({.provider = "openai"}, catalogue, none));
  EXPECT_FALSE(EmbedderConfig::choose({.provider = "anthropic"}, catalogue, keyed));
  EXPECT_FALSE(EmbedderConfig::choose({.provider = "nobody"}, catalogue, keyed));
  EXPECT_FALSE(
      EmbedderConfig::choose({.provider = "deepseek", .api_key = Secret("k")}, catalogue, none));
  const auto ollama = EmbedderConfig::choose({.provider = "ollama"}, catalogue, none);
  ASSERT_TRUE(ollama) << ollama.error().to_string();
  EXPECT_EQ(ollama->model, "nomic-embed-text");
  EXPECT_EQ(ollama->price, Price());
}

}  // namespace
}  // namespace skep::llm
