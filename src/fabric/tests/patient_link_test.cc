// Links between processes that come and go, and texts too long for a frame.
#include "link_support.h"
#include "skep/fabric/texts.h"

namespace skep::fabric {
namespace {

// -- receivers that come and go ------------------------------------------------------------------

class PatientLinkTest : public NodeLinkTest {
 protected:
  NodeLinkConfig patient(std::string name) {
    return {.directory = dir.path(),
            .name = std::move(name),
            .token = Secret(),
            .missing_kept_max = std::chrono::minutes(10),
            .blobs = dir.path() + "/blobs"};
  }
  static Message said_by(std::string_view to, std::string text, Kind kind = Kind::kUser) {
    Message message = say(to, std::move(text), kind);
    message.conversation = {"xmpp", "romeo@example.org", ""};
    return message;
  }
};

TEST_F(PatientLinkTest, WaitsForAMissingReceiverAndKeepsAConversationInOrder) {
  Recorder at_a, at_b;
  NodeLink& a = open(patient("IO.a"), at_a);
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(a.deliver(said_by("AI.b", text)));
  ASSERT_TRUE(run_until(loop, [&] { return router->stats().dropped[0] > 0; }));
  ASSERT_TRUE(a.deliver(said_by("AI.b", "four")));
  link("AI.b", at_b);
  ASSERT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
  EXPECT_EQ(at_b.words(), (Words{"one", "two", "three", "four"}));
  EXPECT_TRUE(at_a.heard.empty());
}

TEST_F(PatientLinkTest, OneConversationDoesNotWaitForAnothersReceiver) {
  Recorder at_a, at_b;
  NodeLink& a = open(patient("IO.a"), at_a);
  link("AI.b", at_b);
  ASSERT_TRUE(a.deliver(said_by("AI.nobody", "waits")));
  ASSERT_TRUE(a.deliver(said_by("AI.b", "goes")));
  ASSERT_TRUE(
      run_until(loop, [&] { return !at_b.heard.empty() && a.status().unacknowledged == 1; }));
}

TEST_F(PatientLinkTest, AnAnswerThatFindsNoRoomIsTriedAgain) {
  Recorder at_a, at_b;
  int refusals = 2;
  at_b.then = [&](const Message&) {
    return refusals-- > 0 ? Result<void>(fail(Code::kExhausted, "the outbox is full"))
                          : Result<void>();
  };
  NodeLink& a = open(patient("AI.a"), at_a);
  link("IO.b", at_b);
  ASSERT_TRUE(a.deliver(said_by("IO.b", "the answer", Kind::kReply)));
  ASSERT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
  EXPECT_EQ(at_b.words(), Words{"the answer"});
  EXPECT_TRUE(at_a.heard.empty());
}

TEST_F(PatientLinkTest, WhatIsRefusedIsToldBeforeItIsForgotten) {
  const store::JournalConfig journal_config{.directory = dir.path() + "/journal"};
  auto journal = std::move(*store::Journal::open(journal_config));
  Recorder at_a, full;
  full.then = [](const Message&) { return Result<void>(fail(Code::kExhausted, "mailbox full")); };
  link("AI.b", full);
  std::vector<std::pair<std::string, Code>> told;
  NodeLink::Deps deps{.loop = loop, .inbox = at_a, .journal = journal.get(), .gave_up = {}};
  deps.undelivered = [&](const Message& message, const Error& why) {
    EXPECT_EQ(journal->size(), 1u);
    told.emplace_back(text_of(message.parts), why.code);
    return Result<void>();
  };
  links.push_back(std::move(*NodeLink::open(patient("IO.a"), std::move(deps))));
  NodeLink& a = *links.back();
  a.start();
  ASSERT_TRUE(a.deliver(said_by("AI.b", "too much")));
  ASSERT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
  EXPECT_EQ(told, (std::vector<std::pair<std::string, Code>>{{"too much", Code::kExhausted}}));
  EXPECT_EQ(journal->size(), 0u);
  EXPECT_TRUE(at_a.heard.empty());
  end(a);
}

TEST_F(PatientLinkTest, TheSameMessageGivenAgainIsKeptOnce) {
  Recorder at_a;
  auto journal = std::move(*store::Journal::open({.directory = dir.path() + "/journal"}));
  NodeLink& a = open(patient("IO.a"), at_a, journal.get());
  const Message message = said_by("AI.b", "once");
  ASSERT_TRUE(a.deliver(message));
  ASSERT_TRUE(a.deliver(message));
  EXPECT_EQ(a.status().unacknowledged, 1u);
  const std::vector<Message> kept = kept_messages(*journal, "IO.a");
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].id, message.id);
  EXPECT_EQ(kept[0].conversation, message.conversation);
  end(a);
}

TEST_F(PatientLinkTest, WhatTheNodeHadTakenBeforeIsAcknowledgedAndNotTakenAgain) {
  const store::JournalConfig journal_config{.directory = dir.path() + "/journal"};
  auto journal = std::move(*store::Journal::open(journal_config));
  Recorder at_b;
  RawNode raw(server->path());
  raw.hello(loop, "IO.raw");
  Message before = said_by("AI.b", "taken by a process that was killed");
  before.id = MessageId("ID1");
  before.src = NodeId{*Uuid::parse(raw.id)};
  NodeLink::Deps deps{.loop = loop, .inbox = at_b, .journal = journal.get(), .gave_up = {}};
  deps.taken = {before};
  links.push_back(std::move(*NodeLink::open(patient("AI.b"), std::move(deps))));
  NodeLink& b = *links.back();
  b.start();
  ASSERT_TRUE(run_until(loop, [&] { return b.status().up; }));
  std::string frame = raw.message_to("AI.b@lab", "again", "ID1");
  frame.replace(frame.find("\"type\":\"user\""), 0, R"("ack":true,)");
  raw.send(frame);
  EXPECT_TRUE(raw.word(loop, "ACK"));
  EXPECT_TRUE(at_b.heard.empty());
  end(b);
}

// -- long texts ----------------------------------------------------------------------------------

TEST_F(PatientLinkTest, ALongTextCrossesBetweenTwoLinksInItsPlace) {
  Recorder at_a, at_b;
  NodeLink& a = open(patient("IO.a"), at_a);
  NodeLink& b = open(patient("AI.b"), at_b);
  ASSERT_TRUE(run_until(loop, [&] { return b.status().up && a.status().up; }));
  const std::string long_text(300'000, 'x');
  ASSERT_TRUE(a.deliver(say("AI.b", "before")));
  ASSERT_TRUE(a.deliver(say("AI.b", long_text)));
  ASSERT_TRUE(a.deliver(say("AI.b", "after")));
  ASSERT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
  EXPECT_EQ(at_b.words(), (Words{"before", long_text, "after"}));
}

TEST_F(PatientLinkTest, ALongTextReachesANodeInTheRoutersProcessAndItsAnswerComesBack) {
  Texts texts(loop, BlobStore({.directory = dir.path() + "/blobs"}));
  router->set_texts(&texts);
  Recorder at_a, inside;
  Port port = std::move(*router->attach(*Name::parse("AI.inside@lab"), {Uuid::random()}, inside));
  NodeLink& a = open(patient("IO.a"), at_a);
  ASSERT_TRUE(run_until(loop, [&] { return a.status().up; }));
  const std::string question(200'000, 'q'), answer(200'000, 'a');
  ASSERT_TRUE(a.deliver(say("AI.inside", question)));
  ASSERT_TRUE(a.deliver(say("AI.inside", "and?")));
  ASSERT_TRUE(run_until(loop, [&] { return inside.heard.size() == 2; }));
  EXPECT_EQ(inside.words(), (Words{question, "and?"}));
  ASSERT_TRUE(port.send(say("IO.a", answer, Kind::kReply)));
  ASSERT_TRUE(run_until(loop, [&] { return !at_a.heard.empty(); }));
  EXPECT_EQ(at_a.words(), Words{answer});
  ASSERT_TRUE(run_until(loop, [&] { return a.status().unacknowledged == 0; }));
  loop.run(texts.close());
  router->set_texts(nullptr);
}

TEST_F(PatientLinkTest, ALongTextWhoseBlobIsGoneIsRefused) {
  Recorder at_a, at_b;
  NodeLinkConfig elsewhere = patient("AI.b");
  elsewhere.blobs = dir.path() + "/other-blobs";
  NodeLinkConfig at_once = patient("IO.a");
  at_once.missing_kept_max = {};
  NodeLink& a = open(std::move(at_once), at_a);
  NodeLink& b = open(std::move(elsewhere), at_b);
  ASSERT_TRUE(run_until(loop, [&] { return b.status().up && a.status().up; }));
  ASSERT_TRUE(a.deliver(say("AI.b", std::string(100'000, 'x'))));
  ASSERT_TRUE(run_until(loop, [&] { return !at_a.heard.empty(); }));
  EXPECT_EQ(at_a.words(), Words{"NACK"});
  EXPECT_TRUE(at_a.heard[0].payload.contains("not-found"));
  EXPECT_TRUE(at_b.heard.empty());
}

}  // namespace
}  // namespace skep::fabric
