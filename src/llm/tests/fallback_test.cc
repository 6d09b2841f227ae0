// Several ways to a model: keys and fallbacks.
#include <gtest/gtest.h>

#include "breaker.h"
#include "model_server.h"

namespace skep::llm {
namespace {

using std::chrono::seconds;

TEST(Breaker, RestsLongerEachTimeAndLetsOneSeeAfterwards) {
  Breaker breaker;
  SteadyTime now = SteadyTime() + std::chrono::hours(1);
  EXPECT_TRUE(breaker.admits(now));
  for (seconds rest : {seconds(60), seconds(300), seconds(1500), seconds(3600), seconds(3600)}) {
    breaker.failed(Trouble::kPassing, now, {});
    EXPECT_EQ(breaker.open_until() - now, rest);
    EXPECT_FALSE(breaker.admits(now + rest - seconds(1)));
    now += rest;
    EXPECT_TRUE(breaker.admits(now));
    EXPECT_FALSE(breaker.admits(now + seconds(29)));  // one is seeing already
  }
  EXPECT_TRUE(breaker.admits(now + seconds(30)));  // that one never came back
  breaker.succeeded();
  EXPECT_TRUE(breaker.closed());
  EXPECT_TRUE(breaker.admits(now));
  EXPECT_TRUE(breaker.admits(now));
}

TEST(Breaker, BelievesAWishButNotAboutMoney) {
  Breaker breaker;
  const SteadyTime now = SteadyTime() + std::chrono::hours(1);
  breaker.failed(Trouble::kPassing, now, seconds(7));
  EXPECT_EQ(breaker.open_until() - now, seconds(7));
  breaker.succeeded();
  breaker.failed(Trouble::kAccount, now, seconds(7));
  EXPECT_EQ(breaker.open_until() - now, seconds(18'000));
}

const net::Headers kNow{{"retry-after", "0"}};

// Two keys of one provider, then two other models, all on the scripted server.
struct Ways : Bench {
  Ways(std::vector<std::string> keys, std::vector<std::string> models) {
    LlmConfig config{.provider = "anthropic", .model = "first", .api_key = Secret("sk-key-0")};
    config.base_url = server.url();
    for (std::string& key : keys) config.more_keys.emplace_back(std::move(key));
    for (std::string& name : models) {
      LlmConfig other{.provider = "anthropic", .model = name, .api_key = Secret("sk-other")};
      other.base_url = server.url();
      config.fallbacks.push_back(std::move(other));
    }
    model = Model::open(std::move(config), {.loop = loop, .http = *http}).value();
  }
  [[nodiscard]] std::string asked(std::size_t at) const {
    const json::value body = *parse_json(server.requests.at(at).body);
    return fmt::format("{} {}", get_string(body, "model"),
                       net::find_header(server.requests.at(at).headers, "x-api-key"));
  }
  void fails(int status) {
    server.answers(
        {.status = status, .headers = kNow, .pieces = {R"({"error":{"message":"no"}})"}});
  }
};

TEST(Fallback, ASpentOrRefusedKeyGivesWayToTheNextAndThenRests) {
  for (int status : {401, 402, 403, 429}) {
    Ways ways({"sk-key-1"}, {"second"});
    ways.fails(status);
    for (int i = 0; i < 2; ++i) ways.server.answers({.pieces = anthropic_text("ok")});
    ASSERT_TRUE(ways.ask()) << status;
    ASSERT_TRUE(ways.ask()) << status;
    ASSERT_EQ(ways.server.requests.size(), 3u);
    EXPECT_EQ(ways.asked(0), "first sk-key-0");
    EXPECT_EQ(ways.asked(1), "first sk-key-1");
    EXPECT_EQ(ways.asked(2), "first sk-key-1");
    EXPECT_EQ(ways.model->ways().at(1).resting, seconds(0));
  }
}

TEST(Fallback, AServiceOutOfOrderIsTriedTwiceThenTheNextIsAsked) {
  Ways ways({}, {"second"});
  ways.fails(529);
  ways.fails(529);
  ways.server.answers({.pieces = anthropic_text("ok")});
  auto answer = ways.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_EQ(answer->usage, (Usage{.input = 10, .output = 2}));
  EXPECT_EQ(ways.asked(1), "first sk-key-0");
  EXPECT_EQ(ways.asked(2), "second sk-other");
  EXPECT_EQ(ways.model->ways().at(0).name, "anthropic (first)");
}

TEST(Fallback, TextThatTheFirstHadBegunIsTakenBack) {
  Ways ways({}, {"second"});
  for (int i = 0; i < 2; ++i) {
    auto pieces = anthropic_text("half");
    pieces.resize(3);
    ways.server.answers({.pieces = std::move(pieces)});
  }
  ways.server.answers({.pieces = anthropic_text("whole")});
  auto answer = ways.ask();
  ASSERT_TRUE(answer) << answer.error().error.message;
  EXPECT_EQ(ways.seen.text, "whole");
  EXPECT_EQ(ways.resets, 2);
  EXPECT_EQ(answer->usage.input, 30);  // what the broken ones cost is not forgotten
}

TEST(Fallback, WhatWouldFailAnywhereTurnsToNobody) {
  for (auto [status, code] : {std::pair(413, Code::kTooLarge), {400, Code::kInvalid}}) {
    Ways ways({"sk-key-1"}, {"second"});
    ways.fails(status);
    auto answer = ways.ask();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error.code, code);
    EXPECT_EQ(ways.server.requests.size(), 1u);
    EXPECT_EQ(ways.model->ways().at(0).resting, seconds(0));
  }
}

TEST(Fallback, WhenAllRestTheOneThatIsSoonestWellIsStillAsked) {
  Ways ways({}, {"second"});
  for (int i = 0; i < 2; ++i) ways.fails(401);
  ways.server.answers({.pieces = anthropic_text("ok")});
  auto refused = ways.ask();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, Code::kUnauthenticated);
  ASSERT_TRUE(ways.ask());
  EXPECT_EQ(ways.asked(2), "first sk-key-0");
}

}  // namespace
}  // namespace skep::llm
