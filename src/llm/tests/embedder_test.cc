#include "skep/llm/embedder.h"

#include <gtest/gtest.h>

#include "model_server.h"

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

using std::chrono::milliseconds;

const std::string kOne = R"({"data":[{"embedding":[1,0]}],"usage":{"prompt_tokens":3}})";

// An embedder and a scripted server.
struct Asking {
  Loop loop;
  std::unique_ptr<net::HttpClient> http = net::HttpClient::open({.loop = loop}).value();
  ModelServer server{loop};

  [[nodiscard]] EmbedderConfig config() const {
    return {.provider = "openai",
            .model = "m",
            .base_url = server.url() + "/v1",
            .api_key = Secret("sk-0123456789abcdef"),
            .retry_budget = milliseconds(60'000)};
  }
  void fails(int status, net::Headers headers = {{"retry-after", "0"}}) {
    server.answers({.status = status,
                    .headers = std::move(headers),
                    .pieces = {R"({"error":{"message":"no sk-0123456789abcdef"}})"}});
  }
  std::expected<Embedded, Failure> ask(Embedder& embedder, Ctx ctx = {}) {
    return loop.run(embedder.embed(std::move(ctx), std::vector<std::string>{"a"}));
  }
};

TEST(Embedder, TriesAgainWhatMayPassAndNotMoreThanItsBound) {
  Asking house;
  Embedder embedder(house.config(), *house.http);
  for (const int status : {429, 500, 503}) {
    house.fails(status);
    house.server.answers({.pieces = {kOne}});
    const auto done = house.ask(embedder);
    ASSERT_TRUE(done) << status << done.error().error.to_string();
    EXPECT_EQ(done->usage.input, 3);
    EXPECT_TRUE(embedder.ready());
  }
  EXPECT_EQ(house.server.requests.size(), 6u);
  for (int i = 0; i < 4; ++i) house.fails(503);
  const auto failed = house.ask(embedder);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().error.code, Code::kUnavailable);
  EXPECT_TRUE(failed.error().error.message.ends_with("(tried 3 times)"));
  EXPECT_FALSE(failed.error().error.message.contains("sk-0"));
  EXPECT_EQ(house.server.requests.size(), 9u);
}

TEST(Embedder, ALongerWishThanItsPatienceIsNotWaitedForAndItRestsSoLong) {
  Asking house;
  EmbedderConfig config = house.config();
  config.retry_budget = milliseconds(1'000);
  Embedder embedder(std::move(config), *house.http);
  house.fails(429, {{"retry-after", "40"}});
  EXPECT_EQ(house.ask(embedder).error().error.code, Code::kExhausted);
  EXPECT_EQ(house.server.requests.size(), 1u);
  const auto ready = embedder.ready();
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, Code::kUnavailable);
  EXPECT_TRUE(ready.error().message.starts_with("openai (m) rests for 40 s: ") ||
              ready.error().message.starts_with("openai (m) rests for 3"))
      << ready.error().message;
  EXPECT_EQ(embedder.trouble(), ready.error().message);
}

TEST(Embedder, ARefusedKeyIsNotTriedAgainAndABadRequestDoesNotMakeItRest) {
  Asking house;
  Embedder embedder(house.config(), *house.http);
  house.fails(400);
  EXPECT_EQ(house.ask(embedder).error().error.code, Code::kInvalid);
  EXPECT_TRUE(embedder.ready());
  house.fails(401);
  EXPECT_EQ(house.ask(embedder).error().error.code, Code::kUnauthenticated);
  EXPECT_FALSE(embedder.ready());
  EXPECT_EQ(house.server.requests.size(), 2u);
}

TEST(Embedder, AServerThatHangsIsGivenUpWithinAllItsTime) {
  Asking house;
  EmbedderConfig config = house.config();
  config.timeout = milliseconds(60);
  config.all_timeout = milliseconds(150);
  Embedder embedder(std::move(config), *house.http);
  for (int i = 0; i < 4; ++i) house.server.answers({.hang = true});
  const auto failed = house.ask(embedder);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().error.code, Code::kTimeout);
  EXPECT_FALSE(embedder.ready());
  EXPECT_LE(house.server.requests.size(), 3u);
}

TEST(Embedder, WhoStopsWaitingSaysNothingAboutTheProvider) {
  Asking house;
  Embedder embedder(house.config(), *house.http);
  house.server.answers({.hang = true});
  EXPECT_FALSE(house.ask(embedder, Ctx{}.within(milliseconds(50))));
  EXPECT_TRUE(embedder.ready());
  house.server.answers({.pieces = {kOne}});
  EXPECT_TRUE(house.ask(embedder));
}

}  // namespace
}  // namespace skep::llm
