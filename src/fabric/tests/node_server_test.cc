#include "skep/fabric/node_server.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core.h"
#include "support.h"

namespace skep::fabric {
namespace {

struct Recorder : Inbox {
  std::vector<Message> heard;
  Result<void> deliver(Message message) override {
    heard.push_back(std::move(message));
    return {};
  }
};

class NodeServerTest : public testing::Test {
 protected:
  void SetUp() override { open({}); }
  void TearDown() override {
    if (server) loop.run(server->close(Ctx().within(std::chrono::seconds(5))));
    server.reset();
  }
  void open(NodeServerConfig config) {
    if (server) TearDown();
    config.directory = dir.path();
    auto opened = NodeServer::open(loop, *router, config);
    ASSERT_TRUE(opened) << opened.error().message;
    server = std::move(*opened);
  }
  RawNode node(std::string_view name, std::string_view token = {}) {
    RawNode fresh(server->path());
    EXPECT_EQ(msg_of(fresh.hello(loop, name, token)), "ANNOUNCE");
    return fresh;
  }
  [[nodiscard]] std::uint64_t dropped(Drop drop) const {
    return router->stats().dropped[static_cast<std::size_t>(drop)];
  }
  // The words of a message are what came, in the order they came.
  static std::string content(const std::optional<json::value>& frame) {
    if (!frame) return "(nothing)";
    return std::string(get_string(*get_member(*frame, "payload"), "content"));
  }

  TempDir dir;
  Loop loop;
  std::unique_ptr<Router> router = std::move(*Router::open({.hive = "lab"}));
  std::unique_ptr<NodeServer> server;
};

TEST_F(NodeServerTest, AnswersHelloWithAnnounceOfTheFullName) {
  RawNode raw(server->path());
  const json::value announce = raw.hello(loop, "AI.support");
  EXPECT_EQ(msg_of(announce), "ANNOUNCE");
  const json::value& payload = *get_member(announce, "payload");
  EXPECT_EQ(get_string(payload, "uuid"), raw.id);
  EXPECT_EQ(get_string(payload, "name"), "AI.support@lab");
  EXPECT_EQ(get_string(payload, "status"), "registered");
  EXPECT_EQ(get_int(payload, "vpn_id"), 0);
  EXPECT_EQ(get_string(payload, "router_name"), "RT.main@lab");
  EXPECT_EQ(get_string(*get_member(announce, "routing"), "trace_id"), "hello");
  ASSERT_EQ(router->snapshot()->routes.size(), 1u);
  EXPECT_EQ(router->snapshot()->routes[0].why, "connected");
}

TEST_F(NodeServerTest, RefusesBadHandshakesWithTheirReasonAndRegistersNobody) {
  struct Case {
    const char* name;
    const char* reason;
  };
  for (const Case& one : {Case{"no type", "BAD_NAME"}, Case{"AI.x@other", "WRONG_HIVE"},
                          Case{"SY.timer", "NAME_NOT_ALLOWED"}, Case{"RT.b", "NAME_NOT_ALLOWED"}}) {
    SCOPED_TRACE(one.name);
    RawNode raw(server->path());
    const json::value answer = raw.hello(loop, one.name);
    EXPECT_EQ(msg_of(answer), "HELLO_REJECT");
    EXPECT_EQ(reason_of(answer), one.reason);
    EXPECT_TRUE(raw.ends(loop));
  }
  EXPECT_TRUE(router->snapshot()->routes.empty());
  EXPECT_EQ(server->stats().refused, 4u);
}

TEST_F(NodeServerTest, AFirstFrameThatIsNoHelloOrHasAForeignSourceEndsTheLink) {
  RawNode early(server->path());
  early.send(early.message_to("AI.x@lab", "hi"));
  EXPECT_EQ(reason_of(early.next(loop).value_or(nullptr)), "BAD_HELLO");
  EXPECT_TRUE(early.ends(loop));
  RawNode liar(server->path());
  const std::string true_id = liar.id;
  json::value frame{
      {"routing", {{"src", Uuid::random().str()}, {"dst", nullptr}, {"ttl", 1}, {"trace_id", "t"}}},
      {"meta", {{"type", "system"}, {"msg", "HELLO"}}},
      {"payload", {{"uuid", true_id}, {"name", "AI.x"}, {"version", "1.0"}}}};
  liar.send(to_json(frame));
  EXPECT_EQ(reason_of(liar.next(loop).value_or(nullptr)), "BAD_HELLO");
  EXPECT_TRUE(liar.ends(loop));
  EXPECT_TRUE(router->snapshot()->routes.empty());
}

TEST_F(NodeServerTest, WhoSaysNothingIsSentAwayInTime) {
  open({.handshake_timeout = std::chrono::milliseconds(50)});
  RawNode silent(server->path());
  EXPECT_EQ(reason_of(silent.next(loop).value_or(nullptr)), "BAD_HELLO");
  EXPECT_TRUE(silent.ends(loop));
}

TEST_F(NodeServerTest, DeliversBetweenNodesAndStampsTheSendersName) {
  RawNode a = node("IO.a"), b = node("AI.b");
  std::string claims = a.message_to("AI.b@lab", "hello");
  claims.replace(claims.find("\"dst\""), 0, R"("src_l2_name":"SY.admin@lab",)");
  a.send(claims);
  const auto got = b.next(loop);
  EXPECT_EQ(content(got), "hello");
  const json::value& routing = *get_member(*got, "routing");
  EXPECT_EQ(get_string(routing, "src_l2_name"), "IO.a@lab");
  EXPECT_EQ(get_string(routing, "src"), a.id);
  EXPECT_EQ(get_int(routing, "ttl"), 16);
  EXPECT_EQ(get_member(routing, "vpn"), nullptr);
}

TEST_F(NodeServerTest, DeliversBetweenSocketsAndInboxesOfThisProcess) {
  Recorder inbox;
  Port port =
      std::move(*router->attach(*Name::parse("AI.here", "lab"), NodeId{Uuid::random()}, inbox));
  RawNode a = node("IO.a");
  a.send(a.message_to("AI.here@lab", "in"));
  ASSERT_TRUE(run_until(loop, [&] { return !inbox.heard.empty(); }));
  EXPECT_EQ(text_of(inbox.heard[0].parts), "in");
  EXPECT_EQ(inbox.heard[0].src_name, *Name::parse("IO.a@lab"));
  Message back;
  back.id = MessageId(mint_ulid());
  back.dst = inbox.heard[0].src;
  back.kind = Kind::kReply;
  back.parts = {TextPart{"out"}};
  ASSERT_TRUE(port.send(std::move(back)));
  EXPECT_EQ(content(a.next(loop)), "out");
}

TEST_F(NodeServerTest, AnAcknowledgedMessageToAnInboxIsAnsweredAndTakenOnce) {
  Recorder inbox;
  Port port =
      std::move(*router->attach(*Name::parse("AI.here", "lab"), NodeId{Uuid::random()}, inbox));
  RawNode a = node("IO.a");
  std::string frame = a.message_to("AI.here@lab", "once", "ID1");
  frame.replace(frame.find("\"type\":\"user\""), 0, R"("ack":true,)");
  a.send(frame);
  a.send(frame);
  for (int i = 0; i < 2; ++i) {
    const auto ack = a.word(loop, "ACK");
    ASSERT_TRUE(ack);
    EXPECT_EQ(get_string(*get_member(*ack, "payload"), "id"), "ID1");
  }
  EXPECT_EQ(inbox.heard.size(), 1u);
}

TEST_F(NodeServerTest, AnUnknownNameIsAnsweredWithUnreachable) {
  RawNode a = node("IO.a");
  a.send(a.message_to("AI.gone@lab", "hello", "ID1"));
  const auto report = a.word(loop, "UNREACHABLE");
  ASSERT_TRUE(report);
  EXPECT_EQ(reason_of(*report), "NODE_NOT_FOUND");
  EXPECT_EQ(get_string(*get_member(*report, "payload"), "original_dst"), "AI.gone@lab");
  EXPECT_EQ(get_string(*get_member(*report, "routing"), "trace_id"), "trace");
}

TEST_F(NodeServerTest, AUsedUpTtlIsAnsweredWithTtlExceeded) {
  RawNode a = node("IO.a"), b = node("AI.b");
  a.send(a.message_to("AI.b@lab", "old", {}, 0));
  const auto report = a.word(loop, "TTL_EXCEEDED");
  ASSERT_TRUE(report);
  EXPECT_EQ(get_string(*get_member(*report, "payload"), "last_hop"), "RT.main@lab");
}

TEST_F(NodeServerTest, ANodeThatBreaksOffLeavesNoGhost) {
  RawNode a = node("IO.a");
  {
    RawNode b = node("AI.b");
    b.send_bytes(std::string("\0\0\1", 3));  // in the middle of a frame
  }
  ASSERT_TRUE(run_until(loop, [&] { return server->stats().registered == 1; }));
  a.send(a.message_to("AI.b@lab", "anyone?"));
  EXPECT_EQ(reason_of(*a.word(loop, "UNREACHABLE")), "NODE_NOT_FOUND");
}

TEST_F(NodeServerTest, WithdrawLeavesAtOnce) {
  RawNode a = node("AI.a");
  json::value frame{{"routing", {{"src", a.id}, {"dst", nullptr}, {"ttl", 1}, {"trace_id", "t"}}},
                    {"meta", {{"type", "system"}, {"msg", "WITHDRAW"}}},
                    {"payload", {{"uuid", a.id}}}};
  a.send(to_json(frame));
  EXPECT_TRUE(a.ends(loop));
  EXPECT_TRUE(router->snapshot()->routes.empty());
}

TEST_F(NodeServerTest, TheSameIdAgainEvictsTheFirstAndOnlyTheSecondIsReached) {
  RawNode sender = node("IO.a"), first = node("AI.b");
  RawNode second(server->path());
  second.id = first.id;
  EXPECT_EQ(msg_of(second.hello(loop, "AI.b")), "ANNOUNCE");
  EXPECT_TRUE(first.word(loop, "EVICTED"));
  EXPECT_TRUE(first.ends(loop));
  sender.send(sender.message_to(second.id, "to the second"));
  EXPECT_EQ(content(second.next(loop)), "to the second");
  EXPECT_EQ(server->stats().registered, 2u);
  EXPECT_EQ(server->stats().evicted, 1u);
}

TEST_F(NodeServerTest, NobodySpeaksAsAnother) {
  RawNode a = node("IO.a"), b = node("AI.b"), c = node("AI.c");
  std::string as_b = a.message_to("AI.c@lab", "I am b");
  as_b.replace(as_b.find(a.id), a.id.size(), b.id);
  a.send(as_b);
  a.send(a.message_to("AI.c@lab", "I am a"));
  EXPECT_EQ(content(c.next(loop)), "I am a");
  EXPECT_EQ(dropped(Drop::kSpoofed), 1u);
  EXPECT_EQ(server->stats().spoofed, 1u);
}

TEST_F(NodeServerTest, RouterWordsAndPrivilegedMessagesOfPlainNodesAreRefused) {
  RawNode a = node("IO.a"), b = node("AI.b");
  for (const char* meta :
       {R"({"type":"system","msg":"UNREACHABLE"})", R"({"type":"system","msg":"CONFIG_CHANGED"})",
        R"({"type":"system","msg":"OPA_RELOAD"})",
        R"({"type":"system","msg":"TIME_SYNC","scope":"global"})"}) {
    a.send(fmt::format(
        R"({{"routing":{{"src":"{}","dst":"AI.b@lab","ttl":16,"trace_id":"t"}},"meta":{},"payload":{{}}}})",
        a.id, meta));
  }
  a.send(a.message_to("AI.b@lab", "plain"));
  EXPECT_EQ(content(b.next(loop)), "plain");
  EXPECT_EQ(dropped(Drop::kNotAllowed), 4u);
}

TEST_F(NodeServerTest, ATokenAllowsTheNamesItWasIssuedForAndNoOthers) {
  const std::string token = *issue_token(dir.path(), {.pattern = "SY.timer*", .label = "timer"});
  node("SY.timer", token);
  RawNode other(server->path());
  EXPECT_EQ(reason_of(other.hello(loop, "SY.admin", token)), "NAME_NOT_ALLOWED");
  RawNode forged(server->path());
  EXPECT_EQ(reason_of(forged.hello(loop, "SY.timer", "0123456789")), "BAD_TOKEN");
  struct stat info{};
  ASSERT_EQ(::stat((dir.path() + "/tokens.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(NodeServerTest, MalformedFieldsAreCountedAndTheLinkLives) {
  RawNode a = node("IO.a"), b = node("AI.b");
  std::string bad_ttl = a.message_to("AI.b@lab", "x");
  bad_ttl.replace(bad_ttl.find("\"ttl\":16"), 8, "\"ttl\":256");
  a.send(bad_ttl);
  std::string no_dst = a.message_to("AI.b@lab", "x");
  no_dst.replace(no_dst.find(R"("dst":"AI.b@lab",)"), 17, "");
  a.send(no_dst);
  a.send(a.message_to("AI.b@lab", "good"));
  EXPECT_EQ(content(b.next(loop)), "good");
  EXPECT_EQ(dropped(Drop::kMalformed), 2u);
}

TEST_F(NodeServerTest, AnOversizeLengthOrBadUtf8EndsThatLinkAndNoOther) {
  RawNode a = node("IO.a"), b = node("AI.b"), c = node("AI.c");
  a.send_bytes(std::string("\0\2\0\1", 4));  // 131,073
  EXPECT_TRUE(a.ends(loop));
  std::string broken = b.message_to("AI.c@lab", "xxxx");
  broken.replace(broken.find("xxxx"), 4, "\xff\xfe\xff\xfe");
  b.send(broken);
  EXPECT_TRUE(b.ends(loop));
  RawNode d = node("IO.d");
  d.send(d.message_to("AI.c@lab", "still here"));
  EXPECT_EQ(content(c.next(loop)), "still here");
  EXPECT_EQ(server->stats().registered, 2u);
}

TEST_F(NodeServerTest, AFrameOfExactlyTheLargestSizeArrivesUnchanged) {
  RawNode a = node("IO.a"), b = node("AI.b");
  const std::size_t overhead = a.message_to("AI.b@lab", "").size();
  const std::string words(kFrameBytesMax - overhead, 'w');
  const std::string frame = a.message_to("AI.b@lab", words);
  ASSERT_EQ(frame.size(), kFrameBytesMax);
  a.send(frame);
  EXPECT_EQ(content(b.next(loop)), words);
}

TEST_F(NodeServerTest, FramesInPiecesArriveWhole) {
  RawNode a = node("IO.a"), b = node("AI.b");
  const std::string two =
      with_length(a.message_to("AI.b@lab", "one")) + with_length(a.message_to("AI.b@lab", "two"));
  for (char byte : two) {
    a.send_bytes({&byte, 1});
    loop.run(yield());
  }
  EXPECT_EQ(content(b.next(loop)), "one");
  EXPECT_EQ(content(b.next(loop)), "two");
}

TEST_F(NodeServerTest, ANodeThatNeverReadsIsRefusedVisiblyAndThenClosed) {
  open({.queue_messages_max = 16, .stuck_after = std::chrono::milliseconds(300)});
  RawNode a = node("IO.a"), lazy = node("AI.lazy"), b = node("AI.b");
  const std::string words(60'000, 'w');
  for (int i = 0; i < 64; ++i) {
    a.send(a.message_to("AI.lazy@lab", words));
    loop.run(yield());
  }
  const auto report = a.word(loop, "UNREACHABLE");
  ASSERT_TRUE(report);
  EXPECT_EQ(reason_of(*report), "BACKPRESSURE");
  a.send(a.message_to("AI.b@lab", "others go on"));
  EXPECT_EQ(content(b.next(loop)), "others go on");
  ASSERT_TRUE(run_until(loop, [&] { return server->stats().registered == 2; }));
  EXPECT_EQ(server->stats().stuck, 1u);
}

TEST_F(NodeServerTest, ASilentNodeIsPingedAndThenClosed) {
  open({.ping_after = std::chrono::milliseconds(200),
        .dead_after = std::chrono::milliseconds(2'500)});
  RawNode a = node("AI.a");
  EXPECT_TRUE(a.word(loop, "PING"));
  EXPECT_TRUE(a.ends(loop));
  EXPECT_TRUE(router->snapshot()->routes.empty());
}

TEST_F(NodeServerTest, APingIsAnswered) {
  RawNode a = node("AI.a");
  json::value frame{{"routing", {{"src", a.id}, {"dst", nullptr}, {"ttl", 1}, {"trace_id", "p"}}},
                    {"meta", {{"type", "system"}, {"msg", "PING"}}},
                    {"payload", json::object()}};
  a.send(to_json(frame));
  EXPECT_TRUE(a.word(loop, "PONG"));
}

TEST_F(NodeServerTest, ZonesKeepNodesApartAndAChangeTakesEffectWithoutReconnecting) {
  Core& core = router->core();
  core.set_rules(
      {.routes = {}, .zones = {{{"AI.*", Match::kPrefix}, 10}, {{"WF.*", Match::kPrefix}, 20}}});
  RawNode a = node("AI.a"), w = node("WF.w"), o = node("IO.o");
  a.send(a.message_to("WF.w@lab", "hello"));
  EXPECT_EQ(reason_of(*a.word(loop, "UNREACHABLE")), "VPN_BLOCKED");
  a.send(a.message_to(o.id, "by id"));
  EXPECT_EQ(reason_of(*a.word(loop, "UNREACHABLE")), "VPN_BLOCKED");
  a.send(a.message_to("broadcast", "everyone", "B1"));
  a.send(a.message_to("AI.none@lab", "so that what went before is done"));
  EXPECT_EQ(reason_of(*a.word(loop, "UNREACHABLE")), "NODE_NOT_FOUND");
  core.set_rules(
      {.routes = {}, .zones = {{{"AI.*", Match::kPrefix}, 20}, {{"WF.*", Match::kPrefix}, 20}}});
  a.send(a.message_to("WF.w@lab", "again"));
  EXPECT_EQ(content(w.next(loop)), "again");
  EXPECT_EQ(router->snapshot()->routes[0].zone, 20u);
}

TEST_F(NodeServerTest, ADropRouteSwallowsSilentlyAlsoByIdAndIsCounted) {
  router->core().set_rules(
      {.routes = {{.pattern = {"AI.b@lab", Match::kExact}, .action = StaticRoute::Action::kDrop}},
       .zones = {}});
  RawNode a = node("IO.a"), b = node("AI.b"), c = node("AI.c");
  a.send(a.message_to("AI.b@lab", "1"));
  a.send(a.message_to(b.id, "2"));
  a.send(a.message_to("AI.c@lab", "3"));
  EXPECT_EQ(content(c.next(loop)), "3");
  b.read();
  EXPECT_TRUE(b.frames.empty());
  a.read();
  EXPECT_TRUE(a.frames.empty());
  EXPECT_EQ(dropped(Drop::kRouteDrop), 2u);
}

TEST_F(NodeServerTest, ABroadcastReachesEachNodeOnceAndARepeatNobody) {
  RawNode a = node("IO.a"), b = node("AI.b"), c = node("AI.c");
  const std::string all = a.message_to("broadcast", "all", "B1", 1);
  a.send(all);
  a.send(all);
  a.send(a.message_to("broadcast", "end", "B2", 1));
  for (RawNode* one : {&b, &c}) {
    EXPECT_EQ(content(one->next(loop)), "all");
    EXPECT_EQ(content(one->next(loop)), "end");
  }
  a.read();
  EXPECT_TRUE(a.frames.empty());
  EXPECT_EQ(dropped(Drop::kDuplicate), 1u);
}

TEST_F(NodeServerTest, MessagesOfOneThreadGoToOneOfTheNodesWithThatName) {
  RawNode a = node("IO.a"), b1 = node("AI.b"), b2 = node("AI.b");
  std::size_t at_first = 0, at_second = 0;
  for (int thread = 0; thread < 32; ++thread) {
    for (int i = 0; i < 3; ++i) {
      std::string frame = a.message_to("AI.b@lab", fmt::format("{}", thread));
      frame.replace(frame.find("\"type\":\"user\""), 0,
                    fmt::format(R"("thread_id":"t{}",)", thread));
      a.send(frame);
    }
    ASSERT_TRUE(run_until(loop, [&] {
      b1.read();
      b2.read();
      return b1.frames.size() + b2.frames.size() == 3;
    }));
    EXPECT_TRUE(b1.frames.empty() || b2.frames.empty());
    at_first += b1.frames.size();
    at_second += b2.frames.size();
    b1.frames.clear();
    b2.frames.clear();
  }
  EXPECT_GT(at_first, 0u);
  EXPECT_GT(at_second, 0u);
}

TEST_F(NodeServerTest, TooManyNodesAreToldToComeBackLater) {
  open({.connections_max = 2});
  RawNode a = node("AI.a"), b = node("AI.b");
  RawNode third(server->path());
  const auto answer = third.next(loop);
  ASSERT_TRUE(answer);
  EXPECT_EQ(reason_of(*answer), "TOO_MANY_NODES");
  EXPECT_TRUE(get_int(*get_member(*answer, "payload"), "retry_after_ms"));
}

TEST_F(NodeServerTest, OneProcessIsARouterOfAName) {
  auto other = std::move(*Router::open({.hive = "lab"}));
  auto second = NodeServer::open(loop, *other, {.directory = dir.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  node("AI.a");  // and the first one still has its socket
}

TEST_F(NodeServerTest, GoingAwayIsSaidAndTheSocketIsRemoved) {
  RawNode a = node("AI.a");
  const std::string path = server->path();
  TearDown();
  a.read();
  ASSERT_EQ(a.frames.size(), 1u);
  EXPECT_EQ(msg_of(a.frames[0]), "GOODBYE");
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(router->snapshot()->routes.empty());
}

}  // namespace
}  // namespace skep::fabric
