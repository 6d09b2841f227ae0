// Hives that know each other: who sees whom, and how messages pass.
#include "hive_support.h"

namespace skep::fabric {
namespace {

std::string heard_text(const Attached& node) {
  const Message* last = node.inbox.last();
  return last == nullptr ? "" : text_of(last->parts);
}

TEST_F(HivesTest, SeeEachOthersNodesAndReachThemByNameAndById) {
  auto [a, b] = two();
  Attached& ann = a->node("IO.ann");
  Attached& bot = b->node("AI.bot");
  ASSERT_TRUE(until([&] { return a->sees("b") == 1 && b->sees("a") == 1; }));
  ASSERT_TRUE(ann.port.send(say("by name", *Name::parse("AI.bot@b"))));
  ASSERT_TRUE(until([&] { return bot.inbox.messages.size() == 1; }));
  EXPECT_EQ(heard_text(bot), "by name");
  EXPECT_EQ(bot.inbox.last()->src_name->str(), "IO.ann@a");
  EXPECT_EQ(bot.inbox.last()->src, ann.port.id());
  EXPECT_EQ(bot.inbox.last()->ttl, 15);
  ASSERT_TRUE(bot.port.send(say("by id", bot.inbox.last()->src)));
  ASSERT_TRUE(until([&] { return ann.inbox.messages.size() == 1; }));
  EXPECT_EQ(heard_text(ann), "by id");
}

TEST_F(HivesTest, FollowNodesThatComeAndGo) {
  auto [a, b] = two();
  Attached& asking = a->node("IO.ann");
  b->node("AI.one");
  ASSERT_TRUE(until([&] { return a->sees("b") == 1; }));
  b->node("AI.two");
  ASSERT_TRUE(until([&] { return a->sees("b") == 2; }));
  b->nodes.pop_back();
  ASSERT_TRUE(until([&] { return a->sees("b") == 1; }));
  EXPECT_FALSE(asking.port.send(say("anyone?", *Name::parse("AI.two@b"))));
}

TEST_F(HivesTest, KnowANodeBeforeItsFirstMessage) {
  auto [a, b] = two();
  Attached& bot = b->node("AI.bot");
  ASSERT_TRUE(until([&] { return a->sees("b") == 1; }));
  for (int i = 0; i < 10; ++i) {
    Attached& fresh = a->node(fmt::format("IO.fresh{}", i));
    ASSERT_TRUE(fresh.port.send(say(fmt::format("first words {}", i), *Name::parse("AI.bot@b"))));
  }
  ASSERT_TRUE(until([&] { return bot.inbox.messages.size() == 10; }));
  ASSERT_TRUE(bot.port.send(say("welcome", *Name::parse("IO.fresh9@a"))));
  EXPECT_TRUE(until([&] { return heard_text(*a->nodes.back()) == "welcome"; }));
  EXPECT_EQ(b->status("a").rejected, 0u);
}

TEST_F(HivesTest, TakeThousandsOfNodes) {
  auto [a, b] = two();
  for (int i = 0; i < 5'000; ++i) b->node(fmt::format("AI.n{}", i));
  Attached& ann = a->node("IO.ann");
  ASSERT_TRUE(until([&] { return a->sees("b") == 5'000 && b->sees("a") == 1; }));
  ASSERT_TRUE(ann.port.send(say("you?", *Name::parse("AI.n4999@b"))));
  EXPECT_TRUE(until([&] { return heard_text(*b->nodes.back()) == "you?"; }));
  pass(std::chrono::milliseconds(500));  // digests go by
  EXPECT_EQ(a->sees("b"), 5'000u);
  EXPECT_EQ(a->status("b").rejected, 0u);
}

TEST_F(HivesTest, ReturnErrorsByTheLinkToWhoSent) {
  auto [a, b] = two();
  Attached& ann = a->node("IO.ann");
  Attached& bot = b->node("AI.bot");
  ASSERT_TRUE(until([&] { return a->sees("b") == 1 && b->sees("a") == 1; }));
  struct Refuses : Inbox {
    Result<void> deliver(Message) override { return fail(Code::kDenied, "not today"); }
  } refuses;
  Port shy = *b->router->attach(*Name::parse("AI.shy@b"), NodeId{Uuid::random()}, refuses);
  ASSERT_TRUE(until([&] { return a->sees("b") == 2; }));
  Message question = say("hello?", *Name::parse("AI.shy@b"));
  const std::string trace = question.trace;
  ASSERT_TRUE(ann.port.send(std::move(question)));
  ASSERT_TRUE(until([&] { return ann.inbox.messages.size() == 1; }));
  EXPECT_EQ(ann.inbox.last()->action, "UNREACHABLE");
  EXPECT_EQ(ann.inbox.last()->trace, trace);
  EXPECT_TRUE(ann.inbox.last()->payload.contains("REFUSED")) << ann.inbox.last()->payload;
  EXPECT_TRUE(bot.inbox.messages.empty());
  shy = Port();
}

TEST_F(HivesTest, KeepZonesApartAcrossHives) {
  auto [a, b] = two();
  a->router->core().set_rules({.zones = {{{"AI.red*", Match::kGlob}, 1}}});
  b->router->core().set_rules(
      {.zones = {{{"AI.blue*", Match::kGlob}, 2}, {{"AI.red*", Match::kGlob}, 1}}});
  Attached& red = a->node("AI.red");
  Attached& other_red = b->node("AI.red");
  b->node("AI.blue");
  ASSERT_TRUE(until([&] { return a->sees("b") == 2 && b->sees("a") == 1; }));
  ASSERT_TRUE(red.port.send(say("hi", *Name::parse("AI.red@b"))));
  EXPECT_TRUE(until([&] { return heard_text(other_red) == "hi"; }));
  EXPECT_FALSE(red.port.send(say("hi", *Name::parse("AI.blue@b"))));
  const auto blocked = static_cast<std::size_t>(Drop::kVpnBlocked);
  EXPECT_EQ(a->router->stats().dropped.at(blocked), 1u);
}

TEST_F(HivesTest, PassBroadcastsOnceToEachNode) {
  auto [a, b] = two();
  Attached& ann = a->node("IO.ann");
  Attached& one = b->node("AI.one");
  Attached& two_ = b->node("AI.two");
  ASSERT_TRUE(until([&] { return a->sees("b") == 2 && b->sees("a") == 1; }));
  ASSERT_TRUE(ann.port.send(say("near", Broadcast{}, 2)));
  ASSERT_TRUE(ann.port.send(say("far", Broadcast{}, 3)));
  ASSERT_TRUE(
      until([&] { return one.inbox.messages.size() == 1 && two_.inbox.messages.size() == 1; }));
  pass(std::chrono::milliseconds(100));
  EXPECT_EQ(one.inbox.messages.size(), 1u);
  EXPECT_EQ(heard_text(one), "far");
}

// Two workers that know only their mother.
class HubTest : public HivesTest {
 protected:
  HubTest() {
    GatewayConfig mother = config("m", {"a", "b"}), a = config("a", {"m"}), b = config("b", {"m"});
    trust_each_other("m", "a");
    trust_each_other("m", "b");
    m_ = &open("m", std::move(mother));
    a.uplinks = b.uplinks = {address(*m_)};
    a_ = &open("a", std::move(a));
    b_ = &open("b", std::move(b));
  }
  Hive *m_, *a_, *b_;
};

TEST_F(HubTest, WorkersReachEachOtherThroughTheirMother) {
  Attached& ann = a_->node("IO.ann");
  Attached& bot = b_->node("AI.bot");
  ASSERT_TRUE(until([&] { return a_->sees("b") == 1 && b_->sees("a") == 1; }));
  EXPECT_EQ(a_->status("b").path, (std::vector<std::string>{"b", "m"}));
  EXPECT_EQ(a_->status("b").state, "by m");
  ASSERT_TRUE(ann.port.send(say("hello", *Name::parse("AI.bot@b"), 16)));
  ASSERT_TRUE(until([&] { return bot.inbox.messages.size() == 1; }));
  EXPECT_EQ(bot.inbox.last()->src_name->str(), "IO.ann@a");
  EXPECT_EQ(bot.inbox.last()->ttl, 14);
  ASSERT_TRUE(bot.port.send(say("hello back", bot.inbox.last()->src)));
  EXPECT_TRUE(until([&] { return heard_text(ann) == "hello back"; }));
}

TEST_F(HubTest, AHiveThatLeavesIsForgottenEverywhere) {
  Attached& ann = a_->node("IO.ann");
  b_->node("AI.bot");
  ASSERT_TRUE(until([&] { return a_->sees("b") == 1; }));
  close(*b_);
  ASSERT_TRUE(until([&] { return a_->status("b").hive.empty(); }));
  EXPECT_FALSE(ann.port.send(say("still there?", *Name::parse("AI.bot@b"))));
}

TEST_F(HubTest, ErrorsComeBackThroughTheHub) {
  Attached& ann = a_->node("IO.ann");
  Attached& bot = b_->node("AI.bot");
  ASSERT_TRUE(until([&] { return a_->sees("b") == 1 && b_->sees("a") == 1; }));
  ASSERT_TRUE(ann.port.send(say("too far", bot.port.id(), 2)));
  ASSERT_TRUE(until([&] { return ann.inbox.messages.size() == 1; }));
  EXPECT_EQ(ann.inbox.last()->action, "TTL_EXCEEDED");
  EXPECT_TRUE(bot.inbox.messages.empty());
}

TEST_F(HivesTest, ATriangleHasNoLoops) {
  for (const char* id : {"a", "b", "c"}) std::ignore = config(id, {});
  for (const auto& [x, y] : {std::pair{"a", "b"}, {"b", "c"}, {"a", "c"}}) trust_each_other(x, y);
  Hive& a = open("a", config("a", {"b", "c"}));
  GatewayConfig b_config = config("b", {"a", "c"});
  b_config.uplinks = {address(a)};
  Hive& b = open("b", std::move(b_config));
  GatewayConfig c_config = config("c", {"a", "b"});
  c_config.uplinks = {address(a), address(b)};
  Hive& c = open("c", std::move(c_config));
  a.node("AI.a"), b.node("AI.b"), c.node("AI.c");
  ASSERT_TRUE(until([&] {
    return a.sees("b") == 1 && a.sees("c") == 1 && c.sees("a") == 1 && c.sees("b") == 1;
  }));
  EXPECT_EQ(a.status("c").path, std::vector<std::string>{"c"}) << "the direct way is the shortest";
  Attached& ann = c.node("IO.ann");
  ASSERT_TRUE(until([&] { return b.sees("c") == 2 && a.sees("c") == 2; }));
  ASSERT_TRUE(ann.port.send(say("all", Broadcast{}, 16)));
  ASSERT_TRUE(until(
      [&] { return !a.nodes[0]->inbox.messages.empty() && !b.nodes[0]->inbox.messages.empty(); }));
  pass(std::chrono::milliseconds(200));
  EXPECT_EQ(a.nodes[0]->inbox.messages.size(), 1u);
  EXPECT_EQ(b.nodes[0]->inbox.messages.size(), 1u);
}

}  // namespace
}  // namespace skep::fabric
