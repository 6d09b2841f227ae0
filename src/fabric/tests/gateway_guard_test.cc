// Hives that should not get in, fall silent, or lie.
#include "hive_support.h"
#include "lsa.h"
#include "skep/base/json.h"
#include "skep/net/stream.h"
#include "wan_frames.h"

namespace skep::fabric {
namespace {

using namespace std::chrono_literals;

TEST_F(HivesTest, AnEmptyListAllowsNobodyAndTheDiallerHearsIt) {
  GatewayConfig a = config("a", {}), b = config("b", {"a"});
  trust_each_other("a", "b");
  Hive& strict = open("a", std::move(a));
  b.uplinks = {address(strict)};
  Hive& caller = open("b", std::move(b));
  ASSERT_TRUE(until([&] {
    return caller.status("a").state.starts_with("rejected: NOT_AUTHORIZED");
  })) << caller.status("a").state;
  ASSERT_TRUE(until([&] { return strict.gateway->stats().refused >= 3; })) << "it tries again";
  EXPECT_EQ(strict.gateway->stats().sessions, 0u);
  EXPECT_TRUE(strict.gateway->stats().last_refusal.contains("NOT_AUTHORIZED"));
}

TEST_F(HivesTest, ADiallerAlsoRefusesWhomItDidNotAuthorize) {
  GatewayConfig a = config("a", {"b"}), b = config("b", {});
  trust_each_other("a", "b");
  Hive& listening = open("a", std::move(a));
  b.uplinks = {address(listening)};
  Hive& caller = open("b", std::move(b));
  ASSERT_TRUE(until([&] { return caller.status("a").state.contains("NOT_AUTHORIZED"); }));
  EXPECT_EQ(listening.gateway->stats().sessions, 0u);
}

TEST_F(HivesTest, AHiveWithoutACertificateOnFileDoesNotConnect) {
  GatewayConfig a = config("a", {"b"}), b = config("b", {"a"});
  files_.trust("b", "a");
  Hive& listening = open("a", std::move(a));
  b.uplinks = {address(listening)};
  Hive& caller = open("b", std::move(b));
  ASSERT_TRUE(until([&] { return listening.gateway->stats().refused > 0; }));
  EXPECT_TRUE(
      listening.gateway->stats().last_refusal.contains("no certificate of hive \"b\" is kept here"))
      << listening.gateway->stats().last_refusal;
  files_.trust("a", "b");
  EXPECT_TRUE(until([&] { return caller.up("a"); })) << "trust needs no restart";
}

TEST_F(HivesTest, AnotherKeyOfTheSameHiveIsRefused) {
  GatewayConfig a = config("a", {"b"}), b = config("b", {"a"});
  trust_each_other("a", "b");
  ASSERT_TRUE(make_hive_key(files_.of("b", "false.key"), files_.of("b", "false.crt"), "b"));
  b.key = files_.of("b", "false.key");
  b.certificate = files_.of("b", "false.crt");
  Hive& listening = open("a", std::move(a));
  b.uplinks = {address(listening)};
  open("b", std::move(b));
  ASSERT_TRUE(until([&] { return listening.gateway->stats().refused > 0; }));
  EXPECT_TRUE(listening.gateway->stats().last_refusal.contains("refused against"));
  EXPECT_EQ(listening.gateway->stats().sessions, 0u);
}

TEST_F(HivesTest, AnExpiredCertificateIsRefused) {
  files_.make("b", -1);
  GatewayConfig a = config("a", {"b"}), b = config("b", {"a"});
  trust_each_other("a", "b");
  Hive& listening = open("a", std::move(a));
  b.uplinks = {address(listening)};
  open("b", std::move(b));
  ASSERT_TRUE(until([&] { return listening.gateway->stats().refused > 0; }));
  EXPECT_TRUE(listening.gateway->stats().last_refusal.contains("expired"));
}

TEST_F(HivesTest, OpeningNeedsACertificateOfOurOwnHive) {
  GatewayConfig wrong = config("b", {});
  const auto router = *Router::open({.hive = "a"});
  auto opened = loop_.run(Gateway::open(loop_, *router, std::move(wrong)));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kInvalid);
  GatewayConfig none = config("a", {});
  none.certificate = files_.of("a", "nothing.crt");
  opened = loop_.run(Gateway::open(loop_, *router, std::move(none)));
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().message.contains("skep hive keygen"));
}

TEST_F(HivesTest, ARestartedGatewayIsTakenAtOnce) {
  auto [a, b] = two();
  b->node("AI.bot");
  ASSERT_TRUE(until([&] { return a->sees("b") == 1; }));
  close(*b);
  ASSERT_TRUE(until([&] { return a->status("b").hive.empty(); }));
  GatewayConfig again = config("b", {"a"});
  again.uplinks = {address(*a)};
  Hive& back = open("b", std::move(again));
  back.node("AI.bot");
  EXPECT_TRUE(until([&] { return a->sees("b") == 1; }));
}

TEST_F(HivesTest, HivesThatDialEachOtherKeepOneSession) {
  GatewayConfig a = config("a", {"b"}), b = config("b", {"a"});
  trust_each_other("a", "b");
  auto free_port = loop_.run(net::listen_tcp("127.0.0.1", 0));
  const std::uint16_t port = (*free_port)->port();
  free_port->reset();
  b.listen = fmt::format("127.0.0.1:{}", port);
  a.uplinks = {b.listen};
  Hive& one = open("a", std::move(a));
  b.uplinks = {address(one)};
  Hive& two_ = open("b", std::move(b));
  ASSERT_TRUE(until([&] { return one.up("b") && two_.up("a"); }));
  pass(1'500ms);
  EXPECT_TRUE(one.up("b") && two_.up("a"));
  EXPECT_LE(one.gateway->stats().sessions, 2u) << "no flapping";
}

// A gateway with the right certificate and bad intentions.
class EvilGateway {
 public:
  EvilGateway(const HiveFiles& files, std::string id, std::string address)
      : files_(files), id_(std::move(id)), address_(std::move(address)) {}

  Task<void> connect() {
    const Ctx limit = Ctx{}.within(20s);
    const auto port =
        static_cast<std::uint16_t>(std::stoi(address_.substr(address_.find(':') + 1)));
    auto plain = co_await net::connect_tcp(limit, "127.0.0.1", port);
    net::TlsMutualConfig tls{.certificate_file = files_.of(id_, "hive.crt"),
                             .key_file = files_.of(id_, "hive.key"),
                             .judge = [](std::span<const std::string>) { return Result<void>(); }};
    auto stream = co_await net::start_tls_mutual(limit, *std::move(plain), std::move(tls),
                                                 net::TlsRole::kClient);
    stream_ = *std::move(stream);
    ends_ = {.from = NodeId{Uuid::random()}, .from_name = "RT.evil@" + id_};
    WanHello hello{.hive = claims.empty() ? id_ : claims,
                   .router = ends_.from,
                   .router_name = "RT.evil@" + (claims.empty() ? id_ : claims),
                   .epoch = 1,
                   .hello_ms = 100,
                   .dead_ms = 60'000};
    co_await control("WAN_HELLO", write_hello(hello));
    co_await control("WAN_ACCEPT", "{}");
  }
  Task<void> control(std::string_view msg, std::string payload) {
    const std::string frame = control_frame(ends_, msg, payload);
    std::ignore = co_await stream_->write(Ctx{}.within(20s), net::as_bytes(frame));
  }
  Task<void> advertise(Lsa lsa) { co_await control("LSA", write_lsa(lsa)); }
  Task<void> raw(std::string bytes) {
    std::ignore = co_await stream_->write(Ctx{}.within(20s), net::as_bytes(bytes));
  }
  Task<void> message(NodeId src, std::string src_name, std::string dst) {
    const std::string body = fmt::format(
        R"({{"routing":{{"src":"{}","src_l2_name":"{}","dst":"{}","ttl":9,"trace_id":"t"}},)"
        R"("meta":{{"type":"user"}},"payload":{{"type":"text","content":"boo","attachments":[]}}}})",
        src.uuid.str(), src_name, dst);
    std::string frame(4, '\0');
    for (std::size_t i = 0; i < 4; ++i) frame[i] = static_cast<char>(body.size() >> (8 * (3 - i)));
    co_await raw(frame + body);
  }
  // True once the other side has closed.
  Task<bool> read_to_end() {
    std::vector<std::byte> buffer(1u << 16);
    for (;;) {
      const auto got = co_await stream_->read_some(Ctx{}.within(20s), buffer);
      if (got) heard.append(reinterpret_cast<const char*>(buffer.data()), *got);
      if (!got || *got == 0) co_return !got ? got.error().code != Code::kTimeout : true;
    }
  }
  std::string claims;  // another hive than the certificate's
  std::string heard;
  WanEnds ends_;
  std::unique_ptr<net::Stream> stream_;

 private:
  const HiveFiles& files_;
  std::string id_, address_;
};

class EvilTest : public HivesTest {
 protected:
  EvilTest() {
    std::ignore = config("evil", {});
    GatewayConfig a = config("a", {"evil"});
    trust_each_other("a", "evil");
    a_ = &open("a", std::move(a));
    evil_ = std::make_unique<EvilGateway>(files_, "evil", address(*a_));
  }
  std::uint64_t dropped(Drop drop) const {
    return a_->router->stats().dropped.at(static_cast<std::size_t>(drop));
  }
  std::uint64_t rejected(const std::string& why) const {
    const auto reasons = a_->status("evil").reject_reasons;
    return reasons.contains(why) ? reasons.at(why) : 0;
  }
  static LsaNode node(const std::string& name) { return {NodeId{Uuid::random()}, name, 0}; }
  Hive* a_;
  std::unique_ptr<EvilGateway> evil_;
};

TEST_F(EvilTest, MaySpeakOnlyForItself) {
  Attached& ann = a_->node("IO.ann");
  loop_.run(evil_->connect());
  const LsaNode own = node("AI.own@evil");
  Lsa full{.kind = Lsa::Kind::kFull, .hive = "evil", .epoch = 1, .seq = 1, .path = {"evil"}};
  full.up = {own, node("AI.ann@a"), node("AI.bank@bank")};
  full.up.push_back({ann.port.id(), "AI.twin@evil", 0});
  full.routes = {{{"AI.*", Match::kPrefix}, 0, true}, {{"IO.ann@a", Match::kExact}, 0}};
  loop_.run(evil_->advertise(full));
  ASSERT_TRUE(until([&] { return rejected("foreign_name") == 2; }));
  EXPECT_EQ(rejected("drop_route"), 1u);
  EXPECT_EQ(rejected("own_route"), 1u);
  EXPECT_EQ(rejected("taken"), 1u);
  EXPECT_EQ(a_->status("evil").rejected, 5u);
  Attached& bob = a_->node("IO.bob");
  EXPECT_TRUE(bob.port.send(say("hi", *Name::parse("IO.ann@a"))));
  EXPECT_EQ(ann.inbox.messages.size(), 1u);

  loop_.run(evil_->message(bob.port.id(), "IO.bob@a", "IO.ann@a"));
  loop_.run(evil_->message(NodeId{Uuid::random()}, "AI.x@evil", "IO.ann@a"));
  ASSERT_TRUE(until([&] { return dropped(Drop::kForeign) == 2; }));
  EXPECT_EQ(ann.inbox.messages.size(), 1u);
  loop_.run(evil_->message(own.id, "SY.admin@a", "IO.ann@a"));
  ASSERT_TRUE(until([&] { return ann.inbox.messages.size() == 2; }));
  EXPECT_EQ(ann.inbox.last()->src_name->str(), "AI.own@evil")
      << "the name is stamped, not believed";
}

TEST_F(EvilTest, MayNotAdvertiseOurHiveOrBreakThePath) {
  loop_.run(evil_->connect());
  const auto say_path = [&](std::string hive, std::vector<std::string> path) {
    Lsa lsa{.kind = Lsa::Kind::kFull,
            .hive = std::move(hive),
            .epoch = 1,
            .seq = 1,
            .path = std::move(path)};
    loop_.run(evil_->advertise(lsa));
  };
  say_path("a", {"a", "evil"});
  say_path("c", {"c"});
  say_path("c", {"c", "a", "evil"});
  loop_.run(evil_->control("LSA", R"({"nonsense":1})"));
  ASSERT_TRUE(until([&] { return a_->status("evil").rejected == 4; }));
  EXPECT_EQ(rejected("own_hive"), 1u);
  EXPECT_EQ(rejected("hive_mismatch"), 1u);
  EXPECT_EQ(rejected("loop"), 1u);
  EXPECT_EQ(rejected("parse_error"), 1u);
  EXPECT_TRUE(a_->up("evil")) << "the session goes on";
}

TEST_F(EvilTest, MayNotClaimAnotherHiveThanItsCertificates) {
  evil_->claims = "good";
  loop_.run(evil_->connect());
  EXPECT_TRUE(loop_.run(evil_->read_to_end()));
  EXPECT_TRUE(evil_->heard.contains("WAN_REJECT"));
  EXPECT_TRUE(evil_->heard.contains("HIVE_MISMATCH"));
  EXPECT_EQ(a_->gateway->stats().sessions, 0u);
}

TEST_F(EvilTest, ThatFallsSilentIsForgottenAndMayComeBack) {
  Attached& ann = a_->node("IO.ann");
  loop_.run(evil_->connect());
  Lsa full{.kind = Lsa::Kind::kFull, .hive = "evil", .epoch = 1, .seq = 1, .path = {"evil"}};
  full.up = {node("AI.own@evil")};
  loop_.run(evil_->advertise(full));
  ASSERT_TRUE(until([&] { return a_->sees("evil") == 1; }));
  EXPECT_TRUE(ann.port.send(say("there?", *Name::parse("AI.own@evil"))));
  ASSERT_TRUE(until([&] { return a_->status("evil").hive.empty(); })) << "after the dead interval";
  EXPECT_FALSE(ann.port.send(say("there?", *Name::parse("AI.own@evil"))));
  EXPECT_TRUE(loop_.run(evil_->read_to_end())) << "and its connection is closed";
  EvilGateway again(files_, "evil", address(*a_));
  loop_.run(again.connect());
  loop_.run(again.advertise(full));
  EXPECT_TRUE(until([&] { return a_->sees("evil") == 1; }));
}

TEST_F(EvilTest, BadFramesEndTheSessionAndNothingElse) {
  for (const std::string& bytes : {std::string("\xff\xff\xff\xff", 4), std::string("\0\0\0\0", 4),
                                   std::string("\0\0\0\x05hello", 9)}) {
    EvilGateway one(files_, "evil", address(*a_));
    loop_.run(one.connect());
    ASSERT_TRUE(until([&] { return a_->up("evil"); }));
    loop_.run(one.raw(bytes));
    EXPECT_TRUE(loop_.run(one.read_to_end()));
    ASSERT_TRUE(until([&] { return a_->status("evil").hive.empty(); }));
  }
}

TEST_F(EvilTest, ThatNeverReadsFillsOnlyItsOwnQueue) {
  close(*a_);
  GatewayConfig small = config("a", {"evil"});
  small.queue_messages_max = 50;
  small.queue_bytes_max = 1u << 20;
  small.dead_interval = 20s;
  Hive& a = open("a", std::move(small));
  Attached& ann = a.node("IO.ann");
  Attached& bob = a.node("IO.bob");
  EvilGateway one(files_, "evil", address(a));
  loop_.run(one.connect());
  Lsa full{.kind = Lsa::Kind::kFull, .hive = "evil", .epoch = 1, .seq = 1, .path = {"evil"}};
  full.up = {node("AI.own@evil")};
  loop_.run(one.advertise(full));
  ASSERT_TRUE(until([&] { return a.sees("evil") == 1; }));
  const std::string big(60'000, 'x');
  Result<void> sent;
  for (int i = 0; i < 5'000 && sent; ++i) {
    sent = ann.port.send(say(big, *Name::parse("AI.own@evil")));
    if (i % 40 == 39) pass(1ms);
  }
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kExhausted);
  EXPECT_GE(a.router->stats().dropped.at(static_cast<std::size_t>(Drop::kBackpressure)), 1u);
  EXPECT_TRUE(bob.port.send(say("hi", *Name::parse("IO.ann@a")))) << "others are not held up";
}

}  // namespace
}  // namespace skep::fabric
