#include "skep/memory/ledger.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace skep::memory {
namespace {

using Scope = Ledger::Scope;
using namespace std::chrono_literals;

struct FixedClock : Clock {
  WallTime time = *parse_rfc3339("2026-11-24T22:30:00Z");
  [[nodiscard]] WallTime now() const override { return time; }
};

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() : directory_(testing::TempDir() + "ledger-XXXXXX") { mkdtemp(directory_.data()); }
  ~LedgerTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Ledger> open(QuotaConfig quota = {}, std::string zone = "UTC") {
    return Ledger::open({.directory = directory_, .quota = quota, .time_zone = std::move(zone)},
                        clock_)
        .value();
  }
  // One call of `tokens` tokens (all of them input) and `usd` dollars.
  static Result<void> spend(Ledger& ledger, std::string person, std::int64_t tokens, PicoUsd cost,
                            bool failed = false) {
    auto hold = ledger.reserve({"Helper", person}, tokens, cost);
    if (!hold) return fail(hold.error());
    return ledger.settle(std::move(*hold), {.agent = "Helper",
                                            .person = std::move(person),
                                            .provider = "openai",
                                            .model = "gpt-4o",
                                            .usage = {.input = tokens},
                                            .cost = cost,
                                            .failed = failed});
  }

  std::string directory_;
  FixedClock clock_;
};

TEST_F(LedgerTest, AddsUpByPersonAgentModelAndInAll) {
  auto ledger = open();
  ASSERT_TRUE(spend(*ledger, "ann", 100, 7));
  ASSERT_TRUE(spend(*ledger, "ann", 20, 1, true));
  ASSERT_TRUE(spend(*ledger, "bob", 3, 100));
  const Spend ann{.calls = 2, .failed = 1, .usage = {.input = 120}, .cost = 8};
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").day, ann);
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").month, ann);
  EXPECT_EQ(ledger->spent(Scope::kTotal, "").day.cost, 108);
  EXPECT_EQ(ledger->spent(Scope::kAgent, "Helper").day.tokens(), 123);
  EXPECT_EQ(ledger->spent(Scope::kModel, "openai gpt-4o").day.calls, 3u);
  ASSERT_EQ(ledger->all(Scope::kPerson).size(), 2u);
  EXPECT_EQ(ledger->all(Scope::kPerson).front().name, "bob");  // the dearest
}

TEST_F(LedgerTest, SumsOutliveTheProcessHoweverItEnds) {
  const pid_t child = fork();
  if (child == 0) {
    auto ledger = open();
    for (int i = 0; i < 100; ++i) (void)spend(*ledger, "ann", 10, 1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(open()->spent(Scope::kPerson, "ann").day.tokens(), 1'000);
  {
    auto ledger = open();  // ends in order: leaves a checkpoint
    ASSERT_TRUE(spend(*ledger, "ann", 1, 1));
  }
  ASSERT_TRUE(std::filesystem::exists(directory_ + "/2026-11.sums.json"));
  auto ledger = open();
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").month.tokens(), 1'001);
  EXPECT_EQ(ledger->spent(Scope::kTotal, "").month.calls, 101u);
}

TEST_F(LedgerTest, ACheckpointThatDoesNotFitIsNotBelieved) {
  {
    ASSERT_TRUE(spend(*open(), "ann", 5, 1));
  }
  for (std::string_view bad : {"", "{", R"({"bytes":999999,"day":1,"sums":[{},{},{},{}]})",
                               R"({"bytes":0,"day":1,"sums":[{"":[1]},{},{},{}]})",
                               R"({"bytes":-1,"day":1,"sums":[{},{},{},{}]})"}) {
    std::ofstream(directory_ + "/2026-11.sums.json") << bad;
    EXPECT_EQ(open()->spent(Scope::kPerson, "ann").month.tokens(), 5) << bad;
  }
}

TEST_F(LedgerTest, ADamagedLineCostsItselfOnly) {
  {
    ASSERT_TRUE(spend(*open(), "ann", 5, 1));
  }
  std::filesystem::remove(directory_ + "/2026-11.sums.json");
  std::ofstream(directory_ + "/2026-11.jsonl", std::ios::app) << "{\"v\":1,\"at\":\n{torn";
  auto ledger = open();
  ASSERT_TRUE(spend(*ledger, "ann", 6, 1));
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").month.tokens(), 11);
}

TEST_F(LedgerTest, ADayEndsAtItsZonesMidnightAndAMonthWithIt) {
  auto ledger = open({}, "Europe/Berlin");  // 23:30 there
  EXPECT_EQ(ledger->until_tomorrow(), 30min);
  ASSERT_TRUE(spend(*ledger, "ann", 5, 1));
  clock_.time += 29min;
  ASSERT_TRUE(spend(*ledger, "ann", 5, 1));
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").day.tokens(), 10);
  clock_.time += 1min;
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").day.tokens(), 0);
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").month.tokens(), 10);
  clock_.time = *parse_rfc3339("2026-11-30T22:59:59Z");
  ASSERT_TRUE(spend(*ledger, "ann", 1, 1));
  clock_.time = *parse_rfc3339("2026-11-30T23:00:00Z");
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").month.tokens(), 0);
  ASSERT_TRUE(spend(*ledger, "ann", 2, 1));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/2026-12.jsonl"));
  // A clock that was set back finds what it had left.
  clock_.time = *parse_rfc3339("2026-11-24T22:30:00Z");
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").month.tokens(), 11);
  EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").day.tokens(), 10);
}

TEST_F(LedgerTest, AnHourIsTheLastSixtyMinutesWhateverTheClockSays) {
  // Across midnight, the first of the month, and a restart.
  for (const auto* begin :
       {"2026-11-24T12:00:00Z", "2026-11-24T23:30:00Z", "2026-11-30T23:30:30Z"}) {
    std::filesystem::remove_all(directory_);
    clock_.time = *parse_rfc3339(begin);
    const QuotaConfig quota{.person = {.hourly_cost = kUsd}};
    auto ledger = open(quota);
    ASSERT_TRUE(spend(*ledger, "ann", 1, 9 * kUsd / 10));
    clock_.time += 59min;
    for (const bool again : {false, true}) {
      if (again) ledger = open(quota);
      const auto refused = ledger->reserve({"Helper", "ann"}, 1, kUsd / 5);
      ASSERT_FALSE(refused) << begin;
      EXPECT_EQ(refused.error().code, Code::kExhausted);
      EXPECT_EQ(refused.error().message,
                "You have spent $0.90 of $1.00 in the last hour, and this would go over. Enough of "
                "it is free again in 2 minutes.");
      EXPECT_TRUE(ledger->reserve({"Helper", "ann"}, 1, kUsd / 10));
      EXPECT_TRUE(ledger->reserve({"Helper", "bob"}, 1, kUsd / 5));
    }
    clock_.time += 2min;
    EXPECT_TRUE(ledger->reserve({"Helper", "ann"}, 1, kUsd / 5)) << begin;
    EXPECT_TRUE(open(quota)->reserve({"Helper", "ann"}, 1, kUsd / 5)) << begin;
  }
}

TEST_F(LedgerTest, WhatIsSpentLittleByLittleComesBackLittleByLittle) {
  auto ledger = open({.total = {.hourly_tokens = 100}});
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(spend(*ledger, "ann", 10, 1));
    clock_.time += 3min;
  }
  EXPECT_EQ(ledger->spent(Scope::kTotal, "").hour.tokens(), 100);
  EXPECT_EQ(ledger->reserve({"Helper", "bob"}, 25, 0).error().message,
            "Everybody together has used 100 of 100 tokens in the last hour, and this would go "
            "over. Enough of it is free again in 37 minutes.");
  EXPECT_TRUE(ledger->reserve({"Helper", "bob"}, 99, 0)
                  .error()
                  .message.ends_with("free again in 58 minutes."));
  clock_.time += 37min;
  EXPECT_EQ(ledger->spent(Scope::kTotal, "").hour.tokens(), 70);
  auto hold = ledger->reserve({"Helper", "bob"}, 25, 0);
  ASSERT_TRUE(hold);
  EXPECT_FALSE(ledger->reserve({"Helper", "bob"}, 6, 0)) << "what is set aside counts";
  clock_.time += 2h;
  EXPECT_EQ(ledger->spent(Scope::kTotal, "").hour, Spend());
  EXPECT_TRUE(ledger->reserve({"Helper", "bob"}, 80, 0)
                  .error()
                  .message.ends_with("The rest is set aside for calls that are under way."));
  EXPECT_EQ(ledger->reserve({"Helper", "bob"}, 101, 0).error().message,
            "Everybody together has used 25 of 100 tokens in the last hour, and this would go "
            "over. This alone is more.");
}

TEST_F(LedgerTest, NobodyPassesALimitAndTheRefusalSaysWhich) {
  struct Case {
    QuotaConfig quota;
    std::string sentence;
  };
  for (const Case& one :
       {Case{{.person = {.daily_tokens = 1'100}},
             "You have used 1,000 of 1,100 tokens today, and this would go over. It starts "
             "afresh in 90 minutes."},
        {{.person = {.monthly_tokens = 1'100}},
         "You have used 1,000 of 1,100 tokens this month, and this would go over. It starts "
         "afresh in 6 days."},
        {{.agent = {.hourly_tokens = 1'100}},
         "I have used 1,000 of 1,100 tokens in the last hour, and this would go over. Enough of it "
         "is free again in 61 minutes."},
        {{.agent = {.daily_cost = kUsd}},
         "I have spent $0.99 of $1.00 today, and this would go over. It starts afresh in 90 "
         "minutes."},
        {{.total = {.monthly_cost = kUsd}},
         "Everybody together has spent $0.99 of $1.00 this month, and this would go over. It "
         "starts afresh in 6 days."}}) {
    std::filesystem::remove_all(directory_);
    auto ledger = open(one.quota);
    ASSERT_TRUE(spend(*ledger, "ann", 1'000, kUsd / 100 * 99));
    auto refused = spend(*ledger, "ann", 101, kUsd / 50);
    ASSERT_FALSE(refused) << one.sentence;
    EXPECT_EQ(refused.error().code, Code::kExhausted);
    EXPECT_EQ(refused.error().message, one.sentence);
    EXPECT_TRUE(spend(*ledger, "ann", 100, kUsd / 100)) << one.sentence;  // to the very limit
    EXPECT_EQ(ledger->spent(Scope::kPerson, "ann").day.calls, 2u);
  }
}

TEST_F(LedgerTest, CallsUnderWayCountUntilTheyEnd) {
  auto ledger = open({.person = {.daily_tokens = 100}});
  auto first = ledger->reserve({"Helper", "ann"}, 60, 0);
  ASSERT_TRUE(first);
  EXPECT_FALSE(ledger->reserve({"Helper", "ann"}, 60, 0));
  EXPECT_TRUE(ledger->reserve({"Helper", "bob"}, 60, 0));
  EXPECT_TRUE(ledger->reserve({"Helper", "ann", true}, 60, 0));  // exempt
  *first = Ledger::Hold();                                       // given back unused
  EXPECT_TRUE(spend(*ledger, "ann", 60, 0));
  EXPECT_FALSE(ledger->reserve({"Helper", "ann"}, 60, 0));
}

TEST(QuotaConfig, ReadsAndRefuses) {
  auto file = ConfigFile::parse(
                  "[quota]\nhourly_cost_usd = 0.25\ndaily_tokens = 5\nmonthly_cost_usd = "
                  "1.5\n[quota.total]\n"
                  "daily_cost_usd = -1.0\n[quota.agent]\nmonthly_tokens = 7\n",
                  "skep.toml")
                  .value();
  const QuotaConfig quota = QuotaConfig::read(file.root().child("quota"));
  EXPECT_EQ(quota.person.daily_tokens, 5);
  EXPECT_EQ(quota.person.hourly_cost, kUsd / 4);
  EXPECT_EQ(quota.person.monthly_cost, kUsd * 3 / 2);
  EXPECT_EQ(quota.agent.monthly_tokens, 7);
  ASSERT_EQ(file.problems().size(), 1u);
  EXPECT_EQ(file.problems()[0].where, "skep.toml:6: [quota.total] daily_cost_usd");
}

}  // namespace
}  // namespace skep::memory
