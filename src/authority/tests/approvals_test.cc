#include "skep/authority/approvals.h"

#include <gtest/gtest.h>

#include "home.h"
#include "skep/async/gate.h"
#include "skep/async/loop.h"
#include "skep/async/wait.h"

namespace skep::authority {
namespace {

using namespace std::chrono_literals;

const Principal kAnn{.id = "ann@example.org"};
const Principal kBob{.id = "bob@example.org"};
const Principal kBoss{.id = "boss@example.org", .admin = true};
const Conversation kHere{.channel = "xmpp", .peer = "ann@example.org"};

// Approvals on a journal that outlives them, and one coroutine for each that asks.
class ApprovalsTest : public testing::Test {
 protected:
  struct Asked {
    std::optional<Result<Answer>> answer;
    std::stop_source cancel;
  };
  using AskedPtr = std::shared_ptr<Asked>;

  ~ApprovalsTest() override { restart(); }

  void open(ApprovalsConfig config = {}) {
    if (!journal_) {
      journal_ = store::Journal::open({.directory = home_.path() + "/journal"}).value();
      audit_ = home_.open();
    }
    approvals_ = Approvals::open(config, *journal_, *audit_, Clock::system()).value();
    forget_listener_ =
        approvals_->on_asked([this](const Approval& shown) { shown_.push_back(shown); });
  }
  // As a process that ends and one that begins.
  void restart() {
    if (approvals_) approvals_->stop();
    loop_.run(gate_->close());
    gate_ = std::make_unique<Gate>(loop_);
    if (forget_listener_) forget_listener_();
    approvals_.reset();
    audit_.reset();
    journal_.reset();
  }

  Approval question(std::string call = "0.0/c1", Labels labels = {}) {
    return {.question = {.principal = kAnn,
                         .agent = "AI.support",
                         .action = Action::kShellExec,
                         .resource = "make",
                         .labels = labels},
            .conversation = kHere,
            .turn = "01TURN",
            .call = std::move(call),
            .summary = "run the program `make test` in its workspace"};
  }
  AskedPtr ask(Approval approval) {
    auto asked = std::make_shared<Asked>();
    gate_->spawn("ask", run(approvals_.get(), std::move(approval), asked));
    settle();
    return asked;
  }
  static Task<void> run(Approvals* approvals, Approval approval, AskedPtr asked) {
    Ctx ctx;
    ctx = ctx.with_stop(asked->cancel.get_token());
    asked->answer = co_await approvals->ask(ctx, std::move(approval));
  }
  // Lets everything run that can.
  void settle() { loop_.run(yields()); }
  static Task<void> yields() {
    for (int i = 0; i < 10; ++i) co_await yield();
  }
  static Task<void> until_answered(AskedPtr asked) {
    const Ctx ctx;
    while (!asked->answer) (void)co_await sleep_for(ctx, 1ms);
  }
  Answer answer_of(const AskedPtr& asked) {
    loop_.run(until_answered(asked));
    EXPECT_TRUE(*asked->answer) << (*asked->answer).error().to_string();
    return **asked->answer;
  }
  Error error_of(const AskedPtr& asked) {
    loop_.run(until_answered(asked));
    EXPECT_FALSE(*asked->answer);
    return (*asked->answer).error();
  }
  Result<Approval> say(Verdict verdict, std::string_view id = {}, const Principal& by = kAnn,
                       Approvals::Remember remember = Approvals::Remember::kOnce) {
    return approvals_->answer(id, kHere, by, verdict, remember);
  }

  TestHome home_;
  Loop loop_;
  std::unique_ptr<Gate> gate_ = std::make_unique<Gate>(loop_);
  std::unique_ptr<store::Journal> journal_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Approvals> approvals_;
  std::function<void()> forget_listener_;
  std::vector<Approval> shown_;
};

TEST_F(ApprovalsTest, WaitUntilThePersonSaysYes) {
  open();
  const AskedPtr asked = ask(question());
  ASSERT_EQ(shown_.size(), 1U);
  EXPECT_EQ(shown_[0].id.size(), 4U);
  EXPECT_EQ(shown_[0].expires - shown_[0].asked, 300s);
  EXPECT_FALSE(asked->answer);
  ASSERT_TRUE(say(Verdict::kYes, shown_[0].id));
  EXPECT_EQ(answer_of(asked), (Answer{Verdict::kYes, "ann@example.org"}));
  EXPECT_TRUE(approvals_->pending().empty());
}

TEST_F(ApprovalsTest, AreAnsweredOnlyByWhoIsAskedOrAnAdministrator) {
  open();
  const AskedPtr asked = ask(question());
  EXPECT_EQ(say(Verdict::kYes, shown_[0].id, kBob).error().code, Code::kDenied);
  EXPECT_FALSE(asked->answer);
  ASSERT_TRUE(say(Verdict::kNo, shown_[0].id, kBoss));
  EXPECT_EQ(answer_of(asked), (Answer{Verdict::kNo, "boss@example.org"}));
}

TEST_F(ApprovalsTest, AreAnsweredOnlyWhereTheyWereAsked) {
  open();
  const AskedPtr asked = ask(question());
  const Conversation elsewhere{.channel = "cli", .peer = "ann@example.org"};
  EXPECT_EQ(
      approvals_->answer(shown_[0].id, elsewhere, kAnn, Verdict::kYes, Approvals::Remember::kOnce)
          .error()
          .code,
      Code::kNotFound);
  ASSERT_TRUE(say(Verdict::kYes));
  EXPECT_EQ(answer_of(asked).verdict, Verdict::kYes);
  EXPECT_EQ(say(Verdict::kYes, shown_[0].id).error().code, Code::kNotFound);  // one answer
}

TEST_F(ApprovalsTest, WithoutAnIdOnlyTheOnlyOneIsMeant) {
  open();
  const AskedPtr first = ask(question("0.0/a")), second = ask(question("0.1/b"));
  EXPECT_EQ(say(Verdict::kYes).error().code, Code::kConflict);
  ASSERT_TRUE(say(Verdict::kYes, shown_[1].id));
  ASSERT_TRUE(say(Verdict::kNo));
  EXPECT_EQ(answer_of(first).verdict, Verdict::kNo);
  EXPECT_EQ(answer_of(second).verdict, Verdict::kYes);
}

TEST_F(ApprovalsTest, ExpireWithoutAnAnswer) {
  open({.expiry = 20ms});
  const AskedPtr asked = ask(question());
  EXPECT_EQ(answer_of(asked).verdict, Verdict::kExpired);
  EXPECT_EQ(say(Verdict::kYes, shown_[0].id).error().code, Code::kNotFound);
  EXPECT_EQ(journal_->size(), 0U);
}

TEST_F(ApprovalsTest, AreWithdrawnWithTheirTurn) {
  open();
  const AskedPtr asked = ask(question());
  asked->cancel.request_stop();
  EXPECT_EQ(error_of(asked).code, Code::kCancelled);
  EXPECT_TRUE(approvals_->pending().empty());
  EXPECT_EQ(journal_->size(), 0U);
}

TEST_F(ApprovalsTest, RefuseToPileUp) {
  open({.pending_max = 2});
  const AskedPtr a = ask(question("0.0/a")), b = ask(question("0.1/b")), c = ask(question("0.2/c"));
  EXPECT_EQ(error_of(c).code, Code::kExhausted);
  Approval other = question("0.3/d");
  other.conversation.peer = "bob@example.org";
  ask(other);
  EXPECT_EQ(approvals_->pending().size(), 3U);
}

TEST_F(ApprovalsTest, AreAskedAgainByTheNextProcessWithTheirId) {
  open();
  ASSERT_TRUE(journal_->begin("turn", store::EntryId("01TURN"), "{}"));
  const AskedPtr asked = ask(question());
  restart();
  EXPECT_EQ(error_of(asked).code, Code::kUnavailable);
  open();
  ASSERT_EQ(approvals_->pending().size(), 1U);
  const AskedPtr again = ask(question());
  ASSERT_EQ(shown_.size(), 2U);
  EXPECT_EQ(shown_[1].id, shown_[0].id);
  EXPECT_EQ(shown_[1].expires, shown_[0].expires);
  EXPECT_EQ(shown_[1].summary, shown_[0].summary);
  ASSERT_TRUE(say(Verdict::kYes));
  EXPECT_EQ(answer_of(again).verdict, Verdict::kYes);
}

TEST_F(ApprovalsTest, AnswerBeforeTheQuestionComesBackCounts) {
  open();
  ASSERT_TRUE(journal_->begin("turn", store::EntryId("01TURN"), "{}"));
  ask(question());
  restart();
  open();
  ASSERT_TRUE(say(Verdict::kYes, shown_[0].id));
  restart();
  open();
  const AskedPtr again = ask(question());
  EXPECT_EQ(answer_of(again), (Answer{Verdict::kYes, "ann@example.org"}));
  EXPECT_EQ(shown_.size(), 1U);  // nobody is asked twice
}

TEST_F(ApprovalsTest, OfTurnsThatHaveEndedAreForgotten) {
  open();
  ASSERT_TRUE(journal_->begin("turn", store::EntryId("01TURN"), "{}"));
  ask(question());
  restart();
  journal_ = store::Journal::open({.directory = home_.path() + "/journal"}).value();
  audit_ = home_.open();
  ASSERT_TRUE(journal_->end(store::EntryId("01TURN")));
  open();
  EXPECT_TRUE(approvals_->pending().empty());
  EXPECT_EQ(journal_->size(), 0U);
}

TEST_F(ApprovalsTest, RememberedChoiceAsksNoMore) {
  open();
  const AskedPtr asked = ask(question());
  ASSERT_TRUE(say(Verdict::kYes, {}, kAnn, Approvals::Remember::kAlways));
  EXPECT_EQ(answer_of(asked).verdict, Verdict::kYes);
  restart();
  open();
  EXPECT_EQ(answer_of(ask(question("1.0/x"))).verdict, Verdict::kYes);
  Approval other = question("1.1/x");
  other.question.resource = "rm";
  const AskedPtr unlike = ask(other);
  EXPECT_FALSE(unlike->answer);
  EXPECT_EQ(shown_.size(), 2U);
  EXPECT_EQ(approvals_->forget(kAnn).value(), 1U);
  EXPECT_EQ(approvals_->forget(kAnn).value(), 0U);
  const AskedPtr once_more = ask(question("1.2/x"));
  EXPECT_FALSE(once_more->answer);
}

// Ann trusts `make`; she did not say so of a `make` that a web page asked for.
TEST_F(ApprovalsTest, RememberedChoiceDoesNotHoldForMoreLabels) {
  open();
  const Labels page{static_cast<std::uint8_t>(Label::kExternalNetwork)};
  ask(question());
  ASSERT_TRUE(say(Verdict::kYes, {}, kAnn, Approvals::Remember::kAlways));
  const AskedPtr tainted = ask(question("1.0/x", page));
  EXPECT_FALSE(tainted->answer);
  ASSERT_TRUE(say(Verdict::kNo, {}, kAnn, Approvals::Remember::kAlways));
  EXPECT_EQ(answer_of(ask(question("1.1/x", page))).verdict, Verdict::kNo);
  EXPECT_EQ(answer_of(ask(question("1.2/x"))).verdict, Verdict::kYes);
}

TEST_F(ApprovalsTest, RememberedNoDoesNotHoldForFewerLabels) {
  open();
  const Labels page{static_cast<std::uint8_t>(Label::kExternalNetwork)};
  ask(question("0.0/x", page));
  ASSERT_TRUE(say(Verdict::kNo, {}, kAnn, Approvals::Remember::kAlways));
  EXPECT_FALSE(ask(question("1.0/x"))->answer);
}

TEST_F(ApprovalsTest, KeepNoMoreChoicesThanTheirLimit) {
  open({.remembered_max = 1});
  for (std::string_view resource : {"one", "two"}) {
    Approval one = question(std::string(resource));
    one.question.resource = resource;
    ask(one);
    ASSERT_TRUE(say(Verdict::kYes, {}, kAnn, Approvals::Remember::kAlways));
    settle();
  }
  Approval again = question("three");
  again.question.resource = "one";
  EXPECT_FALSE(ask(again)->answer);
  again = question("four");
  again.question.resource = "two";
  EXPECT_TRUE(ask(again)->answer);
}

TEST_F(ApprovalsTest, AnswersAreInTheAuditLogWithWhoGaveThem) {
  open();
  ask(question());
  ASSERT_TRUE(say(Verdict::kYes, {}, kBoss));
  const auto newest =
      read_audit(home_.path(), 1, [](const AuditEntry&) { return true; }).value().at(0);
  EXPECT_EQ(newest.action, "approval");
  EXPECT_EQ(newest.principal, "boss@example.org");
  EXPECT_EQ(newest.outcome, "allow");
  EXPECT_EQ(newest.resource, "shell_exec:make");
}

}  // namespace
}  // namespace skep::authority
