#include <fstream>

#include "link_support.h"

namespace skep::fabric {
namespace {

TEST_F(NodeLinkTest, CarriesMessagesBetweenTwoNodesWholeAndAcknowledged) {
  Recorder at_a, at_b;
  NodeLink& a = link("IO.a", at_a);
  NodeLink& b = link("AI.b", at_b);
  Message message = say("AI.b", "hello");
  message.conversation = {"xmpp", "romeo@example.org", "t1"};
  message.meta["mood"] = "good";
  const MessageId id = message.id;
  ASSERT_TRUE(a.deliver(message));
  EXPECT_EQ(a.status().unacknowledged, 1u);
  ASSERT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
  ASSERT_EQ(at_b.heard.size(), 1u);
  EXPECT_EQ(at_b.heard[0].id, id);
  EXPECT_EQ(at_b.heard[0].conversation, message.conversation);
  EXPECT_EQ(get_string(at_b.heard[0].meta, "mood"), "good");
  EXPECT_FALSE(at_b.heard[0].meta.contains("ack"));
  EXPECT_EQ(at_b.heard[0].src, a.id());
  EXPECT_EQ(at_b.heard[0].src_name, *Name::parse("IO.a@lab"));
  EXPECT_TRUE(at_a.heard.empty());
  EXPECT_EQ(b.status().received, 1u);
}

TEST_F(NodeLinkTest, AMessageThatNobodyCanTakeComesBackAsUnreachable) {
  Recorder at_a;
  NodeLink& a = link("IO.a", at_a);
  Message lost = say("AI.gone", "hello");
  const MessageId id = lost.id;
  ASSERT_TRUE(a.deliver(std::move(lost)));
  ASSERT_TRUE(run_until(loop, [&] { return !at_a.heard.empty(); }));
  EXPECT_EQ(at_a.heard[0].action, "UNREACHABLE");
  EXPECT_EQ(at_a.heard[0].in_reply_to, id);
  EXPECT_EQ(get_string(at_a.heard[0].meta, "reason"), "NODE_NOT_FOUND");
  EXPECT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
}

TEST_F(NodeLinkTest, ARefusalByTheReceiverComesBackAsNack) {
  Recorder at_a, full;
  full.then = [](const Message&) { return Result<void>(fail(Code::kExhausted, "mailbox full")); };
  NodeLink& a = link("IO.a", at_a);
  link("AI.b", full);
  Message message = say("AI.b", "hello");
  const MessageId id = message.id;
  ASSERT_TRUE(a.deliver(std::move(message)));
  ASSERT_TRUE(run_until(loop, [&] { return !at_a.heard.empty(); }));
  EXPECT_EQ(at_a.heard[0].action, "NACK");
  EXPECT_EQ(at_a.heard[0].in_reply_to, id);
  EXPECT_TRUE(at_a.heard[0].payload.contains("mailbox full"));
  EXPECT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
}

TEST_F(NodeLinkTest, ARepeatIsAcknowledgedButNotDeliveredTwice) {
  Recorder at_b;
  link("AI.b", at_b);
  RawNode raw(server->path());
  raw.hello(loop, "IO.raw");
  std::string frame = raw.message_to("AI.b@lab", "once", "ID1");
  frame.replace(frame.find("\"type\":\"user\""), 0, R"("ack":true,)");
  for (int i = 0; i < 2; ++i) {
    raw.send(frame);
    EXPECT_TRUE(raw.word(loop, "ACK"));
  }
  EXPECT_EQ(at_b.words(), Words{"once"});
}

TEST_F(NodeLinkTest, WhatIsSaidWhileTheRouterIsAwayArrivesOnceWhenItIsBack) {
  Recorder at_a, at_b;
  NodeLink& a = link("IO.a", at_a);
  NodeLink& b = link("AI.b", at_b);
  stop_router();
  ASSERT_TRUE(run_until(loop, [&] { return !a.status().up && !b.status().up; }));
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(a.deliver(say("AI.b", text)));
  EXPECT_EQ(a.status().unacknowledged, 3u);
  start_router();
  ASSERT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
  // The sender may be back before the receiver: then it says again what nobody took.
  Words words = at_b.words();
  std::ranges::sort(words);
  EXPECT_EQ(words, (Words{"one", "three", "two"}));
  EXPECT_TRUE(at_a.heard.empty());
  EXPECT_EQ(a.status().connects, 2u);
}

TEST_F(NodeLinkTest, AFullQueueRefusesTheNextMessage) {
  Recorder at_a;
  NodeLink& a = open({.directory = dir.path() + "/nobody",
                      .name = "IO.a",
                      .token = Secret(),
                      .queue_messages_max = 2},
                     at_a);
  ASSERT_TRUE(a.deliver(say("AI.b", "one")));
  ASSERT_TRUE(a.deliver(say("AI.b", "two", Kind::kProgress)));
  auto third = a.deliver(say("AI.b", "three"));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::kExhausted);
}

TEST_F(NodeLinkTest, AnOldUnacknowledgedMessageIsDroppedAndReportedWhenTheLinkComesUp) {
  Recorder at_a;
  NodeLink& a = open({.directory = dir.path() + "/later",
                      .name = "IO.a",
                      .token = Secret(),
                      .kept_max = std::chrono::milliseconds(0)},
                     at_a);
  Message progress = say("AI.b", "stale", Kind::kProgress);
  const MessageId id = progress.id;
  ASSERT_TRUE(a.deliver(std::move(progress)));
  ASSERT_TRUE(run_until(loop, [&] { return !a.status().last_error.empty(); }));
  auto other = std::move(*Router::open({.hive = "lab"}));
  auto late = std::move(*NodeServer::open(loop, *other, {.directory = dir.path() + "/later"}));
  ASSERT_TRUE(run_until(loop, [&] { return !at_a.heard.empty(); }));
  EXPECT_EQ(at_a.heard[0].action, "UNREACHABLE");
  EXPECT_EQ(at_a.heard[0].in_reply_to, id);
  loop.run(late->close(Ctx().within(std::chrono::seconds(5))));
}

TEST_F(NodeLinkTest, APersistentNodeKeepsItsIdAndAnEphemeralOneWritesNothing) {
  Recorder inbox;
  const NodeId first = link("AI.kept", inbox).id();
  end(*links.back());
  EXPECT_EQ(link("AI.kept", inbox).id(), first);
  EXPECT_TRUE(std::filesystem::exists(dir.path() + "/ids/AI.kept.uuid"));
  NodeLink& brief = open(
      {.directory = dir.path(), .name = "AI.brief", .persistent = false, .token = Secret()}, inbox);
  ASSERT_TRUE(run_until(loop, [&] { return brief.status().up; }));
  const NodeId brief_id = brief.id();
  end(brief);
  NodeLink& again = open(
      {.directory = dir.path(), .name = "AI.brief", .persistent = false, .token = Secret()}, inbox);
  EXPECT_NE(again.id(), brief_id);
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/ids/AI.brief.uuid"));
}

TEST_F(NodeLinkTest, ARefusedNameIsGivenUpAndSaid) {
  Recorder inbox;
  open({.directory = dir.path(), .name = "SY.timer", .token = Secret()}, inbox);
  ASSERT_TRUE(run_until(loop, [&] { return !gave_up.empty(); }));
  EXPECT_EQ(gave_up[0].code, Code::kDenied);
  EXPECT_TRUE(gave_up[0].message.contains("NAME_NOT_ALLOWED"));
  EXPECT_FALSE(links.back()->deliver(say("AI.b", "x")));
  EXPECT_EQ(server->stats().accepted, 1u);
}

TEST_F(NodeLinkTest, ASecondProcessOfTheSameNodeSendsTheFirstAwayForGood) {
  Recorder inbox;
  NodeLink& first = link("AI.one", inbox);
  NodeLink& second = link("AI.one", inbox);
  ASSERT_TRUE(run_until(loop, [&] { return !gave_up.empty(); }));
  EXPECT_EQ(gave_up[0].code, Code::kConflict);
  EXPECT_FALSE(first.status().up);
  EXPECT_TRUE(second.status().up);
}

TEST_F(NodeLinkTest, AMessageInTheJournalIsSentByTheNextProcessUnderItsId) {
  const store::JournalConfig journal_config{.directory = dir.path() + "/journal"};
  Recorder at_a, at_b;
  MessageId id;
  {
    auto journal = std::move(*store::Journal::open(journal_config));
    NodeLink& a = link("IO.a", at_a, journal.get());
    stop_router();
    ASSERT_TRUE(run_until(loop, [&] { return !a.status().up; }));
    Message message = say("AI.b", "survives");
    id = message.id;
    ASSERT_TRUE(a.deliver(std::move(message)));
    end(a);  // unsent
  }
  start_router();
  link("AI.b", at_b);
  auto journal = std::move(*store::Journal::open(journal_config));
  NodeLink& a = link("IO.a", at_a, journal.get());
  ASSERT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
  ASSERT_EQ(at_b.words(), Words{"survives"});
  EXPECT_EQ(at_b.heard[0].id, id);
  EXPECT_EQ(journal->size(), 0u);
  end(a);
}

TEST_F(NodeLinkTest, AReceiverWithAJournalKnowsARepeatAfterItsRestart) {
  const store::JournalConfig journal_config{.directory = dir.path() + "/journal"};
  Recorder at_b;
  RawNode raw(server->path());
  raw.hello(loop, "IO.raw");
  std::string frame = raw.message_to("AI.b@lab", "once", "ID1");
  frame.replace(frame.find("\"type\":\"user\""), 0, R"("ack":true,)");
  for (int life = 0; life < 2; ++life) {
    auto journal = std::move(*store::Journal::open(journal_config));
    NodeLink& b = link("AI.b", at_b, journal.get());
    raw.send(frame);
    EXPECT_TRUE(raw.word(loop, "ACK"));
    end(b);
  }
  EXPECT_EQ(at_b.words(), Words{"once"});
}

}  // namespace
}  // namespace skep::fabric
