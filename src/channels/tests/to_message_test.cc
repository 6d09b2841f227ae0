#include <gtest/gtest.h>

#include "skep/channels/xmpp_channel.h"

namespace skep::channels {
namespace {

constexpr WallTime kNow{Millis(1'700'000'000'000)};

xmpp::ChatMessage chat() {
  return {.from = xmpp::Jid::parse("ann@ex.org/phone").value(),
          .to = xmpp::Jid::parse("helper@agent.ex.org/desk").value(),
          .id = "m1",
          .type = "chat",
          .body = "hello",
          .has_body = true,
          .thread = "t1"};
}

TEST(ToMessage, RepliesGoToTheExactAddressesOfTheQuestion) {
  const Message message = to_message(chat(), Ilk{}, Unresolved{}, kNow);
  EXPECT_EQ(message.reply_address, (ReplyAddress{"helper@agent.ex.org/desk", "ann@ex.org/phone"}));
  EXPECT_EQ(message.conversation, (Conversation{"xmpp", "ann@ex.org", "t1"}));
  EXPECT_EQ(message.foreign_id, "m1");
  EXPECT_EQ(text_of(message.parts), "hello");
  EXPECT_EQ(message.kind, Kind::kUser);
  EXPECT_TRUE(message.wants_progress);
  EXPECT_EQ(message.sent_at, kNow);
  EXPECT_FALSE(message.id.empty());
}

TEST(ToMessage, KeepsTheSpeakerAndTheDestination) {
  const Ilk ann{Uuid::random()};
  const Name agent = Name::parse("AI.skep@local").value();
  const Message message = to_message(chat(), ann, agent, kNow);
  EXPECT_EQ(message.from, ann);
  EXPECT_EQ(message.dst, Destination(agent));
}

TEST(ToMessage, BelievesADelayButNoFuture) {
  xmpp::ChatMessage delayed = chat();
  delayed.delay = kNow - std::chrono::hours(1);
  EXPECT_EQ(to_message(delayed, Ilk{}, Unresolved{}, kNow).sent_at, kNow - std::chrono::hours(1));
  delayed.delay = kNow + std::chrono::hours(1);
  EXPECT_EQ(to_message(delayed, Ilk{}, Unresolved{}, kNow).sent_at, kNow);
}

TEST(ToMessage, NamesAttachedFiles) {
  xmpp::ChatMessage attached = chat();
  attached.body = "hello\n\nhttps://up.ex.org/abc/report.pdf?x=1";
  attached.files = {{.url = "https://up.ex.org/abc/report.pdf?x=1", .name = "report.pdf"}};
  const Message message = to_message(attached, Ilk{}, Unresolved{}, kNow);
  const std::vector<Part> expected{
      TextPart{"hello"},
      FilePart{.filename = "report.pdf", .url = "https://up.ex.org/abc/report.pdf?x=1"}};
  EXPECT_EQ(message.parts, expected);
}

TEST(ToMessage, TakesAnEndlessThreadIdForNone) {
  xmpp::ChatMessage odd = chat();
  odd.thread = std::string(100'000, 't');
  EXPECT_EQ(to_message(odd, Ilk{}, Unresolved{}, kNow).conversation.thread, "");
}

TEST(ToMessage, LeavesTheReplyAddressEmptyWithoutTo) {
  xmpp::ChatMessage anonymous = chat();
  anonymous.to = {};
  EXPECT_EQ(to_message(anonymous, Ilk{}, Unresolved{}, kNow).reply_address.from, "");
}

}  // namespace
}  // namespace skep::channels
