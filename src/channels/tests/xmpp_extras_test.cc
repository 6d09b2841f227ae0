// What an agent does beside answering, over the wire of a component.
#include "skep/xmpp/references.h"
#include "xmpp_test.h"

namespace skep::channels {
namespace {

using testing::progress_of;
using testing::reply_to;
using xmpp::Element;

class XmppExtrasTest : public testing::XmppTest {
 protected:
  const Element* reactions(const Element& stanza) {
    return stanza.child("reactions", "urn:xmpp:reactions:0");
  }
};

TEST_F(XmppExtrasTest, AReactionNamesTheMessageAsItsSenderDoes) {
  online();
  ann_says("hello", "id='m1'", "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>");
  const Message asked = next_message();
  ASSERT_TRUE(channel_->react(asked.id.str(), {"🎉"}));
  const Element stanza = received();
  ASSERT_NE(reactions(stanza), nullptr);
  EXPECT_EQ(reactions(stanza)->attribute("id"), "o1");
  EXPECT_EQ(reactions(stanza)->child_text("reaction", "urn:xmpp:reactions:0"), "🎉");
  EXPECT_EQ(stanza.attribute("from"), "helper@agent.ex");
  EXPECT_EQ(stanza.attribute("to"), "ann@ex/phone");
  EXPECT_EQ(stanza.child("body", xmpp::kNsClient), nullptr);
  EXPECT_NE(stanza.child("store", xmpp::kNsHints), nullptr);
}

TEST_F(XmppExtrasTest, OnlyEmojiAreReactionsAndOnlyToWhatIsBeingAnswered) {
  online();
  ann_says("hello", "id='m1'");
  const Message asked = next_message();
  for (const char* bad : {"words", "a👍", "<x/>", "👍 👍", "\xff", "7"})
    EXPECT_EQ(channel_->react(asked.id.str(), {bad}).error().code, Code::kInvalid) << bad;
  EXPECT_EQ(channel_->react(asked.id.str(), std::vector<std::string>(6, "👍")).error().code,
            Code::kInvalid);
  EXPECT_EQ(channel_->react("01UNKNOWN", {"👍"}).error().code, Code::kNotFound);
  ASSERT_TRUE(channel_->deliver(reply_to(asked, "hi")));
  received();
  EXPECT_EQ(channel_->react(asked.id.str(), {"👍"}).error().code, Code::kNotFound);
  EXPECT_EQ(server_.unread(), 0u);
}

TEST_F(XmppExtrasTest, AReactionWaitsForTheLinkAndARestartAndTheTurnIsKnownAfterIt) {
  online();
  ann_says("hello", "id='m1'");
  const Message asked = next_message();
  const auto restart = [&](std::uint16_t port) {
    close();
    open_journal();
    unfinished_ = {asked};
    config_.link.port = port;
    open();
  };
  restart(1);  // nobody is there
  ASSERT_TRUE(channel_->react(asked.id.str(), {"👍"}));
  restart(server_.port());
  const Element stanza = received();
  ASSERT_NE(reactions(stanza), nullptr);
  EXPECT_EQ(reactions(stanza)->attribute("id"), "m1");
  EXPECT_TRUE(channel_->react(asked.id.str(), {})) << "the turn that a kill cut off goes on";
  EXPECT_TRUE(reactions(received())->children().empty());
}

TEST_F(XmppExtrasTest, WithoutAnUploadServiceAFileIsNotSent) {
  online();
  ann_says("hello", "id='m1'");
  const Message asked = next_message();
  const auto sent = run(channel_->share(patience(), asked.id.str(), {.name = "a", .bytes = "x"}));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kUnsupported);
}

class XmppDraftsTest : public testing::XmppTest {
 protected:
  XmppDraftsTest() { config_.stream_corrections = true; }
  // Ann's client is asked what it can do, and says `features`.
  Message ann_asks(std::string_view text, std::string_view id, std::string_view features) {
    ann_says(text, fmt::format("id='{}'", id));
    const Message asked = next_message();
    const Element question = received();
    EXPECT_EQ(question.name, "iq");
    send(
        fmt::format("<iq type='result' id='{}' from='ann@ex/phone' to='helper@agent.ex'><query "
                    "xmlns='http://jabber.org/protocol/disco#info'>{}</query></iq>",
                    question.attribute("id"), features));
    ann_says("and", "id='settled'");
    next_message();
    return asked;
  }
  // Without the question in front, which has been overtaken.
  static std::string plain(const Element& stanza) {
    return xmpp::without_fallback(stanza, body(stanza), xmpp::kNsReply).text;
  }
  static std::string replaced(const Element& stanza) {
    const Element* replace = stanza.child("replace", "urn:xmpp:message-correct:0");
    return replace == nullptr ? std::string() : std::string(replace->attribute("id"));
  }
  static constexpr std::string_view kCorrects = "<feature var='urn:xmpp:message-correct:0'/>";
};

TEST_F(XmppDraftsTest, AnAnswerIsADraftItsCorrectionsAndTheWhole) {
  online();
  const Message asked = ann_asks("count", "m1", kCorrects);
  (void)channel_->deliver(progress_of(asked, Progress::Phase::kText, "one "));
  const Element first = received();
  EXPECT_EQ(body(first), "one");
  EXPECT_EQ(replaced(first), "");
  (void)channel_->deliver(progress_of(asked, Progress::Phase::kText, "two "));
  const Element second = received();
  EXPECT_EQ(body(second), "one two");
  EXPECT_EQ(replaced(second), first.attribute("id"));
  ASSERT_TRUE(channel_->deliver(reply_to(asked, "one two three")));
  const Element whole = received();
  EXPECT_EQ(plain(whole), "one two three");
  EXPECT_EQ(replaced(whole), first.attribute("id"));
}

TEST_F(XmppDraftsTest, AClientThatKnowsNoCorrectionsGetsTheWholeAlone) {
  online();
  const Message asked = ann_asks("count", "m1", "");
  (void)channel_->deliver(progress_of(asked, Progress::Phase::kText, "one "));
  ASSERT_TRUE(channel_->deliver(reply_to(asked, "one two three")));
  const Element whole = received();
  EXPECT_EQ(plain(whole), "one two three");
  EXPECT_EQ(replaced(whole), "");
}

}  // namespace
}  // namespace skep::channels
