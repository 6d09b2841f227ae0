// When something fails, the person gets exactly one honest reply and nobody else waits.
#include "forwarding_journal.h"
#include "support.h"

namespace skep::agent {
namespace {

using testing::AgentFixture;
using testing::user_message;

using FailureTest = AgentFixture;

TEST_F(FailureTest, EachKindHasNeutralWordsAndAnIncident) {
  struct Case {
    Code code;
    const char* words;
  };
  const Case cases[] = {
      {Code::kExhausted, "too much is asked"},  {Code::kUnavailable, "not reachable"},
      {Code::kTimeout, "took too long"},        {Code::kUnauthenticated, "my operator"},
      {Code::kDenied, "my operator"},           {Code::kNotFound, "my operator"},
      {Code::kCorrupt, "unusable answer"},      {Code::kInvalid, "my operator"},
      {Code::kInternal, "something went wrong"}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.words);
    model.fails(one.code, "https://api.example/v1 said: invalid x-api-key sk-12345");
    std::string text = ask("go");
    EXPECT_TRUE(text.contains(one.words)) << text;
    EXPECT_TRUE(text.contains("(incident ")) << text;
    EXPECT_FALSE(text.contains("sk-12345")) << text;
    EXPECT_FALSE(text.contains("api.example")) << text;
    EXPECT_EQ(channel.progress.back().phase, Progress::Phase::kPaused);
  }
  EXPECT_EQ(agent->stats().failed, std::size(cases));
}

TEST_F(FailureTest, AFailedTurnStaysInTheHistory) {
  model.fails(Code::kUnavailable, "down");
  std::string sorry = ask("remember the number 7");
  model.says("7");
  ask("which number?");
  EXPECT_EQ(transcript(),
            (std::vector<std::string>{"user: remember the number 7", "assistant: " + sorry,
                                      "user: which number?", "assistant: 7"}));
  auto lines = testing::told(model.requests.at(1));
  EXPECT_EQ(lines.at(0), "user: remember the number 7");
}

TEST_F(FailureTest, ATurnThatTakesTooLongEndsWithAReply) {
  config.turn_timeout = Millis(1);
  reconfigure();
  model.says("too late");
  model.scenes.back().hold = true;
  EXPECT_TRUE(ask("go").contains("took too long"));
}

TEST_F(FailureTest, AFullLaneAndAFullMailboxRefuse) {
  config.lane_max = 1;
  config.mailbox_max = 3;
  reconfigure();
  for (int i = 0; i < 3; ++i) {
    model.says("late");
    model.scenes.back().hold = true;
  }
  ASSERT_TRUE(agent->deliver(user_message("1")));
  ASSERT_TRUE(agent->deliver(user_message("2")));
  auto refused = agent->deliver(user_message("3"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  ASSERT_TRUE(agent->deliver(user_message("1", "bob@example.org")));
  EXPECT_EQ(agent->deliver(user_message("1", "eve@example.org")).error().code, Code::kExhausted);
  EXPECT_TRUE(agent->deliver(user_message("/ping", "eve@example.org")));
  EXPECT_EQ(agent->stats().refused, 2u);
  run_until([this] { return model.held == 2; });
  model.release();
  run_until([this] { return model.held == 1 && channel.replies.size() == 3; });
  model.release();
  run_until_replies(4);
}

TEST_F(FailureTest, AtMostTurnsMaxTurnsRunAtOnce) {
  config.turns_max = 2;
  reconfigure();
  for (int i = 0; i < 4; ++i) {
    model.says("x");
    model.scenes.back().hold = true;
    ASSERT_TRUE(agent->deliver(user_message("go", fmt::format("p{}@example.org", i))));
  }
  run_until([this] { return model.held == 2; });
  EXPECT_EQ(agent->stats().running, 2u);
  EXPECT_EQ(agent->stats().waiting, 2u);
  model.release();
  run_until([this] { return model.held == 2 && channel.replies.size() == 2; });
  model.release();
  run_until_replies(4);
}

TEST_F(FailureTest, AMessageThatWasAcceptedAlreadyIsAnsweredOnce) {
  model.says("once");
  Message message = user_message("go");
  ASSERT_TRUE(agent->deliver(message));
  ASSERT_TRUE(agent->deliver(message));
  run_until_replies(1);
  EXPECT_EQ(model.requests.size(), 1u);
  EXPECT_EQ(channel.replies.size(), 1u);
}

TEST_F(FailureTest, RefusesWhatIsNoUserMessage) {
  Message reply = user_message("x");
  reply.kind = Kind::kReply;
  EXPECT_EQ(agent->deliver(std::move(reply)).error().code, Code::kUnsupported);
  Message nameless = user_message("x");
  nameless.id = MessageId();
  EXPECT_EQ(agent->deliver(std::move(nameless)).error().code, Code::kInvalid);
}

TEST_F(FailureTest, AReplyThatTheChannelRefusesIsDeliveredLaterAndBlocksNobodyElse) {
  config.turns_max = 1;
  reconfigure();
  channel.refuse = Error{Code::kExhausted, "outbox full"};
  model.says("patience");
  model.says("bob's");
  ASSERT_TRUE(agent->deliver(user_message("go")));
  run_until([this] { return model.requests.size() == 1 && agent->stats().running == 0; });
  ASSERT_TRUE(agent->deliver(user_message("go", "bob@example.org")));
  run_until([this] { return model.requests.size() == 2; });
  EXPECT_EQ(journal->size(), 2u);
  channel.refuse.reset();
  run_until_replies(2);
  EXPECT_EQ(journal->size(), 0u);
  EXPECT_EQ(transcript().back(), "assistant: patience");
}

TEST_F(FailureTest, AReplyThatTheChannelCanNeverTakeEndsTheTurn) {
  channel.refuse = Error{Code::kTooLarge, "no"};
  model.says("huge");
  ASSERT_TRUE(agent->deliver(user_message("go")));
  run_until([this] { return agent->stats().waiting + agent->stats().running == 0; });
  EXPECT_EQ(journal->size(), 0u);
}

// A journal on a disk that is full now and then.
class FullJournal : public testing::ForwardingJournal {
 public:
  FullJournal(std::unique_ptr<store::Journal> real, bool& full)
      : ForwardingJournal(std::move(real)), full_(full) {}
  Result<void> begin(std::string_view kind, const store::EntryId& id,
                     std::string_view what) override {
    return full_ ? full() : ForwardingJournal::begin(kind, id, what);
  }
  Result<void> step(const store::EntryId& id, std::string_view what) override {
    return full_ ? full() : ForwardingJournal::step(id, what);
  }
  Result<void> end(const store::EntryId& id) override {
    return full_ ? full() : ForwardingJournal::end(id);
  }
  mutable int refused = 0;

 private:
  Result<void> full() {
    ++refused;
    return fail(Code::kExhausted, "no space left on device");
  }
  bool& full_;
};

TEST_F(FailureTest, OnAFullDiskNothingIsAcceptedAndWhatWasAcceptedWaits) {
  close_agent();
  bool full = true;
  auto full_journal = std::make_unique<FullJournal>(std::move(journal), full);
  FullJournal& watched = *full_journal;
  journal = std::move(full_journal);
  make_agent();
  EXPECT_EQ(agent->deliver(user_message("refused")).error().code, Code::kExhausted);
  full = false;
  hold_answer("room again", "go");
  full = true;
  watched.refused = 0;
  model.release();
  run_until([&] { return watched.refused > 0; });
  EXPECT_TRUE(channel.replies.empty());
  full = false;
  run_until_replies(1);
  EXPECT_EQ(channel.text(0), "room again");
  EXPECT_EQ(journal->size(), 0u);
  close();
}

TEST_F(FailureTest, ClosingLetsRunningTurnsFinishAndRefusesNewOnes) {
  model.says("finished");
  model.scenes.back().hold = true;
  ASSERT_TRUE(agent->deliver(user_message("go")));
  ASSERT_TRUE(agent->deliver(user_message("stays")));
  run_until([this] { return model.held == 1; });
  auto once_closing = [this] {
    EXPECT_EQ(agent->deliver(user_message("late")).error().code, Code::kUnavailable);
    model.release();
  };
  loop.post([this, once_closing] { loop.post(once_closing); });  // behind the begin of close()
  close_agent();
  EXPECT_EQ(channel.replies.size(), 1u);
  EXPECT_EQ(journal->size(), 1u);
}

TEST_F(FailureTest, ClosingInAHurryKeepsRunningTurnsInTheJournal) {
  hold_answer("never", "go");
  Ctx at_once;
  at_once.deadline = std::chrono::steady_clock::now();
  close_agent(at_once);
  EXPECT_TRUE(channel.replies.empty());
  EXPECT_EQ(journal->size(), 1u);
  model.says("after all");
  make_agent();
  agent->resume();
  run_until_replies(1);
  EXPECT_EQ(channel.text(0), "after all");
  EXPECT_EQ(transcript(), (std::vector<std::string>{"user: go", "assistant: after all"}));
}

}  // namespace
}  // namespace skep::agent
