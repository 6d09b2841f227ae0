// Whole attempts over real sockets.
#include <gtest/gtest.h>

#include "model_server.h"
#include "skep/async/gate.h"

namespace skep::llm {
namespace {

using std::chrono::milliseconds;

const net::Headers kNow{{"retry-after", "0"}};

LlmConfig quick() {
  LlmConfig config;
  config.timeout = milliseconds(300);
  config.retries = 2;
  return config;
}

TEST(Model, StreamsOneAnswerAndSendsWhatTheApiAsksFor) {
  Bench bench;
  bench.server.answers({.pieces = anthropic_text("hi there")});
  auto answer = bench.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_EQ(answer->parts, std::vector<Part>{TextPart{"hi there"}});
  EXPECT_EQ(answer->usage, (Usage{.input = 10, .output = 2}));
  EXPECT_EQ(bench.seen.text, "hi there");
  ASSERT_EQ(bench.server.requests.size(), 1u);
  const net::ServerRequest& request = bench.server.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/messages");
  EXPECT_EQ(net::find_header(request.headers, "x-api-key"), "sk-test-0123456789abcdef");
  EXPECT_EQ(net::find_header(request.headers, "anthropic-version"), "2023-06-01");
  EXPECT_EQ(net::find_header(request.headers, "content-type"), "application/json");
}

TEST(Model, ReadsAnAnswerThatDripsInByteByByte) {
  Bench bench;
  std::vector<std::string> drops;
  for (const std::string& piece : anthropic_text("Grüß dich, 世界 🐝")) {
    for (char c : piece) drops.emplace_back(1, c);
  }
  bench.server.answers({.pieces = std::move(drops)});
  auto answer = bench.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_EQ(bench.seen.text, "Grüß dich, 世界 🐝");
}

TEST(Model, TriesAgainWhatMayPass) {
  for (int status : {429, 500, 502, 503, 504, 529, 408}) {
    Bench bench(quick());
    bench.server.answers(
        {.status = status, .headers = kNow, .pieces = {R"({"error":{"message":"later"}})"}});
    bench.server.answers({.pieces = anthropic_text("ok")});
    auto answer = bench.ask();
    ASSERT_TRUE(answer) << status << answer.error().error.message;
    EXPECT_EQ(bench.server.requests.size(), 2u) << status;
    EXPECT_EQ(bench.resets, 0);
  }
}

TEST(Model, GivesUpAfterItsRetriesWithTheProvidersWords) {
  Bench bench(quick());
  for (int i = 0; i < 5; ++i) {
    bench.server.answers({.status = 529,
                          .headers = kNow,
                          .pieces = {R"({"error":{"message":"Overloaded, dear"}})"}});
  }
  auto answer = bench.ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kUnavailable);
  EXPECT_EQ(answer.error().error.message,
            "anthropic: overloaded or out of order: Overloaded, dear (tried 3 times)");
  EXPECT_EQ(bench.server.requests.size(), 3u);
}

TEST(Model, DoesNotRepeatWhatCannotHelp) {
  for (int status : {400, 401, 402, 403, 404, 413}) {
    Bench bench(quick());
    bench.server.answers({.status = status, .pieces = {R"({"error":{"message":"no"}})"}});
    auto answer = bench.ask();
    ASSERT_FALSE(answer);
    EXPECT_FALSE(answer.error().retryable) << status;
    EXPECT_EQ(bench.server.requests.size(), 1u) << status;
  }
}

TEST(Model, DoesNotWaitLongerThanItsBudget) {
  LlmConfig config = quick();
  config.retry_budget = milliseconds(1000);
  Bench bench(config);
  bench.server.answers({.status = 429, .headers = {{"retry-after", "30"}}, .pieces = {"{}"}});
  auto answer = bench.ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kExhausted);
  EXPECT_EQ(answer.error().retry_after, milliseconds(30'000));
  EXPECT_EQ(bench.server.requests.size(), 1u);
}

TEST(Model, StartsAnewWithAResetWhenAnAnswerBreaksOff) {
  Bench bench(quick());
  auto half = anthropic_text("half");
  half.resize(3);
  bench.server.answers({.pieces = half});
  bench.server.answers({.pieces = anthropic_text("whole")});
  auto answer = bench.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_EQ(bench.resets, 1);
  EXPECT_EQ(bench.seen.text, "whole");
  EXPECT_EQ(text_of(answer->parts), "whole");
  EXPECT_EQ(answer->usage, (Usage{.input = 20, .output = 2})) << "the broken attempt is counted";
}

TEST(Model, TriesAgainAfterAnErrorInsideTheStream) {
  Bench bench(quick());
  auto pieces = anthropic_text("half");
  pieces.resize(3);
  pieces.push_back(
      "event: error\ndata: "
      "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded. "
      "retry after 0s\"}}\n\n");
  bench.server.answers({.pieces = pieces});
  bench.server.answers({.pieces = anthropic_text("whole")});
  ASSERT_TRUE(bench.ask());
  EXPECT_EQ(bench.resets, 1);
  EXPECT_EQ(bench.seen.text, "whole");
}

TEST(Model, TriesAgainWhenNoFirstByteComes) {
  Bench bench(quick());
  bench.server.answers({.hang = true});
  bench.server.answers({.pieces = anthropic_text("ok")});
  auto answer = bench.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_EQ(bench.server.requests.size(), 2u);
}

TEST(Model, TimesOutAnAnswerThatStalls) {
  LlmConfig config = quick();
  config.timeout = milliseconds(100);
  config.retries = 0;
  Bench bench(config);
  auto half = anthropic_text("half");
  half.resize(3);
  bench.server.answers({.pieces = half, .hang = true});
  auto answer = bench.ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kTimeout);
  EXPECT_TRUE(answer.error().streamed);
}

TEST(Model, GivesAGarbledAnswerOneSecondChance) {
  Bench bench(quick());
  bench.server.answers({.pieces = {"data: {\"type\": oops\n\n"}});
  bench.server.answers({.pieces = {"data: {\"type\": oops\n\n"}});
  auto answer = bench.ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kCorrupt);
  EXPECT_EQ(bench.server.requests.size(), 2u);
}

TEST(Model, RepeatsAnEmptyAnswerOnceThenHandsItOver) {
  Bench bench(quick());
  bench.server.answers({.pieces = anthropic_text("")});
  bench.server.answers({.pieces = anthropic_text("")});
  auto answer = bench.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_TRUE(answer->parts.empty());
  EXPECT_EQ(answer->usage, (Usage{.input = 20, .output = 4}));
  EXPECT_EQ(bench.server.requests.size(), 2u);
}

TEST(Model, SaysWhatCameInsteadOfAnAnswer) {
  LlmConfig config = quick();
  config.retries = 0;
  const std::vector<std::pair<std::vector<std::string>, std::string>> table = {
      {{}, "anthropic: the answer was empty"},
      {{"<html><body>Sign in</body></html>"},
       "anthropic: overloaded or out of order: HTTP 200 with a web page instead of an answer"},
      {{R"({"type":"error","error":{"type":"api_error","message":"on fire"}})"},
       "anthropic: overloaded or out of order: on fire"}};
  for (const auto& [pieces, sentence] : table) {
    Bench bench(config);
    bench.server.answers({.pieces = pieces});
    auto answer = bench.ask();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error.message, sentence);
    EXPECT_EQ(answer.error().error.code, Code::kUnavailable);
  }
}

TEST(Model, NeverShowsItsKeyEvenWhenTheServerDoes) {
  Bench bench(quick());
  bench.server.answers(
      {.status = 401,
       .pieces = {R"({"error":{"message":"bad key sk-test-0123456789abcdef here"}})"}});
  auto answer = bench.ask();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.message.find("0123456789abcdef"), std::string::npos)
      << answer.error().error.message;
}

TEST(Model, FailsClearlyWhenNobodyListens) {
  LlmConfig config = quick();
  config.retries = 0;
  Loop loop;
  auto http = net::HttpClient::open({.loop = loop}).value();
  std::uint16_t port = 0;
  {
    auto acceptor = loop.run(net::listen_tcp("127.0.0.1", 0)).value();
    port = acceptor->port();
    acceptor->close();
  }
  config.provider = "openai";
  config.model = "local";
  config.base_url = fmt::format("http://127.0.0.1:{}", port);
  auto model = Model::open(config, {.loop = loop, .http = *http}).value();
  Request request = Bench::hello();
  auto answer = loop.run(model->stream(Ctx{}, request, {}, {}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kUnavailable);
  EXPECT_TRUE(answer.error().retryable);
}

struct Background {
  std::optional<std::expected<Response, Failure>> outcome;
};
Task<void> ask_in_background(Bench* bench, Ctx ctx, Background* out) {
  Request request = Bench::hello();
  out->outcome = co_await bench->model->stream(std::move(ctx), request, {}, {});
  bench->server.changed.notify_all();
}

Task<void> cancel_when_running(Bench* bench, std::stop_source stop, Background* out) {
  while (bench->server.running == 0) (void)co_await bench->server.changed.wait(Ctx{});
  stop.request_stop();
  while (!out->outcome) (void)co_await bench->server.changed.wait(Ctx{});
  while (bench->server.running > 0) (void)co_await bench->server.changed.wait(Ctx{});
}

TEST(Model, ClosesTheRequestWhenItIsCancelled) {
  for (bool streaming : {false, true}) {
    Bench bench(LlmConfig{});
    auto half = anthropic_text("half");
    half.resize(3);
    bench.server.answers({.pieces = streaming ? half : std::vector<std::string>{}, .hang = true});
    Gate gate(bench.loop);
    std::stop_source stop;
    Background out;
    Ctx ctx{.stop = stop.get_token()};
    gate.spawn("ask", ask_in_background(&bench, ctx, &out));
    bench.loop.run(cancel_when_running(&bench, stop, &out));
    bench.loop.run(gate.close());
    ASSERT_FALSE(*out.outcome);
    EXPECT_EQ(out.outcome->error().error.code, Code::kCancelled);
    EXPECT_TRUE(bench.server.saw_client_leave);
    EXPECT_EQ(bench.server.requests.size(), 1u);
  }
}

Task<void> cancel_after_first_refusal(Bench* bench, std::stop_source stop, Background* out) {
  while (bench->server.requests.empty() || bench->server.running > 0) {
    (void)co_await bench->server.changed.wait(Ctx{});
  }
  stop.request_stop();
  while (!out->outcome) (void)co_await bench->server.changed.wait(Ctx{});
}

TEST(Model, CanBeCancelledWhileItWaitsToTryAgain) {
  Bench bench(quick());
  bench.server.answers({.status = 429, .headers = {{"retry-after", "50"}}, .pieces = {"{}"}});
  Gate gate(bench.loop);
  std::stop_source stop;
  Background out;
  Ctx ctx{.stop = stop.get_token()};
  gate.spawn("ask", ask_in_background(&bench, ctx, &out));
  bench.loop.run(cancel_after_first_refusal(&bench, stop, &out));
  bench.loop.run(gate.close());
  ASSERT_FALSE(*out.outcome);
  EXPECT_EQ(out.outcome->error().error.code, Code::kCancelled);
  EXPECT_EQ(bench.server.requests.size(), 1u);
}

TEST(Model, DoesNotBeginAWaitThatTheCallersDeadlineWouldCut) {
  Bench bench(quick());
  bench.server.answers({.status = 429, .headers = {{"retry-after", "50"}}, .pieces = {"{}"}});
  auto answer = bench.ask(Ctx{}.within(std::chrono::seconds(20)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, Code::kExhausted);
  EXPECT_EQ(bench.server.requests.size(), 1u);
}

TEST(Model, RefusesAProviderItDoesNotKnow) {
  Loop loop;
  auto http = net::HttpClient::open({.loop = loop}).value();
  LlmConfig config;
  config.provider = "nobody";
  auto model = Model::open(config, {.loop = loop, .http = *http});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Code::kInvalid);
}

Task<void> release_all(Bench* bench, std::vector<Background>* outs) {
  for (Background& out : *outs) {
    while (!out.outcome) {
      while (bench->server.running == 0 && !out.outcome)
        (void)co_await bench->server.changed.wait(Ctx{});
      bench->server.release();
      co_await yield();
    }
  }
}

TEST(Model, KeepsNoMoreCallsInFlightThanAllowed) {
  LlmConfig config;
  config.concurrent_max = 2;
  Bench bench(config);
  std::vector<Background> outs(6);
  Gate gate(bench.loop);
  for (Background& out : outs) {
    bench.server.answers({.pieces = anthropic_text("ok"), .wait = true});
    gate.spawn("ask", ask_in_background(&bench, Ctx{}, &out));
  }
  bench.loop.run(release_all(&bench, &outs));
  bench.loop.run(gate.close());
  for (const Background& out : outs) EXPECT_TRUE(out.outcome->has_value());
  EXPECT_EQ(bench.server.running_most, 2);
}

}  // namespace
}  // namespace skep::llm
