#include "rooms_test.h"
#include "skep/xmpp/references.h"

namespace skep::channels {
namespace {

using testing::reply_to;

using xmpp::Element;

class RoomsReplyTest : public testing::RoomsTest {};

TEST_F(RoomsReplyTest, SaysOnceMoreWhatTheHistoryOfTheNextStayLacks) {
  inside();
  ann_says_there("bot?", "a1");
  const Message question = next_message();
  ASSERT_TRUE(channel_->deliver(reply_to(question, "here")));
  const Element first = next_named("message");
  presence("bot", "<item role='none'/><status code='110'/><status code='333'/>", "unavailable");
  EXPECT_EQ(
      join().child("x", xmpp::kNsMuc)->child("history", xmpp::kNsMuc)->attribute("maxstanzas"),
      "50");
  let_in();
  end_history();
  const Element second = next_named("message");
  EXPECT_EQ(second.attribute("id"), first.attribute("id"));
  EXPECT_EQ(body(second), "ann: here");
  presence("bot", "<item role='none'/><status code='110'/>", "unavailable");
  join();
  let_in();
  end_history();
  settle();
  EXPECT_EQ(server_.unread(), 1u) << "a third time";  // the question about the room's features
  EXPECT_EQ(counter("undelivered"), 1);
  EXPECT_EQ(journal_->size(), 0u);
}

TEST_F(RoomsReplyTest, FindsItsReplyInTheHistoryAfterItsDeath) {
  inside();
  ann_says_there("bot?", "a1");
  const Message question = next_message();
  ASSERT_TRUE(channel_->deliver(reply_to(question, "here")));
  const Element said = next_named("message");
  close();  // with the reply unshown
  EXPECT_EQ(journal_->size(), 1u);
  open_journal();
  online();
  for (Element stanza = next(); stanza.child("x", xmpp::kNsMuc) == nullptr;) stanza = next();
  let_in();
  reflect(said, "<delay xmlns='urn:xmpp:delay' from='team@conf.ex' stamp='2026-01-01T00:00:00Z'/>");
  end_history();
  settle();
  EXPECT_EQ(journal_->size(), 0u);
  EXPECT_EQ(counter("answered"), 1);
  EXPECT_EQ(get_int(muc(), "repeated"), 0);
  ASSERT_TRUE(channel_->deliver(reply_to(question, "here")));
}

TEST_F(RoomsReplyTest, WaitsWhenTheRoomSaysThatItIsTooFast) {
  inside();
  ann_says_there("bot?", "a1");
  ASSERT_TRUE(channel_->deliver(reply_to(next_message(), "here")));
  const Element said = next_named("message");
  send(fmt::format(
      "<message from='team@conf.ex' type='error' id='{}'><error type='wait'>"
      "<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
      said.attribute("id")));
  const Element again = next_named("message");
  EXPECT_EQ(again.attribute("id"), said.attribute("id"));
  reflect(again);
  settle();
  EXPECT_EQ(counter("answered"), 1);
}

TEST_F(RoomsReplyTest, SaysLongRepliesInOrderOnePartAtATime) {
  config_.reply_bytes_max = 64;
  inside();
  ann_says_there("bot?", "a1");
  const Message question = next_message();
  ASSERT_TRUE(
      channel_->deliver(reply_to(question, std::string(50, 'x') + " " + std::string(50, 'y'))));
  const Element first = next_named("message");
  settle();
  EXPECT_EQ(server_.unread(), 0u);  // no second part
  reflect(first);
  const Element second = next_named("message");
  EXPECT_TRUE(body(first).starts_with("ann: xxx")) << body(first);
  EXPECT_TRUE(body(second).ends_with("yyy")) << body(second);
}

TEST_F(RoomsReplyTest, QuotesTheQuestionWhenTheRoomHasMovedOn) {
  inside_with_ids();
  const auto asks = [&](std::string_view text, std::string_view id) {
    ann_says_there(
        text, id,
        fmt::format("<stanza-id xmlns='urn:xmpp:sid:0' by='team@conf.ex' id='S-{}'/>", id));
    return next_message();
  };
  const Message first = asks("bot, why\nis it so?", "a1");
  const Message second = asks("bot, and how?", "a2");
  ASSERT_TRUE(channel_->deliver(reply_to(first, "because")));
  const Element quoting = next_named("message");
  EXPECT_EQ(body(quoting), "> bot, why is it so?\nann: because");
  EXPECT_EQ(quoting.child("reply", xmpp::kNsReply)->attribute("id"), "S-a1");
  EXPECT_EQ(xmpp::without_fallback(quoting, body(quoting), xmpp::kNsReply).text, "ann: because");
  reflect(quoting);
  ASSERT_TRUE(channel_->deliver(reply_to(second, "so")));
  const Element plain = next_named("message");
  EXPECT_EQ(body(plain), "ann: so") << "what it answers stands right above it";
  EXPECT_EQ(plain.child("fallback", xmpp::kNsFallback), nullptr);
}

TEST_F(RoomsReplyTest, AnswersPrivateMessagesToWhoWroteThem) {
  inside();
  send("<message from='team@conf.ex/ann' type='chat' id='p1'><body>secret</body></message>");
  const Message question = next_message();
  EXPECT_FALSE(room_talk(question));
  EXPECT_TRUE(question.conversation.peer.starts_with("team@conf.ex/occupant-"));
  presence("ann", "<item affiliation='member' role='none' nick='annie'/><status code='303'/>",
           "unavailable", "ann-id");
  presence("annie", "<item affiliation='member' role='participant'/>", "", "ann-id");
  presence("ann", "<item affiliation='member' role='participant'/>", "", "eve-id");
  settle();
  Message reply = reply_to(question, "answer");
  ASSERT_TRUE(channel_->deliver(reply));
  const Element said = next_named("message");
  EXPECT_EQ(said.attribute("to"), "team@conf.ex/annie");
  EXPECT_EQ(said.attribute("type"), "chat");
  presence("annie", "<item affiliation='member' role='none'/>", "unavailable", "ann-id");
  settle();
  Message late = reply_to(question, "too late");
  late.meta = question.meta;
  ASSERT_TRUE(channel_->deliver(late));
  EXPECT_EQ(counter("undelivered"), 1);
}

}  // namespace
}  // namespace skep::channels
