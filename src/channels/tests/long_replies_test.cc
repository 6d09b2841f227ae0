// Long answers as files: what goes out, in which order, and what a death in between changes.
#include "../src/long_replies.h"

#include "../src/outbox.h"
#include "support.h"

namespace skep::channels {
namespace {

using xmpp::Element;

const std::string kLead = "Bees are kept in hives, and there is much to be said about that.";
const std::string kLong = kLead + "\n\n" + std::string(3000, 'b') + "\n\nThe end.";

class LongRepliesTest : public testing::StoresTest {
 protected:
  LongRepliesTest() { open(); }
  ~LongRepliesTest() override { run(gate_->close()); }

  void open() {
    gate_.emplace(loop_);
    Outbox::Deps outbox{.journal = *journal_,
                        .asks_archive = false,
                        .clock = clock_,
                        .gate = *gate_,
                        .ping = [](Ctx) -> Task<Result<void>> { co_return Result<void>(); },
                        .finished = [](const OutgoingReply&, bool) {}};
    outbox_.emplace(std::move(outbox), 100);
    outbox_->restore();
    LongReplies::Deps deps{
        .journal = *journal_,
        .clock = clock_,
        .gate = *gate_,
        .stats = stats_,
        .upload = [this](Ctx ctx, xmpp::SharedFile file,
                         std::string bytes) { return upload(ctx, std::move(file), bytes); },
        .post = [this](OutgoingReply reply) { return outbox_->put(std::move(reply)); },
        .is_posted = [this](const MessageId& id) { return outbox_->knows(id); },
        .config = {.as_file = true, .bytes_max = 1024},
        .items_max = 3};
    long_.emplace(std::move(deps));
    long_->restore();
  }
  void up() {
    outbox_->up(
        [this](const Element& stanza, Outbox::Done, std::function<void()>) {
          sent_.push_back(stanza);
          changed_.notify_all();
          return Result<void>();
        },
        false);
    long_->up();
  }
  // As after kill -9; a coroutine that waits for an upload goes with the process.
  void die() {
    run(gate_->close());
    long_.reset();
    outbox_.reset();
    open_journal();
    sent_.clear();
    open();
  }
  Task<Result<xmpp::SharedFile>> upload(Ctx ctx, xmpp::SharedFile file, std::string bytes) {
    uploads_.push_back(bytes);
    changed_.notify_all();
    while (held_) {
      SKEP_CO_TRY_VOID(co_await changed_.wait(ctx));
    }
    if (refusal_) co_return fail(*refusal_);
    file.url = "https://ex/up/" + file.name;
    file.size = bytes.size();
    co_return file;
  }
  std::string put(std::string text, std::string to = "ann@ex/phone", std::string id = mint_ulid()) {
    OutgoingReply reply;
    reply.message.id = MessageId(id);
    reply.message.kind = Kind::kReply;
    reply.message.reply_address = {"helper@agent.ex", std::move(to)};
    reply.message.parts = {TextPart{std::move(text)}};
    reply.bytes_max = 1000;
    EXPECT_TRUE(long_->put(std::move(reply)));
    return id;
  }
  static Task<void> until(Signal& changed, const std::function<bool()>& holds) {
    const Ctx bounded = patience();
    while (!holds()) {
      if (!co_await changed.wait(bounded)) co_return;
    }
  }
  void wait_for_sent(std::size_t number) {
    const std::function<bool()> holds = [&] { return sent_.size() >= number; };
    run(until(changed_, holds));
    ASSERT_EQ(sent_.size(), number);
  }
  void wait_for_uploads(std::size_t number) {
    const std::function<bool()> holds = [&] { return uploads_.size() >= number; };
    run(until(changed_, holds));
    ASSERT_EQ(uploads_.size(), number);
  }
  void release() {
    held_ = false;
    changed_.notify_all();
  }
  std::string body(std::size_t at) const {
    return sent_.at(at).child_text("body", xmpp::kNsClient);
  }
  std::size_t journaled() const { return journal_->unfinished(LongReplies::kJournalKind).size(); }

  std::optional<Gate> gate_;
  XmppChannelStats stats_;
  std::optional<Outbox> outbox_;
  std::optional<LongReplies> long_;
  std::vector<Element> sent_;
  std::vector<std::string> uploads_;
  Signal changed_;
  bool held_ = false;
  std::optional<Error> refusal_;
};

TEST_F(LongRepliesTest, AnswersThatAreShortEnoughGoThroughAtOnce) {
  up();
  put("hello");
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(body(0), "hello");
  EXPECT_TRUE(uploads_.empty());
}

TEST_F(LongRepliesTest, ALongOneIsItsFirstParagraphAndTheWholeAsAFile) {
  up();
  const std::string id = put(kLong);
  EXPECT_EQ(journaled(), 1u) << "accepted means journaled";
  wait_for_sent(2);
  EXPECT_EQ(uploads_, std::vector<std::string>{kLong});
  EXPECT_EQ(body(0), kLead + " …\n\n(The whole answer, 3 KB, is in the file.)");
  EXPECT_EQ(sent_[0].attribute("id"), id);
  EXPECT_EQ(sent_[1].attribute("id"), id + "-2");
  EXPECT_EQ(body(1), "https://ex/up/answer.txt");
  const Element* oob = sent_[1].child("x", xmpp::kNsOob);
  ASSERT_NE(oob, nullptr);
  EXPECT_EQ(oob->child_text("url", xmpp::kNsOob), "https://ex/up/answer.txt");
  EXPECT_EQ(journaled(), 0u);
  EXPECT_EQ(stats_.long_as_files, 1u);
}

TEST_F(LongRepliesTest, WhereTheUploadFailsItComesInPartsAndSaysSo) {
  refusal_ = Error{Code::kUnavailable, "the upload was answered with 507"};
  up();
  put(kLong);
  wait_for_sent(4);
  EXPECT_TRUE(body(0).starts_with("(This was to come as a file, but it could not be uploaded"));
  EXPECT_TRUE(body(0).contains(kLead));
  EXPECT_TRUE(body(3).ends_with("The end."));
  EXPECT_EQ(stats_.long_as_parts, 1u);
  EXPECT_FALSE(body(0).contains("507")) << "what a service says is for the log";
}

TEST_F(LongRepliesTest, NothingOvertakesItForTheSamePersonAndNobodyElseWaits) {
  held_ = true;
  up();
  put(kLong);
  put("and this", "ann@ex/desk");
  put("quick", "bob@ex/phone");
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(body(0), "quick");
  EXPECT_EQ(journaled(), 2u);
  release();
  wait_for_sent(4);
  EXPECT_TRUE(body(1).starts_with(kLead));
  EXPECT_EQ(body(3), "and this");
}

TEST_F(LongRepliesTest, ADeathDuringTheUploadBeginsItAgainUnderTheSameId) {
  held_ = true;
  up();
  const std::string id = put(kLong);
  put("and this");
  wait_for_uploads(1);
  die();
  put(kLong, "ann@ex/phone", id);  // the agent gives it once more
  release();
  up();
  wait_for_sent(3);
  EXPECT_EQ(sent_[0].attribute("id"), id);
  EXPECT_EQ(body(2), "and this");
  EXPECT_EQ(uploads_.size(), 2u);
}

TEST_F(LongRepliesTest, ADeathAfterTheUploadDoesNotRepeatIt) {
  const std::string id = put(kLong);  // there is no link yet
  OutgoingReply ready;
  for (const store::JournalEntry& entry : journal_->unfinished(LongReplies::kJournalKind)) {
    ready = outgoing_from_journal(entry.steps.front()).value();
    ready.extras.files.push_back({.url = "https://ex/up/first.txt"});
    ready.message.parts = {TextPart{"begins"}};
    ASSERT_TRUE(journal_->step(entry.id, to_journal(ready)));
  }
  die();
  up();
  wait_for_sent(2);
  EXPECT_TRUE(uploads_.empty());
  EXPECT_EQ(sent_[0].attribute("id"), id);
  EXPECT_EQ(body(1), "https://ex/up/first.txt");
}

TEST_F(LongRepliesTest, ADeathBetweenTheTwoJournalsSaysNothingTwice) {
  const std::string id = put(kLong);
  OutgoingReply same;
  same.message.id = MessageId(id);
  same.message.reply_address = {"helper@agent.ex", "ann@ex/phone"};
  same.message.parts = {TextPart{"handed on"}};
  ASSERT_TRUE(outbox_->put(std::move(same)));
  die();
  EXPECT_EQ(journaled(), 0u);
  up();
  put(kLong, "ann@ex/phone", id);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(body(0), "handed on");
}

TEST_F(LongRepliesTest, ALostLinkIsNoReasonForParts) {
  held_ = true;
  up();
  put(kLong);
  wait_for_uploads(1);
  long_->down();
  outbox_->down();
  refusal_ = Error{Code::kCancelled, "the link is down"};
  release();
  run(yield());
  refusal_.reset();
  up();
  wait_for_sent(2);
  EXPECT_EQ(uploads_.size(), 2u);
  EXPECT_EQ(stats_.long_as_parts, 0u);
}

TEST_F(LongRepliesTest, MoreThanTheLimitIsRefused) {
  put(kLong);
  put("two");
  put("three");
  OutgoingReply fourth;
  fourth.message.id = MessageId("4");
  fourth.message.reply_address = {"", "ann@ex/phone"};
  fourth.message.parts = {TextPart{"four"}};
  EXPECT_EQ(long_->put(std::move(fourth)).error().code, Code::kExhausted);
}

TEST_F(LongRepliesTest, AQuestionIsShownWhole) {
  up();
  OutgoingReply question;
  question.message.id = MessageId("q");
  question.message.reply_address = {"", "ann@ex/phone"};
  question.message.parts = {TextPart{kLong}};
  question.choices = {{"/confirm q", "Yes"}};
  ASSERT_TRUE(long_->put(std::move(question)));
  EXPECT_EQ(sent_.size(), 1u);
  EXPECT_TRUE(uploads_.empty());
}

TEST(LeadOf, IsTheFirstParagraphOfWords) {
  const std::string para(60, 'a');
  struct Case {
    std::string text, lead;
  };
  const Case cases[] = {
      {para + "\n\nmore", para + " …"},
      {"# Bees\n\n" + para + "\n\nmore", "# Bees\n\n" + para + " …"},
      {"```\ncode\n```\n\nmore", "…"},
      {para + "\n```\ncode\n\nmore\n```", para + " …"},
      {"", "…"},
  };
  for (const Case& one : cases) EXPECT_EQ(lead_of(one.text), one.lead) << one.text;
  const std::string endless = lead_of(std::string(5000, 'x'));
  EXPECT_LE(endless.size(), LongReplies::kLeadBytesMax + 8);
}

}  // namespace
}  // namespace skep::channels
