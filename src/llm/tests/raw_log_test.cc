#include "skep/llm/raw_log.h"

#include <gtest/gtest.h>

#include "model_server.h"

namespace skep::llm {
namespace {

TEST(Excerpt, KeepsBothEndsMostOfTheLastAndSaysWhatIsMissing) {
  Excerpt small;
  small.add("abc");
  small.add("def");
  EXPECT_EQ(small.text(100), "abcdef");
  EXPECT_EQ(small.text(4), "a [… 2 bytes …] def");
  Excerpt large;
  for (int i = 0; i < 100'000; ++i) large.add(i < 50'000 ? "a" : "z");
  EXPECT_EQ(large.size(), 100'000u);
  EXPECT_EQ(large.text(6), "a [… 99994 bytes …] zzzzz");
  EXPECT_LT(large.text(1u << 20).size(), 2 * Excerpt::part_bytes_max + 100);
}

TEST(RawLog, HoldsTheNewestAttemptsWithoutKeys) {
  Bench bench;
  Request request = Bench::hello();
  request.raw = std::make_shared<RawLog>();
  const auto ask = [&] {
    return bench.loop.run(bench.model->stream({}, request, [](const StreamEvent&) {}, [] {}));
  };
  bench.server.answers(
      {.status = 503,
       .headers = {{"retry-after", "0"}},
       .pieces = {R"({"error":{"message":"not with sk-test-0123456789abcdef"}})"}});
  bench.server.answers({.pieces = anthropic_text("ok")});
  ASSERT_TRUE(ask());
  ASSERT_EQ(request.raw->exchanges().size(), 2u);
  const RawExchange& failed = request.raw->exchanges()[0];
  EXPECT_TRUE(failed.url.starts_with(bench.server.url())) << failed.url;
  EXPECT_TRUE(failed.request.text(9'999).contains("hello"));
  EXPECT_TRUE(failed.response.text(9'999).contains("not with"));
  EXPECT_TRUE(failed.outcome.starts_with("503, ")) << failed.outcome;
  const RawExchange& answered = request.raw->exchanges()[1];
  EXPECT_EQ(answered.outcome, "200");
  EXPECT_TRUE(answered.response.text(9'999).contains("message_stop"));
  for (const RawExchange& one : request.raw->exchanges())
    EXPECT_FALSE((one.request.text(99'999) + one.response.text(99'999) + one.outcome)
                     .contains("0123456789abcdef"));
  for (int i = 0; i < 10; ++i) {
    bench.server.answers({.pieces = anthropic_text("ok")});
    ASSERT_TRUE(ask());
  }
  EXPECT_EQ(request.raw->exchanges().size(), RawLog::exchanges_max);
  request.raw.reset();
  bench.server.answers({.pieces = anthropic_text("nobody looks")});
  EXPECT_TRUE(ask());
}

}  // namespace
}  // namespace skep::llm
