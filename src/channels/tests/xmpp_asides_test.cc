// Corrections, retractions, replies, reactions and old messages, over the wire of a component.
#include "skep/model/aside.h"
#include "skep/xmpp/references.h"
#include "xmpp_test.h"

namespace skep::channels {
namespace {

using testing::reply_to;
using xmpp::Element;

constexpr std::string_view kCorrects = "<replace id='m1' xmlns='urn:xmpp:message-correct:0'/>";

class XmppAsidesTest : public testing::XmppTest {
 protected:
  Aside next_aside() {
    const Message message = next_message();
    last_text_ = text_of(message.parts);
    return aside_of(message).value_or(Aside{Aside::What::kSaid, "no aside"});
  }
  std::string last_text_;
};

TEST_F(XmppAsidesTest, ACorrectionIsOfferedAsOne) {
  online();
  ann_says("five", "id='m2'", kCorrects);
  EXPECT_EQ(next_aside(), (Aside{Aside::What::kCorrects, "m1"}));
  EXPECT_EQ(last_text_, "five");
  ann_says("/ping");
  next_message();
  EXPECT_EQ(channel_->stats().corrections, 1u);
}

TEST_F(XmppAsidesTest, ACorrectionThatComesTooLateIsWordsOfItsOwn) {
  online();
  ann_says("four", "id='m1'");
  next_message();
  agent_.refuses_asides = Error{Code::kNotFound, "no such message is waiting"};
  ann_says("five", "id='m2'", kCorrects);
  const Message words = next_message();
  EXPECT_FALSE(aside_of(words));
  EXPECT_EQ(text_of(words.parts), "[This corrects my earlier message \"four\"]\nfive");
  ann_says("five", "id='m2'", kCorrects);
  ann_says("six", "id='m3'");
  EXPECT_EQ(text_of(next_message().parts), "six") << "the same correction comes once";
}

TEST_F(XmppAsidesTest, ARetractionNeedsNoBodyAndItsFallbackIsNotRead) {
  online();
  ann_says("This person attempted to retract a message.", "id='m2'",
           "<retract id='m1' xmlns='urn:xmpp:message-retract:1'/>");
  EXPECT_EQ(next_aside(), (Aside{Aside::What::kRetracts, "m1"}));
  EXPECT_EQ(last_text_, "");
  agent_.refuses_asides = Error{Code::kNotFound, "no such message is waiting"};
  send(
      "<message from='ann@ex/phone' to='helper@agent.ex' type='chat' id='m3'>"
      "<retract id='m1' xmlns='urn:xmpp:message-retract:1'/></message>");
  ann_says("next", "id='m4'");
  EXPECT_EQ(text_of(next_message().parts), "next");
  EXPECT_EQ(channel_->stats().retractions, 2u);
  EXPECT_EQ(server_.unread(), 0u) << "what comes too late is not refused";
}

TEST_F(XmppAsidesTest, AReactionIsKeptAndNeverAnswered) {
  online();
  ann_says("hello", "id='m1'");
  ASSERT_TRUE(channel_->deliver(reply_to(next_message(), "shall I?")));
  const std::string id(received().attribute("id"));
  send("<message from='ann@ex/phone' to='helper@agent.ex' type='chat' id='r1'><reactions id='" +
       id + "' xmlns='urn:xmpp:reactions:0'><reaction>👍</reaction></reactions></message>");
  EXPECT_EQ(next_aside(), (Aside{Aside::What::kHeard, ""}));
  EXPECT_EQ(last_text_, "[reacted with 👍 to \"shall I?\"]");
  send("<message from='eve@evil/x' to='helper@agent.ex' type='chat' id='r2'><reactions id='" + id +
       "' xmlns='urn:xmpp:reactions:0'><reaction>👎</reaction></reactions></message>");
  ann_says("next", "id='m2'");
  EXPECT_EQ(text_of(next_message().parts), "next");
  EXPECT_EQ(channel_->stats().reactions, 1u);
  EXPECT_EQ(channel_->stats().foreign_domain, 1u);
}

TEST_F(XmppAsidesTest, ReactionsCountAgainstTheFloodLimitLikeWords) {
  config_.flood_burst = 3;
  online();
  for (int i = 0; i < 6; ++i) {
    send(
        fmt::format("<message from='ann@ex/phone' to='helper@agent.ex' type='chat' id='r{}'>"
                    "<reactions id='x' xmlns='urn:xmpp:reactions:0'/></message>",
                    i));
  }
  send(
      "<message from='bob@ex/x' to='helper@agent.ex' type='chat' "
      "id='b'><body>end</body></message>");
  EXPECT_EQ(text_of(next_message().parts), "end") << "reactions to what nobody said are dropped";
  EXPECT_EQ(channel_->stats().unknown_reactions, 3u);
  EXPECT_EQ(channel_->stats().flooded, 3u);
}

TEST_F(XmppAsidesTest, AReplyBringsWhatItAnswers) {
  online();
  const std::string_view answers =
      "<reply to='helper@agent.ex' id='unknown' xmlns='urn:xmpp:reply:0'/><fallback "
      "xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='14'/></fallback>";
  ann_says("> shall I go?\nyes", "id='m1'", answers);
  EXPECT_EQ(text_of(next_message().parts), "[In reply to \"shall I go?\"]\nyes");
  ann_says("> shall I go?\n/ping", "id='m2'", answers);
  EXPECT_EQ(text_of(next_message().parts), "/ping");
}

TEST_F(XmppAsidesTest, AReplyToWhatTheAgentSaidQuotesTheAgentNotTheSender) {
  online();
  ann_says("hello", "id='m1'");
  ASSERT_TRUE(channel_->deliver(reply_to(next_message(), "the price is 10")));
  const std::string id(received().attribute("id"));
  ann_says("> price is 1\nagreed", "id='m2'",
           "<reply to='x' id='" + id +
               "' xmlns='urn:xmpp:reply:0'/><fallback xmlns='urn:xmpp:fallback:0' "
               "for='urn:xmpp:reply:0'><body start='0' end='13'/></fallback>");
  EXPECT_EQ(text_of(next_message().parts), "[In reply to \"the price is 10\"]\nagreed");
}

TEST_F(XmppAsidesTest, AnAnswerThatWasOvertakenNamesItsQuestion) {
  online();
  ann_says("one", "id='m1'");
  const Message first = next_message();
  ann_says("two", "id='m2'", "<origin-id xmlns='urn:xmpp:sid:0' id='o2'/>");
  const Message second = next_message();
  ASSERT_TRUE(channel_->deliver(reply_to(first, "1")));
  ASSERT_TRUE(channel_->deliver(reply_to(second, "2")));
  const Element late = received();
  const Element* reply = late.child("reply", "urn:xmpp:reply:0");
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->attribute("id"), "m1");
  EXPECT_EQ(reply->attribute("to"), "ann@ex/phone");
  EXPECT_EQ(body(late), "> one\n1");
  EXPECT_EQ(xmpp::without_fallback(late, body(late), xmpp::kNsReply),
            (xmpp::PlainBody{"1", "> one\n"}));
  EXPECT_EQ(received().child("reply", "urn:xmpp:reply:0"), nullptr);
}

TEST_F(XmppAsidesTest, AQuoteIsOneLineOfWhatWasSaidAndQuotesNoQuote) {
  online();
  ann_says("> dear sir\n– ü, and\nmore", "id='m1'",
           "<reply to='x' id='x' xmlns='urn:xmpp:reply:0'/><fallback xmlns='urn:xmpp:fallback:0' "
           "for='urn:xmpp:reply:0'><body start='0' end='11'/></fallback>");
  const Message first = next_message();
  ann_says("two", "id='m2'");
  next_message();
  ASSERT_TRUE(channel_->deliver(reply_to(first, "1")));
  const Element late = received();
  EXPECT_EQ(body(late), "> – ü, and more\n1");
  EXPECT_EQ(xmpp::without_fallback(late, body(late), xmpp::kNsReply).text, "1");
}

TEST_F(XmppAsidesTest, WhatIsTooOldIsKeptButNotAnswered) {
  online();
  ann_says("from long ago", "id='m1'",
           "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>");
  EXPECT_EQ(next_aside(), (Aside{Aside::What::kHeard, ""}));
  ann_says("from long ago", "id='m1'",
           "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>");
  ann_says("next", "id='m2'");
  EXPECT_EQ(text_of(next_message().parts), "next");
  EXPECT_EQ(channel_->stats().too_old, 1u);
  EXPECT_EQ(channel_->stats().context, 1u);
}

TEST_F(XmppAsidesTest, AComponentBelievesNoCopiesAndNoIds) {
  online();
  send(
      "<message from='agent.ex' to='helper@agent.ex'><received xmlns='urn:xmpp:carbons:2'>"
      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='ann@ex/a' "
      "to='helper@agent.ex' type='chat'><body>forged</body></message></forwarded></received>"
      "</message>");
  ann_says("next", "id='m2'", "<stanza-id xmlns='urn:xmpp:sid:0' by='agent.ex' id='s'/>");
  EXPECT_EQ(text_of(next_message().parts), "next");
  EXPECT_EQ(channel_->stats().forged_copies, 1u);
  EXPECT_EQ(channel_->stats().forged_ids, 1u);
}

}  // namespace
}  // namespace skep::channels
