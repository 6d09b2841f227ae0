#include "skep/channels/web_channel.h"

#include "support.h"

namespace skep::channels {
namespace {

using testing::progress_of;
using testing::reply_to;
using Phase = Progress::Phase;
using Type = ChatEvent::Type;

struct Watcher {
  std::vector<ChatEvent> events;
  std::optional<Result<void>> result;
  std::size_t held = 0;  // events given while `hold`
  bool hold = false;     // the client is slow
  bool broken = false;   // the client is gone
  Signal changed;
};

Task<Result<void>> record(Watcher* watcher, ChatEvent event) {
  if (watcher->broken) co_return fail(Code::kUnavailable, "client gone");
  watcher->events.push_back(std::move(event));
  watcher->changed.notify_all();
  while (watcher->hold) {
    const Ctx forever;
    (void)co_await watcher->changed.wait(forever);
  }
  co_return Result<void>();
}
Task<void> watch(WebChannel* web, Ctx ctx, WebChannel::ChatRequest request, Watcher* watcher) {
  ChatSink sink = [watcher](ChatEvent event) { return record(watcher, std::move(event)); };
  watcher->result = co_await web->chat(std::move(ctx), std::move(request), std::move(sink));
  watcher->changed.notify_all();
}
Task<bool> until_done(Ctx ctx, Watcher* watcher) {
  while (!watcher->result) {
    if (!co_await watcher->changed.wait(ctx)) co_return false;
  }
  co_return true;
}
Task<bool> until_events(Ctx ctx, Watcher* watcher, std::size_t count) {
  while (watcher->events.size() < count) {
    if (!co_await watcher->changed.wait(ctx)) co_return false;
  }
  co_return true;
}

std::string all_text(const Watcher& watcher) {
  std::string text;
  for (const ChatEvent& event : watcher.events) {
    if (event.type == Type::kText) text += event.text;
  }
  return text;
}

class WebChannelTest : public testing::StoresTest {
 protected:
  WebChannelTest()
      : web_(WebChannel::open({.loop = loop_,
                               .directory = *directory_,
                               .out = agent_,
                               .agent = Unresolved{},
                               .clock = clock_})),
        gate_(loop_) {}
  ~WebChannelTest() override { run(gate_.close()); }

  void chat(Watcher& watcher, std::string text, std::string client_id = {}) {
    WebChannel::ChatRequest request{
        .peer = "ann@cli", .text = std::move(text), .client_id = std::move(client_id)};
    gate_.spawn("chat", watch(web_.get(), gate_.ctx(), std::move(request), &watcher));
  }
  bool done(Watcher& watcher) { return run(until_done(patience(), &watcher)); }

  std::unique_ptr<WebChannel> web_;
  Gate gate_;
};

TEST_F(WebChannelTest, CarriesTheTextToTheAgentAndTheAnswerBack) {
  Watcher ann;
  chat(ann, "hello");
  const Message question = next_message();
  EXPECT_EQ(text_of(question.parts), "hello");
  EXPECT_EQ(question.conversation, (Conversation{"cli", "ann@cli", ""}));
  EXPECT_EQ(directory_->find("cli", "ann@cli"), question.from);
  const Message reply = reply_to(question, "hi");
  EXPECT_TRUE(web_->deliver(reply));
  ASSERT_TRUE(done(ann));
  EXPECT_TRUE(*ann.result);
  ASSERT_EQ(ann.events.size(), 1u);
  EXPECT_EQ(ann.events[0].type, Type::kReply);
  EXPECT_EQ(ann.events[0].text, "hi");
  EXPECT_EQ(ann.events[0].message_id, reply.id.str());
}

TEST_F(WebChannelTest, StreamsProgressInOrder) {
  Watcher ann;
  chat(ann, "hello");
  const Message question = next_message();
  for (auto [phase, text] : {std::pair(Phase::kStarted, ""), std::pair(Phase::kText, "Let me "),
                             std::pair(Phase::kText, "see"), std::pair(Phase::kToolStart, "calc"),
                             std::pair(Phase::kToolEnd, "calc"), std::pair(Phase::kText, "4")}) {
    EXPECT_TRUE(web_->deliver(progress_of(question, phase, text)));
  }
  EXPECT_TRUE(web_->deliver(reply_to(question, "4")));
  ASSERT_TRUE(done(ann));
  std::vector<std::pair<Type, std::string>> seen;
  for (const ChatEvent& event : ann.events) seen.emplace_back(event.type, event.text);
  const std::vector<std::pair<Type, std::string>> expected{
      {Type::kStarted, ""},     {Type::kText, "Let me see"}, {Type::kToolStart, "calc"},
      {Type::kToolEnd, "calc"}, {Type::kText, "4"},          {Type::kReply, "4"}};
  EXPECT_EQ(seen, expected);
}

TEST_F(WebChannelTest, LosesNoTextForASlowClient) {
  Watcher ann;
  ann.hold = true;
  chat(ann, "hello");
  const Message question = next_message();
  std::string said;
  for (int i = 0; i < 5000; ++i) {
    const std::string piece = fmt::format("{} ", i);
    said += piece;
    EXPECT_TRUE(web_->deliver(progress_of(question, Phase::kText, piece)));
    EXPECT_TRUE(web_->deliver(progress_of(question, Phase::kToolStart, "calc")));
  }
  EXPECT_TRUE(web_->deliver(reply_to(question, "done")));
  ASSERT_TRUE(run(until_events(patience(), &ann, 1)));
  ann.hold = false;
  ann.changed.notify_all();
  ASSERT_TRUE(done(ann));
  EXPECT_EQ(all_text(ann), said);
  EXPECT_LT(ann.events.size(), 600u);
  EXPECT_EQ(ann.events.back().type, Type::kReply);
}

TEST_F(WebChannelTest, ForgetsTextThatWasTakenBack) {
  Watcher ann;
  chat(ann, "hello");
  const Message question = next_message();
  EXPECT_TRUE(web_->deliver(progress_of(question, Phase::kText, "wrong")));
  EXPECT_TRUE(web_->deliver(progress_of(question, Phase::kReset)));
  EXPECT_TRUE(web_->deliver(progress_of(question, Phase::kText, "right")));
  EXPECT_TRUE(web_->deliver(reply_to(question, "right")));
  ASSERT_TRUE(done(ann));
  EXPECT_EQ(all_text(ann), "right");
}

TEST_F(WebChannelTest, TellsWhenTheAgentIsFull) {
  agent_.refusal = Error{Code::kExhausted, "mailbox full"};
  Watcher ann;
  chat(ann, "hello", "c1");
  ASSERT_TRUE(done(ann));
  ASSERT_FALSE(*ann.result);
  EXPECT_EQ(ann.result->error().code, Code::kExhausted);

  agent_.refusal.reset();  // the same message may be sent again
  Watcher again;
  chat(again, "hello", "c1");
  EXPECT_TRUE(web_->deliver(reply_to(next_message(), "hi")));
  ASSERT_TRUE(done(again));
  EXPECT_TRUE(*again.result);
}

TEST_F(WebChannelTest, AnswersAMessageSentTwiceOnce) {
  Watcher first;
  Watcher second;
  chat(first, "hello", "c1");
  chat(second, "hello", "c1");
  const Message question = next_message();
  EXPECT_TRUE(web_->deliver(reply_to(question, "hi")));
  ASSERT_TRUE(done(first));
  ASSERT_TRUE(done(second));
  Watcher third;
  chat(third, "hello", "c1");
  ASSERT_TRUE(done(third));
  EXPECT_EQ(agent_.waiting(), 0u);
  for (const Watcher* watcher : {&first, &second, &third}) {
    ASSERT_EQ(watcher->events.size(), 1u);
    EXPECT_EQ(watcher->events[0].text, "hi");
  }
}

TEST_F(WebChannelTest, AcceptsAReplyThatNobodyWaitsFor) {
  Watcher ann;
  ann.broken = true;
  chat(ann, "hello");
  const Message question = next_message();
  EXPECT_TRUE(web_->deliver(progress_of(question, Phase::kText, "x")));
  ASSERT_TRUE(done(ann));
  EXPECT_FALSE(*ann.result);
  EXPECT_TRUE(web_->deliver(reply_to(question, "hi")));
  EXPECT_TRUE(web_->deliver(reply_to(question, "hi")));
}

TEST_F(WebChannelTest, TellsWatchersWhenItCloses) {
  Watcher ann;
  chat(ann, "hello");
  next_message();
  const Ctx at_once = Ctx{}.within(std::chrono::seconds(0));
  run(web_->close(at_once));
  ASSERT_TRUE(ann.result);
  EXPECT_EQ(ann.result->error().code, Code::kUnavailable);
  Watcher late;
  chat(late, "hello");
  ASSERT_TRUE(done(late));
  EXPECT_EQ(late.result->error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace skep::channels
