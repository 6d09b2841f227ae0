#include "../src/answers.h"

#include "skep/model/reply.h"
#include "support.h"

namespace skep::channels::testing {
namespace {

using xmpp::Jid;

class AnswersTest : public StoresTest {
 protected:
  AnswersTest() { open(); }

  void open() {
    answers_.emplace(Answers::Deps{
        .journal = *journal_,
        .clock = clock_,
        .stats = stats_,
        .hand_over = [this](Ctx, Message message, const Jid&) { return take(std::move(message)); },
        .may_hear = [this](const Conversation&) { return may_hear_; }});
    answers_->restore();
  }
  Task<Result<void>> take(Message message) {
    if (refusal_) co_return fail(*refusal_);
    handed_.push_back(std::move(message));
    co_return Result<void>();
  }
  void await(const std::string& id, const std::string& asker = "ann@ex") {
    ASSERT_TRUE(answers_->await({.id = id,
                                 .from = Jid::parse("bee@agent.ex").value(),
                                 .to = Jid::parse("bob@ex").value(),
                                 .asker = {.channel = "xmpp", .peer = asker},
                                 .said = "Is noon fine?",
                                 .until = clock_.now() + std::chrono::hours(24)}));
  }
  static Received said(const std::string& text, const std::string& from = "bob@ex/desk",
                       const std::string& to = "bee@agent.ex") {
    Received received;
    received.chat.from = Jid::parse(from).value();
    received.chat.to = Jid::parse(to).value();
    received.chat.type = "chat";
    received.chat.body = text;
    received.chat.has_body = true;
    return received;
  }
  // To whom it went; empty: nobody.
  std::string give(const Received& received, const std::string& seen = "k") {
    const auto where = run(answers_->take(Ctx{}, received, seen));
    return where ? where->peer : "";
  }

  XmppChannelStats stats_;
  std::optional<Answers> answers_;
  std::vector<Message> handed_;
  std::optional<Error> refusal_;
  bool may_hear_ = true;
};

TEST_F(AnswersTest, TheFirstWordGoesBackAsDataOfAnOutsiderAndTheSecondDoesNot) {
  await("m1");
  EXPECT_EQ(give(said("Yes.")), "ann@ex");
  ASSERT_EQ(handed_.size(), 1u);
  const Message& message = handed_.front();
  EXPECT_EQ(message.conversation.peer, "ann@ex");
  EXPECT_EQ(message.reply_address.from, "bee@agent.ex");
  EXPECT_EQ(taint_in(message), kTaintOfOutsiders);
  EXPECT_TRUE(text_of(message.parts).contains("bob@ex has answered"));
  EXPECT_TRUE(text_of(message.parts).contains("Is noon fine?"));
  EXPECT_EQ(give(said("By the way"), "k2"), "");
}

TEST_F(AnswersTest, NobodyElsesWordsAndNoWordsToAnotherAddressAreAnAnswer) {
  await("m1");
  EXPECT_EQ(give(said("Yes.", "eve@ex/x")), "");
  EXPECT_EQ(give(said("Yes.", "bob@ex/desk", "wasp@agent.ex")), "");
  Received room = said("Yes.");
  room.chat.type = "groupchat";
  EXPECT_EQ(give(room), "");
  Received program = said("I am on holiday.");
  program.chat.automatic = true;
  EXPECT_EQ(give(program), "");
  EXPECT_EQ(give(said("/help")), "");
  Received copy = said("Yes.");
  copy.how = Unwrapped::How::kReceivedCarbon;
  EXPECT_EQ(give(copy), "");
  EXPECT_TRUE(handed_.empty());
}

TEST_F(AnswersTest, AReplyNamesWhatItAnswersEvenLater) {
  await("m1", "ann@ex");
  await("m2", "carl@ex");
  Received reply = said("That one.");
  reply.about.answers = "m1";
  EXPECT_EQ(give(reply), "ann@ex");
  EXPECT_EQ(give(said("And this."), "k2"), "carl@ex") << "the newest that has no answer yet";
  EXPECT_EQ(give(said("No more."), "k3"), "");
  for (std::size_t i = 1; i < Answers::kAnswersMax; ++i)
    EXPECT_EQ(give(reply, fmt::format("again {}", i)), "ann@ex");
  EXPECT_EQ(give(reply, "once more"), "") << "so many and no more";
  Received forged = reply;
  forged.chat.from = Jid::parse("eve@ex/x").value();
  forged.about.answers = "m2";
  EXPECT_EQ(give(forged, "k9"), "");
}

TEST_F(AnswersTest, TheTimeIsBounded) {
  await("m1");
  clock_.advance(std::chrono::hours(24));
  EXPECT_EQ(give(said("Yes.")), "");
  EXPECT_EQ(journal_->unfinished(Answers::kJournalKind).size(), 0u);
}

TEST_F(AnswersTest, ARestartForgetsNeitherTheQuestionNorThatItWasAnswered) {
  await("m1");
  open_journal();
  open();
  EXPECT_EQ(give(said("Yes.")), "ann@ex");
  EXPECT_EQ(handed_.size(), 1u);
  open_journal();
  open();
  EXPECT_EQ(give(said("By the way"), "k2"), "");
}

TEST_F(AnswersTest, TheSameAnswerAgainIsNotHandedBackTwice) {
  await("m1");
  Received reply = said("Yes.");
  reply.about.answers = "m1";
  EXPECT_EQ(give(reply), "ann@ex");
  EXPECT_EQ(give(reply), "ann@ex") << "it has gone there";
  EXPECT_EQ(handed_.size(), 1u);
}

TEST_F(AnswersTest, WhoeverMayNotTalkWithUsAnyMoreHearsNothing) {
  await("m1");
  may_hear_ = false;
  EXPECT_EQ(give(said("Yes.")), "");
  EXPECT_EQ(answers_->size(), 0u);
}

TEST_F(AnswersTest, WhatTheAgentRefusesIsStillAwaited) {
  await("m1");
  refusal_ = Error{Code::kExhausted, "full"};
  EXPECT_EQ(give(said("Yes.")), "");
  refusal_.reset();
  EXPECT_EQ(give(said("Yes, I said.")), "ann@ex");
}

TEST_F(AnswersTest, LongAnswersAreCutVisibly) {
  await("m1");
  EXPECT_EQ(give(said(std::string(10'000, 'a'))), "ann@ex");
  EXPECT_TRUE(text_of(handed_.front().parts).contains("[the rest is left out]"));
}

}  // namespace
}  // namespace skep::channels::testing
