#include "execution.h"

#include <gtest/gtest.h>

namespace skep::federation {
namespace {

std::shared_ptr<Execution> sample() {
  auto e = std::make_shared<Execution>();
  e->id = "01ID";
  e->caller = xmpp::Jid::parse("ann@a.example/desk").value();
  e->address = "helper@agent.b.example";
  e->stanza = "iq";
  e->stanza_id = "x9";
  e->exec_id = "e7";
  e->skill = "ask";
  e->arguments = {{"task", "2+2?"}};
  e->digest = digest_of(e->skill, e->arguments);
  e->reply = xmpp::ReplyMode::kAsync;
  e->timeout = Millis(60'000);
  e->chain = {"agent.a.example"};
  e->depth = 1;
  e->depth_max = 2;
  e->tokens_max = 500;
  e->usd_max = kUsd / 20;
  return e;
}

std::shared_ptr<Execution> read_back(std::vector<std::string> steps) {
  steps.insert(steps.begin(), begin_record(*sample()));
  return rebuild({.id = entry_id(*sample()), .kind = std::string(kExecutionKind), .steps = steps})
      .value();
}

TEST(Execution, ComesBackFromTheJournalAsItWas) {
  const auto e = read_back({});
  EXPECT_EQ(begin_record(*e), begin_record(*sample()));
  EXPECT_FALSE(e->told || e->started || e->result);
  EXPECT_EQ(e->status(), xmpp::ExecStatus::kRunning);
}

TEST(Execution, KnowsHowFarItHadCome) {
  const xmpp::ExecResult result{.skill = "ask",
                                .exec_id = "e7",
                                .status = xmpp::ExecStatus::kCompleted,
                                .outputs = {{"text/plain", "4 < 5 & \"so\""}}};
  const auto e =
      read_back({told_record(), caller_record(xmpp::Jid::parse("ann@a.example/new").value()),
                 confirmed_record("bob@b.example"), started_record(), result_record(result)});
  EXPECT_TRUE(e->told && e->started);
  EXPECT_EQ(e->caller.resource(), "new");
  EXPECT_EQ(e->confirmed_by, "bob@b.example");
  EXPECT_EQ(e->result, result);
}

TEST(Execution, ALargeResultIsTakenUpWholeAndToldOnlyOnceItIsPacked) {
  xmpp::ExecResult result{.skill = "ask",
                          .exec_id = "e7",
                          .status = xmpp::ExecStatus::kCompleted,
                          .outputs = {{"text/plain", std::string(1'000'000, '"')}}};
  EXPECT_EQ(read_back({result_record(result)})->result, result);
  EXPECT_EQ(read_back({result_record(result)})->tellable().status, xmpp::ExecStatus::kRunning);
  const xmpp::ExecResult packed{.skill = "ask",
                                .exec_id = "e7",
                                .status = xmpp::ExecStatus::kCompleted,
                                .outputs = {{.type = "text/plain",
                                             .text = {},
                                             .href = "https://up.example/1",
                                             .sha256 = std::string(64, 'a'),
                                             .size = 1'000'000}}};
  const auto e = read_back({result_record(result), packed_record(packed)});
  EXPECT_EQ(e->tellable(), packed);
}

TEST(Execution, WhatWasCalledOffStaysSo) {
  EXPECT_FALSE(read_back({})->cancel.stop_requested());
  EXPECT_TRUE(read_back({cancelled_record()})->cancel.stop_requested());
}

TEST(Execution, RefusesRecordsThatMakeNoSense) {
  for (const std::vector<std::string>& steps :
       {std::vector<std::string>{},
        {"{}"},
        {"not json"},
        {begin_record(*sample()), R"({"s":"result","xml":"<a/>"})"}}) {
    EXPECT_FALSE(rebuild({.id = entry_id(*sample()), .kind = "", .steps = steps}));
  }
  EXPECT_FALSE(rebuild(
      {.id = store::EntryId("execution-other"), .kind = "", .steps = {begin_record(*sample())}}));
}

TEST(Execution, ADigestTellsDifferentRequestsApart) {
  EXPECT_EQ(digest_of("s", {{"a", 1}, {"b", 2}}), digest_of("s", {{"b", 2}, {"a", 1}}));
  EXPECT_NE(digest_of("s", {{"a", 1}}), digest_of("s", {{"a", 2}}));
  EXPECT_NE(digest_of("s", {{"a", 1}}), digest_of("t", {{"a", 1}}));
}

}  // namespace
}  // namespace skep::federation
