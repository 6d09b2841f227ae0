#include "skep/fabric/router.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

namespace skep::fabric {
namespace {

struct Recorder : Inbox {
  std::vector<Message> heard;
  std::function<Result<void>(const Message&)> then;
  Result<void> deliver(Message message) override {
    heard.push_back(message);
    return then ? then(message) : Result<void>();
  }
};

Name name_of(std::string_view text) { return *Name::parse(text, "lab"); }
NodeId new_id() { return NodeId{Uuid::random()}; }

class RouterTest : public testing::Test {
 protected:
  std::unique_ptr<Router> router = std::move(*Router::open({.hive = "lab"}));

  Port attach(std::string_view name, Inbox& inbox, NodeId id = new_id()) {
    auto port = router->attach(name_of(name), id, inbox);
    EXPECT_TRUE(port.has_value());
    return std::move(*port);
  }
  [[nodiscard]] std::uint64_t dropped(Drop drop) const {
    return router->stats().dropped[static_cast<std::size_t>(drop)];
  }
};

Message to(Destination dst) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = "trace-1";
  message.dst = std::move(dst);
  message.parts = {TextPart{"hello"}};
  return message;
}

TEST_F(RouterTest, DeliversByNameAndByNodeId) {
  Recorder a, b;
  Port from = attach("IO.xmpp", a);
  Port port = attach("AI.skep", b);
  ASSERT_TRUE(from.send(to(name_of("AI.skep"))));
  ASSERT_TRUE(from.send(to(port.id())));
  ASSERT_EQ(b.heard.size(), 2u);
  EXPECT_EQ(text_of(b.heard[0].parts), "hello");
  EXPECT_TRUE(a.heard.empty());
  EXPECT_EQ(router->stats().delivered, 2u);
}

TEST_F(RouterTest, StampsTheSenderWhateverTheMessageClaims) {
  Recorder a, b;
  Port from = attach("IO.xmpp", a);
  Port port = attach("AI.skep", b);
  Message message = to(port.id());
  message.src = port.id();
  message.src_name = name_of("AI.skep");
  ASSERT_TRUE(from.send(std::move(message)));
  EXPECT_EQ(b.heard.at(0).src, from.id());
  EXPECT_EQ(b.heard.at(0).src_name, from.name());
}

TEST_F(RouterTest, DeliveryInsideTheProcessLeavesTtlAlone) {
  Recorder a;
  Port port = attach("AI.skep", a);
  Message message = to(port.id());
  message.ttl = 1;
  ASSERT_TRUE(port.send(std::move(message)));
  EXPECT_EQ(a.heard.at(0).ttl, 1);
}

TEST_F(RouterTest, RefusesAUsedUpTtl) {
  Recorder a;
  Port port = attach("AI.skep", a);
  Message message = to(port.id());
  message.ttl = 0;
  auto sent = port.send(std::move(message));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kInvalid);
  EXPECT_TRUE(a.heard.empty());
  EXPECT_EQ(dropped(Drop::kTtlExceeded), 1u);
}

TEST_F(RouterTest, RefusesUnknownNamesAndIds) {
  Recorder a;
  Port port = attach("AI.skep", a);
  for (const Destination& dst : {Destination(name_of("AI.other")), Destination(new_id()),
                                 Destination(*Name::parse("AI.skep@elsewhere"))}) {
    auto sent = port.send(to(dst));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Code::kNotFound);
  }
  EXPECT_EQ(dropped(Drop::kNodeNotFound), 3u);
}

TEST_F(RouterTest, UnresolvedNeedsADefaultTarget) {
  Recorder a;
  Port port = attach("IO.xmpp", a);
  auto sent = port.send(to(Unresolved{}));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kNotFound);
  EXPECT_EQ(dropped(Drop::kNoTarget), 1u);
}

TEST(Router, SendsUnresolvedMessagesToItsDefaultTarget) {
  auto router = std::move(*Router::open({.hive = "lab", .default_target = "AI.skep"}));
  Recorder a, b;
  Port from = std::move(*router->attach(name_of("IO.xmpp"), new_id(), a));
  Port agent = std::move(*router->attach(name_of("AI.skep"), new_id(), b));
  ASSERT_TRUE(from.send(to(Unresolved{})));
  EXPECT_EQ(b.heard.at(0).dst, Destination(name_of("AI.skep")));
}

TEST(Router, RefusesABadConfiguration) {
  EXPECT_FALSE(Router::open({.hive = "no hive"}));
  EXPECT_FALSE(Router::open({.hive = "lab", .default_target = "nonsense"}));
}

TEST_F(RouterTest, HandsTheReceiversRefusalBackUnchanged) {
  Recorder a, full;
  full.then = [](const Message&) { return Result<void>(fail(Code::kExhausted, "mailbox full")); };
  Port from = attach("IO.xmpp", a);
  Port port = attach("AI.skep", full);
  auto sent = from.send(to(port.id()));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), (Error{Code::kExhausted, "mailbox full"}));
  EXPECT_EQ(dropped(Drop::kRefused), 1u);
  EXPECT_EQ(router->stats().delivered, 0u);
}

TEST_F(RouterTest, OfNodesWithOneNameTheFirstGetsTheUnicastUntilItLeaves) {
  Recorder a, b;
  auto first = std::make_unique<Port>(attach("AI.skep", a));
  Port second = attach("AI.skep", b);
  ASSERT_TRUE(second.send(to(name_of("AI.skep"))));
  first.reset();
  ASSERT_TRUE(second.send(to(name_of("AI.skep"))));
  EXPECT_EQ(a.heard.size(), 1u);
  EXPECT_EQ(b.heard.size(), 1u);
}

TEST_F(RouterTest, ASecondNodeWithTheSameIdReplacesTheFirst) {
  Recorder a, b;
  NodeId id = new_id();
  Port first = attach("AI.one", a, id);
  Port second = attach("AI.two", b, id);
  EXPECT_FALSE(first.attached());
  EXPECT_EQ(first.send(to(id)).error().code, Code::kUnavailable);
  ASSERT_TRUE(second.send(to(id)));
  first = Port();  // the dead port's end leaves the living node alone
  ASSERT_TRUE(second.send(to(name_of("AI.two"))));
  EXPECT_EQ(second.send(to(name_of("AI.one"))).error().code, Code::kNotFound);
  EXPECT_EQ(b.heard.size(), 2u);
  EXPECT_TRUE(a.heard.empty());
}

TEST_F(RouterTest, RefusesANameOfAnotherHive) {
  Recorder a;
  auto port = router->attach(*Name::parse("AI.skep@elsewhere"), new_id(), a);
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().code, Code::kDenied);
}

TEST_F(RouterTest, AMovedPortKeepsItsPlace) {
  Recorder a;
  Port port = attach("AI.skep", a);
  Port moved = std::move(port);
  ASSERT_TRUE(moved.send(to(name_of("AI.skep"))));
  EXPECT_EQ(moved.name().str(), "AI.skep@lab");
  EXPECT_EQ(a.heard.size(), 1u);
}

TEST_F(RouterTest, BroadcastReachesEveryoneButTheSender) {
  Recorder a, b, c;
  Port pa = attach("IO.a", a), pb = attach("AI.b", b), pc = attach("AI.c", c);
  ASSERT_TRUE(pa.send(to(Broadcast{})));
  EXPECT_TRUE(a.heard.empty());
  EXPECT_EQ(b.heard.size(), 1u);
  EXPECT_EQ(c.heard.size(), 1u);
}

TEST_F(RouterTest, BroadcastTargetIsAGlobOverFullNames) {
  struct Case {
    const char* target;
    bool b, c;
  };
  const Case cases[] = {
      {"AI.*", true, true},        {"*@lab", true, true},  {"AI.b@lab", true, false},
      {"AI.b", false, false},      {"*.c@*", false, true}, {"*", true, true},
      {"AI.*b*@lab", true, false}, {"a*", false, false},   {"AI.b@lab*x", false, false}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.target);
    Recorder a, b, c;
    Port pa = attach("IO.a", a), pb = attach("AI.b", b), pc = attach("AI.c", c);
    ASSERT_TRUE(pa.send(to(Broadcast{one.target})));
    EXPECT_EQ(b.heard.size(), one.b ? 1u : 0u);
    EXPECT_EQ(c.heard.size(), one.c ? 1u : 0u);
    EXPECT_TRUE(a.heard.empty());
  }
}

TEST_F(RouterTest, ABroadcastToNobodyIsNoError) {
  Recorder a;
  Port port = attach("AI.a", a);
  EXPECT_TRUE(port.send(to(Broadcast{})));
}

TEST_F(RouterTest, OneRefusalDoesNotEndABroadcast) {
  Recorder a, b, c;
  b.then = [](const Message&) { return Result<void>(fail(Code::kExhausted, "full")); };
  Port pa = attach("IO.a", a), pb = attach("AI.b", b), pc = attach("AI.c", c);
  EXPECT_TRUE(pa.send(to(Broadcast{})));
  EXPECT_EQ(c.heard.size(), 1u);
  EXPECT_EQ(dropped(Drop::kRefused), 1u);
}

TEST_F(RouterTest, AnInboxMaySendWhileBeingDeliveredTo) {
  Recorder a, b;
  Port pa = attach("IO.a", a);
  Port pb = attach("AI.b", b);
  b.then = [&](const Message& m) { return pb.send(to(m.src)); };
  ASSERT_TRUE(pa.send(to(pb.id())));
  EXPECT_EQ(a.heard.size(), 1u);
}

TEST_F(RouterTest, PortsMayDieAndAppearDuringABroadcast) {
  Recorder a, b, c, late;
  Port pa = attach("IO.a", a);
  auto pb = std::make_unique<Port>(attach("AI.b", b));
  auto pc = std::make_unique<Port>(attach("AI.c", c));
  Port fresh;
  b.then = [&](const Message&) {
    pb.reset();
    pc.reset();
    pa = Port();
    fresh = attach("AI.late", late);
    return Result<void>();
  };
  ASSERT_TRUE(pa.send(to(Broadcast{})));
  EXPECT_EQ(b.heard.size(), 1u);
  EXPECT_TRUE(c.heard.empty());
  EXPECT_TRUE(late.heard.empty());
}

TEST_F(RouterTest, EndlessMutualAnswersAreCutOff) {
  Recorder a, b;
  Port pa = attach("IO.a", a), pb = attach("AI.b", b);
  a.then = [&](const Message&) { return pa.send(to(pb.id())); };
  b.then = [&](const Message&) { return pb.send(to(pa.id())); };
  auto sent = pa.send(to(pb.id()));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kExhausted);
  EXPECT_EQ(a.heard.size() + b.heard.size(), static_cast<std::size_t>(Router::nesting_max));
}

TEST_F(RouterTest, PostReportsAFailureToTheSendersInbox) {
  Recorder a;
  Port port = attach("IO.a", a);
  Message lost = to(name_of("AI.gone"));
  MessageId id = lost.id;
  port.post(std::move(lost));
  ASSERT_EQ(a.heard.size(), 1u);
  const Message& report = a.heard[0];
  EXPECT_EQ(report.kind, Kind::kSystem);
  EXPECT_EQ(report.action, "UNREACHABLE");
  EXPECT_EQ(report.in_reply_to, id);
  EXPECT_EQ(report.trace, "trace-1");
  EXPECT_EQ(report.src_name, name_of("RT.main"));
  EXPECT_EQ(get_string(report.meta, "original_dst"), "AI.gone@lab");
  EXPECT_EQ(get_string(report.meta, "reason"), "NODE_NOT_FOUND");
}

TEST_F(RouterTest, PostReportsAUsedUpTtlAndANoTarget) {
  Recorder a;
  Port port = attach("IO.a", a);
  Message old = to(Broadcast{});
  old.ttl = 0;
  port.post(std::move(old));
  port.post(to(Unresolved{}));
  ASSERT_EQ(a.heard.size(), 2u);
  EXPECT_EQ(a.heard[0].action, "TTL_EXCEEDED");
  EXPECT_EQ(a.heard[0].meta.at("original_dst"), "broadcast");
  EXPECT_EQ(a.heard[0].meta.at("last_hop"), "RT.main@lab");
  EXPECT_EQ(a.heard[1].meta.at("original_dst"), "null");
  EXPECT_EQ(a.heard[1].meta.at("reason"), "NO_TARGET");
}

TEST_F(RouterTest, AFailedSystemMessageIsAnsweredByNothing) {
  Recorder a;
  Port port = attach("IO.a", a);
  Message report = to(name_of("AI.gone"));
  report.kind = Kind::kSystem;
  port.post(std::move(report));
  EXPECT_TRUE(a.heard.empty());
}

TEST_F(RouterTest, SnapshotsListRoutesByNameThenArrival) {
  Recorder inbox;
  Port b1 = attach("AI.b", inbox), b2 = attach("AI.b", inbox), a = attach("AI.a", inbox);
  auto before = router->snapshot();
  ASSERT_EQ(before->routes.size(), 3u);
  EXPECT_EQ(before->routes[0].node, a.id());
  EXPECT_EQ(before->routes[1].node, b1.id());
  EXPECT_EQ(before->routes[2].node, b2.id());
  EXPECT_EQ(before->routes[2].why, "connected");
  EXPECT_EQ(router->snapshot(), before);
  b1 = Port();
  EXPECT_EQ(before->routes.size(), 3u);
  EXPECT_EQ(router->snapshot()->routes.size(), 2u);
  EXPECT_GT(router->snapshot()->version, before->version);
}

TEST_F(RouterTest, SnapshotsMayBeTakenFromAnotherThreadWhileRoutesChange) {
  Recorder inbox;
  Port keep = attach("AI.keep", inbox);
  std::atomic<bool> done = false;
  bool always_there = true;
  std::thread reader([&] {
    while (!done) always_there = always_there && !router->snapshot()->routes.empty();
  });
  for (int i = 0; i < 2000; ++i) {
    Port brief = attach("AI.brief", inbox);
    ASSERT_TRUE(keep.send(to(brief.id())));
  }
  done = true;
  reader.join();
  EXPECT_TRUE(always_there);
}

}  // namespace
}  // namespace skep::fabric
