#include <set>

#include "xmpp_test.h"

namespace skep::channels {
namespace {

using testing::reply_to;
using xmpp::Element;

class XmppOutboxTest : public testing::XmppTest {
 protected:
  Message question() {
    Message asked;
    asked.id = MessageId(mint_ulid());
    asked.conversation = {"xmpp", "ann@ex", ""};
    asked.reply_address = {"helper@agent.ex", "ann@ex/phone"};
    return asked;
  }
};

TEST_F(XmppOutboxTest, SendsRepliesInOrder) {
  online();
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    const Message reply = reply_to(question(), std::to_string(i));
    ids.push_back(reply.id.str());
    ASSERT_TRUE(channel_->deliver(reply));
  }
  for (int i = 0; i < 200; ++i) {
    const Element stanza = received();
    EXPECT_EQ(body(stanza), std::to_string(i));
    EXPECT_EQ(stanza.attribute("id"), ids[i]);
    EXPECT_EQ(stanza.child("delay", xmpp::kNsDelay), nullptr);
  }
}

TEST_F(XmppOutboxTest, KeepsRepliesUntilTheLinkIsUp) {
  server_.drop();
  open();
  const Message reply = reply_to(question(), "early");  // the link is still coming up
  ASSERT_TRUE(channel_->deliver(reply));
  EXPECT_EQ(journal_->unfinished("out").size(), 1u);
  EXPECT_EQ(body(received()), "early");
}

TEST_F(XmppOutboxTest, SendsAfterARestartWhatWasNotSent) {
  const Message reply = reply_to(question(), "kept");
  open();
  ASSERT_TRUE(channel_->deliver(reply));  // before the loop could connect
  const Ctx at_once = Ctx{}.within(std::chrono::seconds(0));
  run(channel_->close(at_once));
  channel_.reset();
  ASSERT_EQ(journal_->unfinished("out").size(), 1u);
  open_journal();
  clock_.advance(std::chrono::minutes(3));

  online();
  const Element stanza = received();
  EXPECT_EQ(body(stanza), "kept");
  EXPECT_EQ(stanza.attribute("id"), reply.id.str());
  const Element* delay = stanza.child("delay", xmpp::kNsDelay);
  ASSERT_NE(delay, nullptr);
  EXPECT_EQ(delay->attribute("stamp"),
            format_rfc3339(clock_.now() - std::chrono::minutes(3), true));
  close();
  EXPECT_EQ(journal_->unfinished("out").size(), 0u);
}

TEST_F(XmppOutboxTest, SendsAReplyOnceThoughTheAgentGivesItTwice) {
  online();
  const Message reply = reply_to(question(), "once");
  ASSERT_TRUE(channel_->deliver(reply));
  ASSERT_TRUE(channel_->deliver(reply));  // still in the outbox
  EXPECT_EQ(body(received()), "once");
  ASSERT_TRUE(channel_->deliver(reply_to(question(), "next")));
  EXPECT_EQ(body(received()), "next");
  ASSERT_TRUE(channel_->deliver(reply));  // sent long ago
  close();
  open_journal();
  online();
  ASSERT_TRUE(channel_->deliver(reply));  // in another life
  ASSERT_TRUE(channel_->deliver(reply_to(question(), "last")));
  EXPECT_EQ(body(received()), "last");
}

TEST_F(XmppOutboxTest, RepeatsNothingAfterALostLinkThatTheServerHasRead) {
  online();
  ASSERT_TRUE(channel_->deliver(reply_to(question(), "before")));
  EXPECT_EQ(body(received()), "before");
  ASSERT_TRUE(run(server_.proven(patience(), 1)));
  server_.drop();
  connected(2);
  const Message reply = reply_to(question(), "after");
  ASSERT_TRUE(channel_->deliver(reply));
  const Element stanza = received();
  EXPECT_EQ(body(stanza), "after");
  EXPECT_EQ(stanza.attribute("id"), reply.id.str());
  EXPECT_EQ(stanza.child("delay", xmpp::kNsDelay), nullptr);
}

TEST_F(XmppOutboxTest, SendsAgainUnderTheSameIdWhatALostLinkMayHaveTaken) {
  server_.deaf = true;
  online();
  const Message reply = reply_to(question(), "unsure");
  ASSERT_TRUE(channel_->deliver(reply));
  EXPECT_EQ(body(received()), "unsure");
  server_.drop();
  connected(2);
  const Element stanza = received();
  EXPECT_EQ(body(stanza), "unsure");
  EXPECT_EQ(stanza.attribute("id"), reply.id.str());
  ASSERT_NE(stanza.child("origin-id", xmpp::kNsStanzaId), nullptr);
  EXPECT_EQ(stanza.child("origin-id", xmpp::kNsStanzaId)->attribute("id"), reply.id.str());
  EXPECT_NE(stanza.child("delay", xmpp::kNsDelay), nullptr);
  server_.deaf = false;
}

TEST_F(XmppOutboxTest, RepeatsNoOldReplyForAServerThatAnswersNoPing) {
  server_.deaf = true;
  online();
  ASSERT_TRUE(channel_->deliver(reply_to(question(), "old")));
  EXPECT_EQ(body(received()), "old");
  clock_.advance(std::chrono::minutes(11));
  ASSERT_TRUE(channel_->deliver(reply_to(question(), "new")));
  EXPECT_EQ(body(received()), "new");
  server_.drop();
  connected(2);
  EXPECT_EQ(body(received()), "new");
  server_.deaf = false;
}

TEST_F(XmppOutboxTest, LosesNoReplyToALinkThatDiesWhileItIsSent) {
  online();
  for (int i = 0; i < 100; ++i) {
    if (i % 25 == 24) server_.drop();
    ASSERT_TRUE(channel_->deliver(reply_to(question(), std::to_string(i))));
  }
  std::set<std::string> seen;
  while (seen.size() < 100) {
    const Element stanza = received();
    ASSERT_EQ(stanza.name, "message") << seen.size();
    seen.insert(body(stanza));
  }
}

TEST_F(XmppOutboxTest, KeepsInTheJournalWhatASilentServerMayNotHaveRead) {
  server_.deaf = true;
  online();
  const Message reply = reply_to(question(), "unsure");
  ASSERT_TRUE(channel_->deliver(reply));
  EXPECT_EQ(body(received()), "unsure");
  const Ctx short_time = Ctx{}.within(Millis(50));
  run(channel_->close(short_time));
  channel_.reset();
  EXPECT_EQ(journal_->unfinished("out").size(), 1u);
  server_.deaf = false;
  open_journal();
  online();
  EXPECT_EQ(received().attribute("id"), reply.id.str());
}

TEST_F(XmppOutboxTest, SplitsALongReply) {
  config_.reply_bytes_max = 512;
  online();
  std::string text;
  for (int i = 0; i < 60; ++i) text += fmt::format("Paragraph {} has some words in it.\n\n", i);
  const Message reply = reply_to(question(), text);
  ASSERT_TRUE(channel_->deliver(reply));
  ASSERT_TRUE(channel_->deliver(reply_to(question(), "end")));
  std::string joined;
  int part = 0;
  for (Element stanza = received(); body(stanza) != "end"; stanza = received()) {
    ++part;
    EXPECT_EQ(stanza.attribute("id"),
              part == 1 ? reply.id.str() : fmt::format("{}-{}", reply.id.str(), part));
    EXPECT_LE(body(stanza).size(), 512u);
    joined += body(stanza) + "\n\n";
  }
  EXPECT_GT(part, 3);
  EXPECT_EQ(joined, text);
}

TEST_F(XmppOutboxTest, ContinuesASplitReplyAfterTheLastPartThatIsOut) {
  config_.reply_bytes_max = 512;
  const Message reply =
      reply_to(question(), std::string(400, 'a') + "\n\n" + std::string(400, 'b'));
  open();
  ASSERT_TRUE(channel_->deliver(reply));
  const Ctx at_once = Ctx{}.within(std::chrono::seconds(0));
  run(channel_->close(at_once));
  channel_.reset();
  const auto entries = journal_->unfinished("out");
  ASSERT_EQ(entries.size(), 1u);
  ASSERT_TRUE(journal_->step(entries[0].id, "sent"));
  config_.reply_bytes_max = 8192;  // what was split stays split
  online();
  const Element stanza = received();
  EXPECT_EQ(body(stanza), std::string(400, 'b'));
  EXPECT_EQ(stanza.attribute("id"), reply.id.str() + "-2");
}

TEST_F(XmppOutboxTest, RefusesVisiblyWhenFull) {
  config_.outbox_max = 2;
  open();  // the loop does not run: nothing gets out
  EXPECT_TRUE(channel_->deliver(reply_to(question(), "1")));
  EXPECT_TRUE(channel_->deliver(reply_to(question(), "2")));
  const auto third = channel_->deliver(reply_to(question(), "3"));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::kExhausted);
}

TEST_F(XmppOutboxTest, SendsNothingForAnEmptyReply) {
  online();
  ASSERT_TRUE(channel_->deliver(reply_to(question(), " \n")));
  ASSERT_TRUE(channel_->deliver(reply_to(question(), "text")));
  EXPECT_EQ(body(received()), "text");
}

TEST_F(XmppOutboxTest, RefusesAReplyWithoutAnAddress) {
  open();
  Message reply = reply_to(question(), "hi");
  reply.reply_address.to = "@";
  const auto delivered = channel_->deliver(reply);
  ASSERT_FALSE(delivered);
  EXPECT_EQ(delivered.error().code, Code::kInvalid);
}

TEST_F(XmppOutboxTest, TurnsMarkdownIntoStyling) {
  online();
  ASSERT_TRUE(channel_->deliver(reply_to(question(), "**bold** [text](https://ex.org)")));
  EXPECT_EQ(body(received()), "*bold* text (https://ex.org)");
}

TEST_F(XmppOutboxTest, SendsWhatIsReadyBeforeItCloses) {
  online();
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(channel_->deliver(reply_to(question(), std::to_string(i))));
  close();
  EXPECT_EQ(journal_->unfinished("out").size(), 0u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(body(received()), std::to_string(i));
}

}  // namespace
}  // namespace skep::channels
