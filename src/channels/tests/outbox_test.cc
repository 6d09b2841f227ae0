// The outbox of an account whose link acknowledges: what is in doubt after a death, and who tells.
#include "../src/outbox.h"

#include "support.h"

namespace skep::channels {
namespace {

using xmpp::Element;

class AccountOutboxTest : public testing::StoresTest {
 protected:
  AccountOutboxTest() : gate_(loop_) { open(); }
  ~AccountOutboxTest() override { run(gate_.close()); }

  void open() {
    Outbox::Deps deps{
        .journal = *journal_,
        .asks_archive = true,
        .clock = clock_,
        .gate = gate_,
        .ping = [this](Ctx) -> Task<Result<void>> { return ping(); },
        .finished = [this](const OutgoingReply&, bool sent) { finished_.push_back(sent); }};
    outbox_.emplace(std::move(deps), 100);
    outbox_->restore();
  }
  Task<Result<void>> ping() {
    ++pings_;
    co_return Result<void>();
  }
  // As after kill -9: nobody says good-bye.
  void die() {
    outbox_.reset();
    open_journal();
    link_.clear();
    finished_.clear();
    open();
  }
  struct Sent {
    Element stanza;
    Outbox::Done done;
    std::function<void()> written;
  };
  void up() {
    outbox_->up(
        [this](const Element& stanza, Outbox::Done done, std::function<void()> written) {
          link_.push_back({stanza, std::move(done), std::move(written)});
          return Result<void>();
        },
        true);
  }
  std::string put(std::string text, std::size_t bytes_max = 8192) {
    OutgoingReply reply;
    reply.message.id = MessageId(mint_ulid());
    reply.message.kind = Kind::kReply;
    reply.message.reply_address = {"", "ann@ex/phone"};
    reply.message.parts = {TextPart{std::move(text)}};
    reply.with_from = false;
    reply.bytes_max = bytes_max;
    const std::string id = reply.message.id.str();
    EXPECT_TRUE(outbox_->put(std::move(reply)));
    return id;
  }
  bool delayed(std::size_t at) const {
    return link_.at(at).stanza.child("delay", xmpp::kNsDelay) != nullptr;
  }
  std::size_t journaled() const { return journal_->unfinished(Outbox::kJournalKind).size(); }

  Gate gate_;
  std::optional<Outbox> outbox_;
  std::vector<Sent> link_;
  std::vector<bool> finished_;
  int pings_ = 0;
};

TEST_F(AccountOutboxTest, TheJournalEndsWhenTheServerHasIt) {
  up();
  put("hello");
  ASSERT_EQ(link_.size(), 1u);
  link_[0].written();
  EXPECT_EQ(journaled(), 1u);
  EXPECT_TRUE(finished_.empty());
  link_[0].done({});
  EXPECT_EQ(journaled(), 0u);
  EXPECT_EQ(finished_, std::vector<bool>{true});
  run(outbox_->drained(patience()));
  EXPECT_EQ(pings_, 0);
}

TEST_F(AccountOutboxTest, WhatWasWrittenBeforeADeathWaitsForTheArchive) {
  up();
  const std::string id = put("hello");
  link_[0].written();
  die();
  up();
  put("and this");
  EXPECT_TRUE(link_.empty()) << "nothing overtakes what is in doubt";
  EXPECT_TRUE(outbox_->arrived(id));
  EXPECT_FALSE(outbox_->arrived("unknown"));
  outbox_->settle(true);
  ASSERT_EQ(link_.size(), 1u);
  EXPECT_EQ(link_[0].stanza.child_text("body", xmpp::kNsClient), "and this");
  EXPECT_EQ(finished_, std::vector<bool>{true});
}

TEST_F(AccountOutboxTest, WhatTheArchiveDoesNotHaveIsSentAgainUnderItsId) {
  up();
  const std::string id = put("hello");
  link_[0].written();
  die();
  up();
  outbox_->settle(true);
  ASSERT_EQ(link_.size(), 1u);
  EXPECT_EQ(link_[0].stanza.attribute("id"), id);
  EXPECT_TRUE(delayed(0));
}

TEST_F(AccountOutboxTest, WithoutAnArchiveTheKernelIsBelieved) {
  up();
  put("hello");
  link_[0].written();
  put("not written");
  die();
  up();
  EXPECT_TRUE(link_.empty());
  outbox_->settle(false);
  ASSERT_EQ(link_.size(), 1u);
  EXPECT_EQ(link_[0].stanza.child_text("body", xmpp::kNsClient), "not written");
}

// A kill may come between the kernel and the journal.
TEST_F(AccountOutboxTest, WhatIsNotNotedAsWrittenIsLookedUpAllTheSame) {
  up();
  const std::string id = put("hello");
  put("and this");
  die();
  up();
  EXPECT_TRUE(link_.empty());
  EXPECT_TRUE(outbox_->arrived(id));
  outbox_->settle(true);
  ASSERT_EQ(link_.size(), 1u);
  EXPECT_EQ(link_[0].stanza.child_text("body", xmpp::kNsClient), "and this");
}

TEST_F(AccountOutboxTest, AStreamThatIsNotResumedLeavesItsRepliesInDoubt) {
  up();
  const std::string first = put("one");
  put("two");
  for (Sent& sent : link_) sent.written();
  link_.clear();
  outbox_->down();
  up();
  EXPECT_TRUE(link_.empty());
  EXPECT_TRUE(outbox_->arrived(first));
  outbox_->settle(true);
  ASSERT_EQ(link_.size(), 1u);
  EXPECT_EQ(link_[0].stanza.child_text("body", xmpp::kNsClient), "two");
  EXPECT_TRUE(delayed(0));
}

TEST_F(AccountOutboxTest, AStreamThatIsNotResumedIsNotBelievedWithoutAnArchive) {
  up();
  put("one");
  link_[0].written();
  outbox_->down();
  link_.clear();
  up();
  outbox_->settle(false);
  EXPECT_EQ(link_.size(), 1u) << "the link died, so the kernel's word is worth nothing";
}

TEST_F(AccountOutboxTest, OfALongReplyOnlyTheMissingPartsAreSentAgain) {
  up();
  const std::string id = put(std::string(600, 'a') + "\n\n" + std::string(600, 'b'), 700);
  ASSERT_EQ(link_.size(), 2u);
  for (Sent& sent : link_) sent.written();
  die();
  up();
  EXPECT_TRUE(outbox_->arrived(id));
  outbox_->settle(true);
  ASSERT_EQ(link_.size(), 1u);
  EXPECT_EQ(link_[0].stanza.attribute("id"), id + "-2");
}

}  // namespace
}  // namespace skep::channels
