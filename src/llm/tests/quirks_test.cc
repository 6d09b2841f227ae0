// Habits of servers, one small test each, over real sockets.
#include <gtest/gtest.h>

#include "model_server.h"

namespace skep::llm {
namespace {

LlmConfig of(std::string provider, std::string model) {
  LlmConfig config;
  config.provider = std::move(provider);
  config.model = std::move(model);
  config.retries = 2;
  return config;
}

Scripted refusal(std::string_view message) {
  json::object error{{"message", message}};
  return {.status = 400, .pieces = {to_json(json::object{{"error", error}})}};
}
Scripted openai_ok() {
  return {.pieces = {"data: "
                     "{\"choices\":[{\"delta\":{\"content\":\"ok\"},\"finish_reason\":\"stop\"}]}"
                     "\n\ndata: [DONE]\n\n"}};
}
json::value body_of(const Bench& bench, std::size_t i) {
  return object_of(bench.server.requests.at(i).body);
}

TEST(Openai, LeavesOutStreamOptionsOnceTheServerRefusedThem) {
  Bench bench(of("openai", "local"));
  bench.server.answers(refusal("Unrecognized request argument supplied: stream_options"));
  bench.server.answers(openai_ok());
  bench.server.answers(openai_ok());
  ASSERT_TRUE(bench.ask());
  ASSERT_TRUE(bench.ask());
  ASSERT_EQ(bench.server.requests.size(), 3u);
  EXPECT_NE(get_member(body_of(bench, 0), "stream_options"), nullptr);
  EXPECT_EQ(get_member(body_of(bench, 1), "stream_options"), nullptr);
  EXPECT_EQ(get_member(body_of(bench, 2), "stream_options"), nullptr);
  EXPECT_EQ(net::find_header(bench.server.requests[0].headers, "authorization"),
            "Bearer sk-test-0123456789abcdef");
  EXPECT_EQ(bench.server.requests[0].target, "/v1/chat/completions");
}

TEST(Openai, SwapsTheNameOfTheTokenLimitOnce) {
  Bench bench(of("openai", "local"));
  std::string said =
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
      "'max_completion_tokens' instead.";
  bench.server.answers(refusal(said));
  bench.server.answers(refusal(said));
  auto answer = bench.ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kInvalid);
  ASSERT_EQ(bench.server.requests.size(), 2u);
  EXPECT_NE(get_member(body_of(bench, 0), "max_tokens"), nullptr);
  EXPECT_NE(get_member(body_of(bench, 1), "max_completion_tokens"), nullptr);
}

TEST(Openai, LeavesOutATemperatureThatIsRefused) {
  LlmConfig config = of("openai", "local");
  config.temperature = 0.2;
  Bench bench(config);
  bench.server.answers(
      refusal("Unsupported value: 'temperature' does not support 0.2 with this model."));
  bench.server.answers(openai_ok());
  ASSERT_TRUE(bench.ask());
  EXPECT_EQ(get_member(body_of(bench, 1), "temperature"), nullptr);
}

TEST(Openai, KnowsTheNewerFieldsOfReasoningModelsBeforehand) {
  LlmConfig config = of("openai", "gpt-5-mini");
  config.temperature = 0.2;
  Bench bench(config);
  bench.server.answers(openai_ok());
  ASSERT_TRUE(bench.ask());
  EXPECT_NE(get_member(body_of(bench, 0), "max_completion_tokens"), nullptr);
  EXPECT_EQ(get_member(body_of(bench, 0), "temperature"), nullptr);
}

TEST(Openai, DoesNotRepeatARefusalItCannotMend) {
  Bench bench(of("openai", "local"));
  bench.server.answers(refusal("messages must not be empty"));
  ASSERT_FALSE(bench.ask());
  EXPECT_EQ(bench.server.requests.size(), 1u);
}

TEST(Openai, ReadsAWholeJsonAnswerFromAServerThatDoesNotStream) {
  Bench bench(of("openai", "local"));
  bench.server.answers(
      {.headers = {{"content-type", "application/json"}},
       .pieces = {R"({"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}],)",
                  R"("usage":{"prompt_tokens":3,"completion_tokens":1}})"}});
  auto answer = bench.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_EQ(bench.seen.text, "whole");
  EXPECT_EQ(answer->usage, (Usage{.input = 3, .output = 1}));
}

constexpr std::string_view kOllamaOk =
    "{\"message\":{\"content\":\"ok\"},\"done\":false}\n{\"message\":{\"content\":\"\"},\"done\":"
    "true,\"done_reason\":\"stop\"}\n";

TEST(Ollama, AsksForAWindowNoLargerThanTheModels) {
  Bench bench(of("ollama", "llama3.2"));
  bench.server.show =
      R"({"capabilities":["completion","tools","vision"],"model_info":{"llama.context_length":20480}})";
  bench.server.answers({.pieces = {std::string(kOllamaOk)}});
  EXPECT_EQ(bench.model->driver().context_window_tokens(), 62'464);
  ASSERT_TRUE(bench.ask());
  EXPECT_EQ(bench.model->driver().context_window_tokens(), 20'480);
  EXPECT_EQ(bench.model->config().history_token_budget, 20'480 - 4096 - 8192);
  EXPECT_TRUE(bench.model->driver().takes_images());
  EXPECT_EQ(bench.server.requests.at(0).target, "/api/chat");
  EXPECT_EQ(body_of(bench, 0).at("options"), object_of(R"({"num_ctx":20480,"num_predict":4096})"));
}

TEST(Ollama, OffersNoToolsToAModelThatCannotCall) {
  Bench bench(of("ollama", "tiny"));
  bench.server.show = R"({"capabilities":["completion"]})";
  bench.server.answers({.pieces = {std::string(kOllamaOk)}});
  Request request = Bench::hello();
  request.tools = {{"calc", "", json::object{}}};
  ASSERT_TRUE(bench.loop.run(bench.model->stream(Ctx{}, request, {}, {})));
  EXPECT_EQ(get_member(body_of(bench, 0), "tools"), nullptr);
}

TEST(Ollama, RefusesWhatTheServerWouldSilentlyCut) {
  LlmConfig config = of("ollama", "tiny");
  config.num_ctx = 2048;
  Bench bench(config);
  Request request = Bench::hello();
  request.messages[0].parts.emplace_back(TextPart{std::string(9000, 'x')});
  auto answer = bench.loop.run(bench.model->stream(Ctx{}, request, {}, {}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kTooLarge);
  EXPECT_TRUE(bench.server.requests.empty());
}

TEST(Ollama, FailsOnAWebPage) {
  LlmConfig config = of("ollama", "tiny");
  config.retries = 0;
  Bench bench(config);
  bench.server.answers({.pieces = {"<html>\nhello\n</html>\n"}});
  auto answer = bench.ask();
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().error.message.find("web page"), std::string::npos)
      << answer.error().error.message;
}

}  // namespace
}  // namespace skep::llm
