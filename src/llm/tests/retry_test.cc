#include <gtest/gtest.h>

#include "classify.h"
#include "endpoint.h"
#include "families.h"
#include "skep/base/json.h"
#include "skep/llm/model.h"

namespace skep::llm {
namespace {

using std::chrono::milliseconds;

const WallTime kNow = parse_rfc3339("2026-03-02T08:00:00Z").value();

struct Case {
  int status;
  std::string body;
  Code code;
  bool retryable;
};

TEST(Classify, KnowsWhatEachRefusalMeans) {
  const std::vector<Case> table = {
      {429, R"({"error":{"type":"rate_limit_error","message":"Slow down"}})", Code::kExhausted,
       true},
      {429,
       R"({"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}})",
       Code::kDenied, false},
      {402, "", Code::kDenied, false},
      {401, R"({"error":{"message":"invalid x-api-key"}})", Code::kUnauthenticated, false},
      {403, R"({"error":{"message":"Your region is not supported"}})", Code::kDenied, false},
      {403, R"({"error":{"message":"Incorrect API key provided"}})", Code::kUnauthenticated, false},
      {404, R"({"error":"model 'x' not found"})", Code::kNotFound, false},
      {400, R"({"error":{"message":"The model `x` does not exist","code":"model_not_found"}})",
       Code::kNotFound, false},
      {400, R"({"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}})",
       Code::kTooLarge, false},
      {400,
       R"({"error":{"code":"context_length_exceeded","message":"This model's maximum context length is 8192"}})",
       Code::kTooLarge, false},
      {413, "", Code::kTooLarge, false},
      {400, R"({"error":{"message":"Your credit balance is too low"}})", Code::kDenied, false},
      {400, R"({"error":{"message":"messages: roles must alternate"}})", Code::kInvalid, false},
      {422, R"({"detail":"unprocessable"})", Code::kInvalid, false},
      {408, "", Code::kTimeout, true},
      {500, R"({"error":{"message":"Internal server error"}})", Code::kUnavailable, true},
      {500, R"({"error":"model requires more system memory (9 GiB) than is available"})",
       Code::kUnavailable, false},
      {502, "<html><body>Bad Gateway, rate limit, billing</body></html>", Code::kUnavailable, true},
      {503, "", Code::kUnavailable, true},
      {504, "", Code::kTimeout, true},
      {522, "<!DOCTYPE html><title>example | 522</title>", Code::kUnavailable, true},
      {529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
       Code::kUnavailable, true},
      {302, "", Code::kUnavailable, true},
      {200, "<html>Sign in</html>", Code::kUnavailable, true},
  };
  for (const Case& c : table) {
    Failure failure = classify_reply("openai", c.status, {}, c.body, kNow);
    EXPECT_EQ(failure.error.code, c.code) << c.status << " " << c.body;
    EXPECT_EQ(failure.retryable, c.retryable) << c.status << " " << c.body;
    EXPECT_TRUE(failure.error.message.starts_with("openai: ")) << failure.error.message;
    EXPECT_LE(failure.error.message.size(), kFailureBytesMax + 10) << failure.error.message;
  }
}

TEST(Classify, ShowsTheProvidersSentenceWithoutKeysAndNotTooLong) {
  std::string key = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789";
  json::object error{
      {"message", "Incorrect API key provided: " + key + ". " + std::string(2000, 'x')}};
  Failure failure =
      classify_reply("openai", 401, {}, to_json(json::object{{"error", error}}), kNow);
  EXPECT_NE(failure.error.message.find("Incorrect API key provided"), std::string::npos);
  EXPECT_EQ(failure.error.message.find(key), std::string::npos);
  EXPECT_LE(failure.error.message.size(), kFailureBytesMax + 10);
}

TEST(Classify, SaysPlainlyThatAWebPageCame) {
  Failure failure = classify_reply("anthropic", 502, {}, "<html>oops</html>", kNow);
  EXPECT_EQ(failure.error.message,
            "anthropic: overloaded or out of order: HTTP 502 with a web page instead of an answer");
}

TEST(Classify, FindsTheMessageInAllUsualShapes) {
  for (std::string_view body :
       {R"({"error":{"message":"why"}})", R"({"error":"why"})", R"({"message":"why"})",
        R"({"detail":"why"})", R"([{"error":{"message":"why"}}])",
        R"({"type":"error","error":{"type":"t","message":"why"}})"}) {
    EXPECT_EQ(provider_message(body), "why") << body;
  }
  EXPECT_EQ(provider_message("nonsense"), "");
  EXPECT_EQ(provider_message("{}"), "");
}

TEST(Classify, TransportFailuresMayPassButRefusalsOfOursDoNot) {
  EXPECT_TRUE(classify_transport("x", {Code::kUnavailable, "refused"}).retryable);
  EXPECT_TRUE(classify_transport("x", {Code::kTimeout, "slow"}).retryable);
  EXPECT_FALSE(classify_transport("x", {Code::kCancelled, "stop"}).retryable);
  EXPECT_FALSE(classify_transport("x", {Code::kDenied, "guard"}).retryable);
  EXPECT_EQ(classify_transport("x", {Code::kTooLarge, "body"}).error.code, Code::kCorrupt);
}

TEST(RetryAfter, ReadsHeadersAndWords) {
  using H = net::Headers;
  const std::vector<std::tuple<H, std::string, std::optional<milliseconds>>> table = {
      {H{{"Retry-After", "7"}}, "", milliseconds(7000)},
      {H{{"retry-after", " 0.5 "}}, "", milliseconds(500)},
      {H{{"retry-after-ms", "250"}, {"retry-after", "9"}}, "", milliseconds(250)},
      {H{{"retry-after", "Mon, 02 Mar 2026 08:00:20 GMT"}}, "", milliseconds(20000)},
      {H{{"retry-after", "Mon, 02 Mar 2026 07:00:00 GMT"}}, "", milliseconds(0)},
      {H{{"retry-after", "99999999999999"}}, "", milliseconds(86'400'000)},
      {H{{"retry-after", "soon"}}, "", std::nullopt},
      {H{{"retry-after", "-3"}}, "", std::nullopt},
      {H{{"retry-after", "nan"}}, "", std::nullopt},
      {H{{"retry-after", "Mon, 31 Feb 2026 08:00:20 GMT"}}, "", std::nullopt},
      {H{}, "Please try again in 1.2s.", milliseconds(1200)},
      {H{}, "Please try again in 20ms.", milliseconds(20)},
      {H{}, "Retry after 20 seconds", milliseconds(20000)},
      {H{}, "try again in 2m", milliseconds(120000)},
      {H{}, "try again in a while", std::nullopt},
  };
  for (const auto& [headers, message, wish] : table) {
    EXPECT_EQ(retry_after(headers, message, kNow), wish)
        << (headers.empty() ? message : headers[0].second);
  }
}

TEST(RetryDelay, FollowsTheWishUpToAMinuteElseFullJitter) {
  EXPECT_EQ(retry_delay(1, milliseconds(1500), 0.9), milliseconds(1500));
  EXPECT_EQ(retry_delay(1, milliseconds(0), 0.9), milliseconds(0));
  EXPECT_EQ(retry_delay(3, milliseconds(3'600'000), 0.1), milliseconds(60'000));
  EXPECT_EQ(retry_delay(1, std::nullopt, 0.0), milliseconds(0));
  EXPECT_EQ(retry_delay(1, std::nullopt, 0.5), milliseconds(500));
  EXPECT_EQ(retry_delay(2, std::nullopt, 0.5), milliseconds(1000));
  EXPECT_EQ(retry_delay(4, std::nullopt, 0.5), milliseconds(4000));
  EXPECT_EQ(retry_delay(6, std::nullopt, 0.5), milliseconds(15'000));
  EXPECT_EQ(retry_delay(1'000'000, std::nullopt, 0.5), milliseconds(15'000));
}

TEST(Endpoint, MakesUrlsFromWhatPeopleWrite) {
  EXPECT_EQ(anthropic_url("").value(), "https://api.anthropic.com/v1/messages");
  EXPECT_EQ(anthropic_url("https://gw.example/claude/").value(),
            "https://gw.example/claude/v1/messages");
  EXPECT_EQ(anthropic_url("https://gw.example/v1").value(), "https://gw.example/v1/messages");
  EXPECT_EQ(openai_url("").value(), "https://api.openai.com/v1/chat/completions");
  EXPECT_EQ(openai_url("localhost:8000").value(), "http://localhost:8000/v1/chat/completions");
  EXPECT_EQ(openai_url("https://gw.example/api/v3").value(),
            "https://gw.example/api/v3/chat/completions");
  EXPECT_EQ(openai_url("http://h/v1/chat/completions").value(), "http://h/v1/chat/completions");
  EXPECT_EQ(ollama_url("", "chat").value(), "http://localhost:11434/api/chat");
  EXPECT_EQ(ollama_url("0.0.0.0", "chat").value(), "http://127.0.0.1:11434/api/chat");
  EXPECT_EQ(ollama_url("[::1]:99", "tags").value(), "http://[::1]:99/api/tags");
  EXPECT_EQ(ollama_url("::1", "tags").value(), "http://[::1]:11434/api/tags");
  EXPECT_EQ(ollama_url("http://127.0.0.1:11434/v1/", "chat").value(),
            "http://127.0.0.1:11434/api/chat");
  EXPECT_EQ(ollama_url("https://ollama.example", "chat").value(),
            "https://ollama.example/api/chat");
}

TEST(Endpoint, RefusesWhatIsNoUrl) {
  for (std::string_view text : {"ftp://x", "http://", "http://u:p@h", "http://h?key=1",
                                "http://h/#x", "h:0", "h:99999", "h:port", "http://[::1", "a b"}) {
    auto url = openai_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::kInvalid) << text;
  }
}

TEST(Families, KnowsWindowsAndQuirksByTheLongestPrefix) {
  EXPECT_EQ(family_of("claude-sonnet-4-5-20250929").window_tokens, 200'000);
  EXPECT_EQ(family_of("gpt-4.1-mini").window_tokens, 1'047'576);
  EXPECT_EQ(family_of("gpt-4o").window_tokens, 128'000);
  EXPECT_EQ(family_of("openai/gpt-5-mini").window_tokens, 400'000);
  EXPECT_TRUE(family_of("openai/gpt-5-mini").max_completion_tokens);
  EXPECT_TRUE(family_of("o3").no_temperature);
  EXPECT_FALSE(family_of("o3-mini").images);
  EXPECT_EQ(family_of("qwen2.5:7b").window_tokens, 32'768);
}

TEST(EstimateTokens, CountsByScript) {
  EXPECT_EQ(estimate_tokens(""), 0u);
  EXPECT_EQ(estimate_tokens("a"), 1u);
  EXPECT_EQ(estimate_tokens(std::string(400, 'a')), 100u);
  EXPECT_EQ(estimate_tokens("世界和平"), 3u);
  EXPECT_GE(estimate_tokens("\xff\xfe"), 1u);
}

}  // namespace
}  // namespace skep::llm
