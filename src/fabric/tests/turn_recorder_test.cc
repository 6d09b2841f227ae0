#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "core.h"
#include "skep/async/wait.h"
#include "skep/base/json.h"
#include "skep/fabric/turns.h"

namespace skep::fabric {
namespace {

using namespace std::chrono_literals;

struct Mouth : Inbox {
  std::function<Result<void>(const Message&)> then;
  Result<void> deliver(Message message) override { return then ? then(message) : Result<void>(); }
};

Message text_to(Destination dst, std::string text, Kind kind = Kind::kUser) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = "trace-1";
  message.dst = std::move(dst);
  message.kind = kind;
  message.conversation = {.channel = "cli", .peer = "ann@cli", .thread = ""};
  message.parts = {TextPart{std::move(text)}};
  return message;
}

class TurnRecorderTest : public testing::Test {
 protected:
  TurnRecorderTest() {
    char text[] = "/tmp/skep-record-XXXXXX";
    directory = ::mkdtemp(text);
    seq = *ThreadSeq::open(directory + "/thread_seq");
    number_threads(*router, seq.get());
    turns = *Turns::open(loop, {.directory = directory + "/turns"});
    recorder = TurnRecorder::open(*router, *turns);
    person = attach("IO.web", web);
    agent = attach("AI.skep", mind);
  }
  ~TurnRecorderTest() override {
    person = {}, agent = {};
    number_threads(*router, nullptr);
    recorder.reset();
    loop.run(turns->close({}));
    turns.reset();
    std::filesystem::remove_all(directory);
  }
  Port attach(std::string_view name, Inbox& inbox) {
    return *router->attach(*Name::parse(name, "lab"), NodeId{Uuid::random()}, inbox);
  }
  // The first `count` turns' envelopes.
  std::vector<json::value> kept(std::size_t count) {
    std::vector<json::value> all;
    auto consumer =
        *turns->consume("test", [&all](const Turns::Turn& turn) { return take(&all, turn); });
    loop.run(wait_for(&all, count));
    loop.run(consumer->close());
    return all;
  }
  static Task<Result<void>> take(std::vector<json::value>* all, Turns::Turn turn) {
    SKEP_CO_TRY(json::value envelope, parse_json(turn.envelope));
    all->push_back(std::move(envelope));
    co_return Result<void>();
  }
  static Task<void> wait_for(std::vector<json::value>* all, std::size_t count) {
    for (int i = 0; i < 6'000 && all->size() < count; ++i) (void)co_await sleep_for({}, 10ms);
    EXPECT_EQ(all->size(), count);
  }
  static std::string said(const json::value& envelope) {
    return std::string(get_string(envelope.at("payload"), "content"));
  }

  std::string directory;
  Loop loop;
  std::unique_ptr<Router> router = *Router::open({.hive = "lab"});
  std::unique_ptr<ThreadSeq> seq;
  std::unique_ptr<Turns> turns;
  std::unique_ptr<TurnRecorder> recorder;
  Mouth web, mind;
  Port person, agent;
};

TEST_F(TurnRecorderTest, KeepsWhatWasDeliveredAsItWasWithTheOutcome) {
  ASSERT_TRUE(person.send(text_to(agent.name(), "hello")));
  ASSERT_TRUE(agent.send(text_to(person.name(), "good day", Kind::kReply)));
  const auto all = kept(2);
  EXPECT_EQ(said(all[0]), "hello");
  EXPECT_EQ(said(all[1]), "good day");
  EXPECT_EQ(get_string(all[0].at("routing"), "src_l2_name"), "IO.web@lab");
  EXPECT_EQ(get_string(all[0].at("meta"), "type"), "user");
  EXPECT_EQ(get_int(all[0].at("meta"), "thread_seq"), 1);
  EXPECT_EQ(get_int(all[1].at("meta"), "thread_seq"), 2);
  const json::value& outcome = all[0].at("meta").at("outcome");
  EXPECT_EQ(get_string(outcome, "result"), "delivered");
  EXPECT_EQ(get_string(outcome, "name"), "AI.skep@lab");
  EXPECT_EQ(get_string(outcome, "node"), agent.id().uuid.str());
  EXPECT_EQ(get_string(outcome, "router"), "RT.main@lab");
}

TEST_F(TurnRecorderTest, AnOutcomeThatTheSenderClaimsIsNotBelieved) {
  Message message = text_to(agent.name(), "hello");
  message.meta["outcome"] = "forged";
  ASSERT_TRUE(person.send(std::move(message)));
  const auto all = kept(1);
  EXPECT_EQ(get_string(all[0].at("meta").at("outcome"), "result"), "delivered");
}

TEST_F(TurnRecorderTest, ProgressSystemWordsAndWhatWasRefusedAreNoTurns) {
  ASSERT_TRUE(agent.send(text_to(person.name(), "thinking", Kind::kProgress)));
  ASSERT_TRUE(agent.send(text_to(person.name(), "typing", Kind::kSystem)));
  EXPECT_FALSE(person.send(text_to(*Name::parse("AI.nobody@lab"), "lost")));
  mind.then = [](const Message&) -> Result<void> { return fail(Code::kExhausted, "full"); };
  EXPECT_FALSE(person.send(text_to(agent.name(), "refused")));
  mind.then = nullptr;
  ASSERT_TRUE(person.send(text_to(agent.name(), "taken")));
  const auto all = kept(1);
  EXPECT_EQ(said(all[0]), "taken");
  EXPECT_EQ(turns->status().published, 1u);
}

TEST_F(TurnRecorderTest, AnAnswerGivenAtOnceStandsBehindItsQuestion) {
  mind.then = [this](const Message&) {
    return agent.send(text_to(person.name(), "at once", Kind::kReply));
  };
  ASSERT_TRUE(person.send(text_to(agent.name(), "question")));
  const auto all = kept(2);
  EXPECT_EQ(said(all[0]), "question");
  EXPECT_EQ(said(all[1]), "at once");
}

TEST_F(TurnRecorderTest, AMessageThatComesAgainIsOneTurnAndABroadcastToo) {
  const Message message = text_to(agent.name(), "once");
  ASSERT_TRUE(person.send(message));
  ASSERT_TRUE(person.send(message));
  Mouth third;
  const Port more = attach("AI.third", third);
  ASSERT_TRUE(person.send(text_to(Broadcast{}, "to all")));
  ASSERT_TRUE(person.send(text_to(agent.name(), "last")));
  const auto all = kept(3);
  EXPECT_EQ(said(all[0]), "once");
  EXPECT_EQ(said(all[1]), "to all");
  EXPECT_EQ(said(all[2]), "last");
}

TEST_F(TurnRecorderTest, ATextThatIsTooLongForALinkIsKeptAllTheSame) {
  ASSERT_TRUE(person.send(text_to(agent.name(), std::string(300'000, 'x'))));
  EXPECT_EQ(said(kept(1)[0]).size(), 300'000u);
}

TEST_F(TurnRecorderTest, WhatCannotBeKeptIsDeliveredAndCounted) {
  recorder.reset();
  loop.run(turns->close({}));
  turns.reset();
  turns = *Turns::open(loop, {.directory = directory + "/small", .bytes_max = 1});
  recorder = TurnRecorder::open(*router, *turns);
  int heard = 0;
  mind.then = [&](const Message&) -> Result<void> { return (++heard, Result<void>()); };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(person.send(text_to(agent.name(), "hello")));
  EXPECT_EQ(heard, 3);
  EXPECT_EQ(turns->status().refused, 3u);
}

TEST_F(TurnRecorderTest, ADirectoryHasOneProcess) {
  auto second = Turns::open(loop, {.directory = directory + "/turns"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
}

}  // namespace
}  // namespace skep::fabric
