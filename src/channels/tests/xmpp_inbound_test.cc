#include "xmpp_test.h"

namespace skep::channels {
namespace {

using testing::progress_of;
using testing::reply_to;
using xmpp::Element;
using Phase = Progress::Phase;

constexpr std::string_view kReceiptRequest = "<request xmlns='urn:xmpp:receipts'/>";

class XmppInboundTest : public testing::XmppTest {};

TEST_F(XmppInboundTest, AnswersFromTheExactAddressThatWasWrittenTo) {
  online();
  send(
      "<message from='ann@ex/phone' to='helper@agent.ex/desk' type='normal' "
      "id='m1'><body>hello</body>"
      "<thread parent='t0'>t1</thread></message>");
  const Message question = next_message();
  EXPECT_EQ(text_of(question.parts), "hello");
  EXPECT_EQ(question.conversation, (Conversation{"xmpp", "ann@ex", "t1"}));
  EXPECT_EQ(question.reply_address, (ReplyAddress{"helper@agent.ex/desk", "ann@ex/phone"}));
  EXPECT_EQ(directory_->find("xmpp", "ann@ex"), question.from);

  const Message reply = reply_to(question, "hi");
  ASSERT_TRUE(channel_->deliver(reply));
  const Element stanza = received();
  EXPECT_EQ(stanza.attribute("from"), "helper@agent.ex/desk");
  EXPECT_EQ(stanza.attribute("to"), "ann@ex/phone");
  EXPECT_EQ(stanza.attribute("type"), "normal");
  EXPECT_EQ(stanza.attribute("id"), reply.id.str());
  EXPECT_EQ(body(stanza), "hi");
  const Element* thread = stanza.child("thread", xmpp::kNsClient);
  ASSERT_NE(thread, nullptr);
  EXPECT_EQ(thread->text(), "t1");
  EXPECT_EQ(thread->attribute("parent"), "t0");
  EXPECT_NE(stanza.child("active", xmpp::kNsChatStates), nullptr);
  EXPECT_NE(stanza.child("auto", xmpp::kNsMeta), nullptr);
  const Element* origin = stanza.child("origin-id", xmpp::kNsStanzaId);
  ASSERT_NE(origin, nullptr);
  EXPECT_EQ(origin->attribute("id"), reply.id.str());
}

TEST_F(XmppInboundTest, AcknowledgesAMessageThatTheAgentTook) {
  online();
  ann_says("hello", "id='m1'", kReceiptRequest);
  const Element receipt = received();
  EXPECT_EQ(receipt.attribute("from"), "helper@agent.ex");
  EXPECT_EQ(receipt.attribute("to"), "ann@ex/phone");
  EXPECT_EQ(receipt.attribute("type"), "chat");
  EXPECT_FALSE(receipt.attribute("id").empty());
  const Element* inside = receipt.child("received", xmpp::kNsReceipts);
  ASSERT_NE(inside, nullptr);
  EXPECT_EQ(inside->attribute("id"), "m1");
  EXPECT_EQ(agent_.waiting(), 1u);
}

TEST_F(XmppInboundTest, RefusesVisiblyWhatTheAgentDoesNotTake) {
  online();
  agent_.refusal = Error{Code::kExhausted, "mailbox full"};
  ann_says("hello", "id='m1'", kReceiptRequest);
  const Element error = received();
  EXPECT_EQ(error.attribute("type"), "error");
  EXPECT_EQ(error.attribute("id"), "m1");
  EXPECT_EQ(error.attribute("from"), "helper@agent.ex");
  const Element* condition = error.child("error", xmpp::kNsClient);
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->attribute("type"), "wait");
  EXPECT_NE(condition->child("resource-constraint", xmpp::kNsStanzas), nullptr);

  agent_.refusal.reset();  // the same message is welcome later
  ann_says("hello", "id='m1'", kReceiptRequest);
  EXPECT_EQ(text_of(next_message().parts), "hello");
  EXPECT_NE(received().child("received", xmpp::kNsReceipts), nullptr);
  EXPECT_EQ(channel_->stats().refused, 1u);
}

TEST_F(XmppInboundTest, AnswersAMessageSentTwiceOnceButAcknowledgesItAgain) {
  online();
  ann_says("hello", "id='m1'", kReceiptRequest);
  ann_says("hello", "id='m1'", kReceiptRequest);
  ann_says("hello again", "id='m2'");
  EXPECT_EQ(text_of(next_message().parts), "hello");
  EXPECT_EQ(text_of(next_message().parts), "hello again");
  for (int i = 0; i < 2; ++i) {
    const Element receipt = received();
    ASSERT_NE(receipt.child("received", xmpp::kNsReceipts), nullptr);
    EXPECT_EQ(receipt.child("received", xmpp::kNsReceipts)->attribute("id"), "m1");
  }
  EXPECT_EQ(channel_->stats().duplicates, 1u);
}

TEST_F(XmppInboundTest, KnowsADuplicateFromAnotherResourceByItsOriginId) {
  online();
  const std::string_view origin = "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>";
  ann_says("hello", "id='m1'", origin);
  send(
      fmt::format("<message from='ann@ex/desk' to='helper@agent.ex' type='chat' "
                  "id='m9'><body>hello</body>{}</message>",
                  origin));
  ann_says("next", "id='m2'");
  EXPECT_EQ(text_of(next_message().parts), "hello");
  EXPECT_EQ(text_of(next_message().parts), "next");
}

TEST_F(XmppInboundTest, RemembersWhatItAnsweredAcrossARestart) {
  online();
  ann_says("hello", "id='m1'");
  next_message();
  close();
  open_journal();
  online();
  ann_says("hello", "id='m1'");
  ann_says("next", "id='m2'");
  EXPECT_EQ(text_of(next_message().parts), "next");
}

// A process that dies between the acceptance of a message and the record of its key.
TEST_F(XmppInboundTest, TakesNothingTwiceThatADeadProcessLeftUnfinished) {
  online();
  ann_says("hello", "id='m1'");
  ann_says("by origin", "id='m2'", "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>");
  const Message by_id = next_message();
  const Message by_origin = next_message();
  close();
  journal_ = store::Journal::open({.directory = home_ + "/without-the-keys"}).value();
  unfinished_ = {*message_from_json(to_json_value(by_id)),
                 *message_from_json(to_json_value(by_origin))};
  online();
  ann_says("hello", "id='m1'");
  ann_says("by origin", "id='m3'", "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>");
  ann_says("next", "id='m4'");
  EXPECT_EQ(text_of(next_message().parts), "next");
  EXPECT_EQ(channel_->stats().duplicates, 2u);
}

TEST_F(XmppInboundTest, TakesEveryMessageWithoutAnId) {
  online();
  ann_says("hello", "", kReceiptRequest);
  ann_says("hello", "", kReceiptRequest);
  EXPECT_EQ(text_of(next_message().parts), "hello");
  EXPECT_EQ(text_of(next_message().parts), "hello");
}

TEST_F(XmppInboundTest, KeepsOneSendersOrder) {
  online();
  std::string all;
  for (int i = 0; i < 8; ++i) {
    all += fmt::format(
        "<message from='ann@ex/phone' to='helper@agent.ex' type='chat' "
        "id='m{}'><body>{}</body></message>",
        i, i);
  }
  send(all);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(text_of(next_message().parts), std::to_string(i));
}

TEST_F(XmppInboundTest, SaysNothingToStrangersAndOddStanzas) {
  online();
  const std::string_view request = kReceiptRequest;
  for (const std::string& stanza : {
           fmt::format("<message from='eve@ex/x' to='agent.ex' type='chat' "
                       "id='1'><body>hi</body>{}</message>",
                       request),
           fmt::format("<message from='mal@other/x' to='agent.ex' type='chat' "
                       "id='2'><body>hi</body>{}</message>",
                       request),
           std::string(
               "<message from='ann@ex/phone' to='agent.ex' type='error' "
               "id='3'><body>hi</body><error type='cancel'>"
               "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"),
           std::string("<message from='ann@ex/phone' to='agent.ex' type='headline' "
                       "id='4'><body>hi</body></message>"),
           std::string("<message from='ann@ex/phone' to='agent.ex' type='groupchat' "
                       "id='5'><body>hi</body></message>"),
           std::string("<message from='ann@ex/phone' to='agent.ex' type='chat' id='6'><composing "
                       "xmlns='http://jabber.org/protocol/chatstates'/></message>"),
           std::string("<message from='ann@ex/phone' to='agent.ex' type='chat' id='7'><body> "
                       "</body></message>"),
           std::string("<message from='helper@agent.ex/x' to='agent.ex' type='chat' "
                       "id='8'><body>echo</body></message>"),
           std::string(
               "<message from='ann@ex/bot' to='agent.ex' type='chat' id='9'><body>hi</body><auto "
               "xmlns='urn:fluux:agent:0#meta' depth='1'/></message>"),
           std::string("<presence from='eve@ex/x' to='agent.ex' type='subscribe'/>"),
           std::string("<presence from='mal@other' to='agent.ex' type='probe'/>"),
       }) {
    send(stanza);
  }
  ann_says("hello", "id='last'", request);
  EXPECT_EQ(text_of(next_message().parts), "hello");
  const Element first = received();  // nothing came before ann's receipt
  ASSERT_NE(first.child("received", xmpp::kNsReceipts), nullptr);
  EXPECT_EQ(first.child("received", xmpp::kNsReceipts)->attribute("id"), "last");
  const XmppChannelStats stats = channel_->stats();
  EXPECT_EQ(stats.received, 10u);
  EXPECT_EQ(stats.not_listed, 1u);
  EXPECT_EQ(stats.foreign_domain, 1u);
  EXPECT_EQ(stats.errors_in, 1u);
  EXPECT_EQ(stats.loops, 1u);
  EXPECT_EQ(stats.ignored, 5u);
}

TEST_F(XmppInboundTest, ComparesAddressesNormalised) {
  online();
  send(
      "<message from='Ann@EX/Phone' to='agent.ex' type='chat' "
      "id='m1'><body>hello</body></message>");
  EXPECT_EQ(next_message().conversation.peer, "ann@ex");
}

TEST_F(XmppInboundTest, TellsAFloodOnceAndHearsItAgainWhenItHasCooled) {
  config_.flood_burst = 2;
  config_.flood_per_minute = 60;
  online();
  for (int i = 0; i < 5; ++i) ann_says("x", fmt::format("id='f{}'", i));
  const Element notice = received();
  EXPECT_NE(body(notice).find("faster than I can answer"), std::string::npos);
  EXPECT_NE(notice.child("auto", xmpp::kNsMeta), nullptr);
  next_message();
  next_message();
  clock_.advance(std::chrono::seconds(2));
  ann_says("cooled", "id='f9'", kReceiptRequest);
  EXPECT_EQ(text_of(next_message().parts), "cooled");
  EXPECT_NE(received().child("received", xmpp::kNsReceipts),
            nullptr);  // no second notice before it
  EXPECT_EQ(channel_->stats().flooded, 3u);
}

TEST_F(XmppInboundTest, ShowsThatATurnRunsAndThatItWasRead) {
  config_.composing_refresh = Millis(20);
  online();
  ann_says("hello", "id='m1'",
           "<markable xmlns='urn:xmpp:chat-markers:0'/><active "
           "xmlns='http://jabber.org/protocol/chatstates'/>");
  const Message question = next_message();
  ASSERT_TRUE(channel_->deliver(progress_of(question, Phase::kStarted)));
  const Element displayed = received();
  ASSERT_NE(displayed.child("displayed", "urn:xmpp:chat-markers:0"), nullptr);
  EXPECT_EQ(displayed.child("displayed", "urn:xmpp:chat-markers:0")->attribute("id"), "m1");
  const Element composing = received();
  EXPECT_NE(composing.child("composing", xmpp::kNsChatStates), nullptr);
  EXPECT_NE(composing.child("no-store", xmpp::kNsHints), nullptr);
  EXPECT_EQ(composing.attribute("from"), "helper@agent.ex");
  EXPECT_EQ(composing.attribute("to"), "ann@ex/phone");
  clock_.advance(Millis(20));
  EXPECT_NE(received().child("composing", xmpp::kNsChatStates),
            nullptr);  // said again while the turn runs
  ASSERT_TRUE(channel_->deliver(progress_of(question, Phase::kPaused)));
  EXPECT_NE(received().child("paused", xmpp::kNsChatStates), nullptr);
}

TEST_F(XmppInboundTest, StopsChatStatesForAClientThatKnowsNone) {
  online();
  ann_says("one", "id='m1'");
  Message question = next_message();
  ASSERT_TRUE(channel_->deliver(progress_of(question, Phase::kStarted)));
  ASSERT_TRUE(channel_->deliver(reply_to(question, "first")));
  EXPECT_NE(received().child("composing", xmpp::kNsChatStates), nullptr);
  EXPECT_NE(received().child("active", xmpp::kNsChatStates), nullptr);

  ann_says("two", "id='m2'");  // still without a state: this client does not know them
  question = next_message();
  ASSERT_TRUE(channel_->deliver(progress_of(question, Phase::kStarted)));
  ASSERT_TRUE(channel_->deliver(reply_to(question, "second")));
  const Element reply = received();
  EXPECT_EQ(body(reply), "second");
  EXPECT_EQ(reply.child("active", xmpp::kNsChatStates), nullptr);
}

TEST_F(XmppInboundTest, StopsTalkingToABotAfterItsTurns) {
  online();
  for (int i = 0; i < 3; ++i) ann_says("beep", fmt::format("id='b{}'", i));
  for (int i = 0; i < 3; ++i) next_message();
  const Element iq = received();  // that many turns: what is it?
  ASSERT_NE(iq.child("query", "http://jabber.org/protocol/disco#info"), nullptr);
  EXPECT_EQ(iq.attribute("to"), "ann@ex/phone");
  send(
      fmt::format("<iq from='ann@ex/phone' to='agent.ex' type='result' id='{}'><query "
                  "xmlns='http://jabber.org/protocol/disco#info'>"
                  "<identity category='client' type='bot'/></query></iq>",
                  iq.attribute("id")));
  ann_says("beep", "id='b3'");
  send("<message from='bob@ex/pc' to='agent.ex' type='chat' id='m1'><body>hello</body></message>");
  EXPECT_EQ(next_message().conversation.peer, "bob@ex");
  EXPECT_EQ(channel_->stats().loops, 1u);

  clock_.advance(std::chrono::minutes(5));
  ann_says("beep", "id='b4'");
  EXPECT_EQ(text_of(next_message().parts), "beep");
}

TEST_F(XmppInboundTest, RecognisesTheErrorOfItsOwnReply) {
  online();
  ann_says("hello", "id='m1'");
  const Message question = next_message();
  ASSERT_TRUE(channel_->deliver(reply_to(question, "hi")));
  const Element reply = received();
  send(
      fmt::format("<message from='ann@ex/phone' to='helper@agent.ex' type='error' id='{}'><error "
                  "type='cancel'><service-unavailable "
                  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
                  reply.attribute("id")));
  ann_says("next", "id='m2'");
  EXPECT_EQ(text_of(next_message().parts), "next");
  EXPECT_EQ(channel_->stats().undelivered, 1u);
  EXPECT_EQ(server_.unread(), 0u);
}

TEST_F(XmppInboundTest, AReplyWhosePartsAllComeBackIsUndeliveredOnceWhateverItsIdLooksLike) {
  config_.reply_bytes_max = 64;
  online();
  const auto bounce = [&](const Element& reply) {
    send(
        fmt::format("<message from='ann@ex/phone' to='helper@agent.ex' type='error' id='{}'><error "
                    "type='cancel'><service-unavailable "
                    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
                    reply.attribute("id")));
  };
  int answered = 0;
  for (const std::string& id : {mint_ulid(), mint_ulid() + "-k7f"}) {
    ann_says("hello", fmt::format("id='{}'", id));
    Message reply = reply_to(next_message(), std::string(50, 'x') + " " + std::string(50, 'y'));
    reply.id = MessageId(id);
    ASSERT_TRUE(channel_->deliver(std::move(reply)));
    const Element first = received();
    const Element second = received();
    EXPECT_EQ(second.attribute("id"), id + "-2");
    bounce(second);
    bounce(first);
    ann_says("next", fmt::format("id='n{}'", ++answered));
    EXPECT_EQ(text_of(next_message().parts), "next");
    EXPECT_EQ(channel_->stats().undelivered, static_cast<std::uint64_t>(answered)) << id;
  }
}

TEST_F(XmppInboundTest, ReadsItsOwnLanguageOfAMessageInSeveral) {
  config_.language = "de";
  online();
  const auto said = [&](std::string_view bodies) {
    send(fmt::format("<message from='ann@ex/phone' to='helper@agent.ex' type='chat'>{}</message>",
                     bodies));
    return text_of(next_message().parts);
  };
  EXPECT_EQ(said("<body xml:lang='en'>two</body><body xml:lang='de-CH'>zwei</body>"), "zwei");
  EXPECT_EQ(said("<body xml:lang='en'>three</body><body xml:lang='fr'>trois</body>"), "three");
}

TEST_F(XmppInboundTest, AnswersProtocolQuestionsWithoutTheAgent) {
  online();
  send(
      "<iq from='ann@ex/phone' to='agent.ex' type='get' id='p1'><ping "
      "xmlns='urn:xmpp:ping'/></iq>");
  const Element pong = received();
  EXPECT_EQ(pong.attribute("type"), "result");
  EXPECT_EQ(pong.attribute("id"), "p1");
}

TEST_F(XmppInboundTest, SaysMoreToAdministratorsThanToOthers) {
  online();
  send(
      "<iq from='ann@ex/phone' to='agent.ex' type='get' id='p1'><ping "
      "xmlns='urn:xmpp:ping'/></iq>");
  received();  // now both sides know that the link is up
  const std::vector<std::string> everybody = channel_->status_lines(false);
  ASSERT_EQ(everybody.size(), 1u);
  EXPECT_EQ(everybody[0].find("agent.ex"), std::string::npos);
  EXPECT_NE(everybody[0].find("online"), std::string::npos) << everybody[0];
  std::string admin;
  for (const std::string& line : channel_->status_lines(true)) admin += line + "\n";
  EXPECT_NE(admin.find("agent.ex"), std::string::npos) << admin;
  EXPECT_NE(admin.find("XMPP policy"), std::string::npos) << admin;
  EXPECT_EQ(channel_->status().at("up"), true);
}

Task<void> until_given_up(Ctx ctx, Signal* signal, const std::optional<Error>* error) {
  while (!*error) {
    if (!co_await signal->wait(ctx)) co_return;
  }
}

TEST_F(XmppInboundTest, GivesUpWithASentenceWhenTheSecretIsWrong) {
  server_.handshake_answer =
      "<stream:error><not-authorized "
      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
  open();
  run(until_given_up(patience(), &gave_up_signal_, &gave_up_));
  ASSERT_TRUE(gave_up_);
  EXPECT_EQ(gave_up_->code, Code::kUnauthenticated);
  EXPECT_NE(gave_up_->message.find("agent.ex"), std::string::npos) << gave_up_->message;
  EXPECT_NE(gave_up_->message.find("component_secret"), std::string::npos) << gave_up_->message;
}

}  // namespace
}  // namespace skep::channels
