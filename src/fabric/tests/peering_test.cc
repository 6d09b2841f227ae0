// Routers of one hive, each with its peering, on one loop.
#include "skep/fabric/peering.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "skep/async/wait.h"
#include "skep/base/json.h"

namespace skep::fabric {
namespace {

using namespace std::chrono_literals;

struct Recorder : Inbox {
  std::vector<Message> heard;
  Result<void> deliver(Message message) override {
    heard.push_back(std::move(message));
    return {};
  }
};

Name name_of(std::string_view text) { return *Name::parse(text, "lab"); }

Message to(Destination dst, std::uint8_t ttl = 16) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = "trace-1";
  message.dst = std::move(dst);
  message.ttl = ttl;
  message.parts = {TextPart{"hello"}};
  return message;
}

struct Site {
  std::unique_ptr<Router> router;
  std::unique_ptr<Peering> peering;
};

class PeeringTest : public testing::Test {
 protected:
  PeeringTest() {
    std::string pattern = "/tmp/skep-peering-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
  }
  ~PeeringTest() override {
    for (auto& [name, site] : sites) close(site);
    std::filesystem::remove_all(directory);
  }

  Site& open(const std::string& name, std::string hive = "lab") {
    Site& site = sites[name];
    site.router = std::move(*Router::open({.hive = std::move(hive), .name = name}));
    auto peering = Peering::open(loop, *site.router,
                                 {.directory = directory, .redial_min = 10ms, .redial_max = 100ms});
    EXPECT_TRUE(peering.has_value()) << peering.error().to_string();
    site.peering = std::move(*peering);
    return site;
  }
  void close(Site& site) {
    if (!site.peering) return;
    const Ctx ctx;
    loop.run(site.peering->close(ctx));
    site.peering.reset();
  }
  Port attach(Site& site, std::string_view name, Inbox& inbox) {
    auto port = site.router->attach(name_of(name), NodeId{Uuid::random()}, inbox);
    EXPECT_TRUE(port.has_value());
    return std::move(*port);
  }
  static Task<bool> become_true(const std::function<bool()>* condition) {
    const Ctx ctx;
    for (int i = 0; i < 20'000; ++i) {
      if ((*condition)()) co_return true;
      (void)co_await sleep_for(ctx, 1ms);
    }
    co_return false;
  }
  bool eventually(const std::function<bool()>& condition) {
    return loop.run(become_true(&condition));
  }
  void let_pass(std::chrono::milliseconds time) {
    const Ctx ctx;
    (void)loop.run(sleep_for(ctx, time));
  }
  bool meet(std::initializer_list<Site*> all) {
    return eventually([&] {
      return std::ranges::all_of(
          all, [&](Site* site) { return site->peering->peers().size() + 1 == all.size(); });
    });
  }

  Loop loop;
  std::string directory;
  std::map<std::string, Site> sites;
};

TEST_F(PeeringTest, FindEachOtherWhicheverStartsFirst) {
  Site& b = open("RT.b");
  Site& a = open("RT.a");
  Site& c = open("RT.c");
  ASSERT_TRUE(meet({&a, &b, &c}));
  EXPECT_EQ(a.peering->peers()[0].name, "RT.b@lab");
  EXPECT_EQ(c.peering->peers()[1].name, "RT.b@lab");
}

TEST_F(PeeringTest, NodesOfAPeerAreReachableByNameAndId) {
  Site& a = open("RT.a");
  Site& b = open("RT.b");
  Recorder sender, early, late;
  Port from = attach(a, "IO.x", sender);
  Port before = attach(b, "AI.early", early);
  ASSERT_TRUE(meet({&a, &b}));
  Port after = attach(b, "AI.late", late);
  ASSERT_TRUE(eventually([&] { return from.send(to(name_of("AI.late"))).has_value(); }));
  ASSERT_TRUE(from.send(to(before.id())));
  ASSERT_TRUE(eventually([&] { return late.heard.size() == 1 && early.heard.size() == 1; }));
  EXPECT_EQ(text_of(late.heard[0].parts), "hello");
  EXPECT_EQ(late.heard[0].src, from.id());
  EXPECT_EQ(late.heard[0].src_name, name_of("IO.x"));
  EXPECT_EQ(late.heard[0].ttl, 15);
  EXPECT_EQ(a.peering->peers()[0].nodes, 2u);
}

TEST_F(PeeringTest, ANodeThatHasJustConnectedMayWriteAtOnce) {
  Site& a = open("RT.a");
  Site& b = open("RT.b");
  Recorder sender, receiver;
  Port there = attach(b, "AI.b", receiver);
  ASSERT_TRUE(meet({&a, &b}));
  ASSERT_TRUE(eventually([&] { return a.peering->peers()[0].nodes == 1; }));
  for (std::size_t i = 1; i <= 50; ++i) {
    Port fresh = attach(a, "IO.fresh", sender);
    ASSERT_TRUE(fresh.send(to(name_of("AI.b"))));
    ASSERT_TRUE(eventually([&] { return receiver.heard.size() == i; })) << i;
  }
}

TEST_F(PeeringTest, ErrorsComeBackToANodeThatHasJustConnected) {
  Site& a = open("RT.a");
  Site& b = open("RT.b");
  Recorder sender, receiver;
  auto there = std::make_unique<Port>(attach(b, "AI.b", receiver));
  const NodeId gone = there->id();
  ASSERT_TRUE(meet({&a, &b}));
  ASSERT_TRUE(eventually([&] { return a.peering->peers()[0].nodes == 1; }));
  there.reset();  // a does not know yet
  Port fresh = attach(a, "IO.fresh", sender);
  ASSERT_TRUE(fresh.send(to(gone)));
  ASSERT_TRUE(eventually([&] { return sender.heard.size() == 1; }));
  const Message& error = sender.heard[0];
  EXPECT_EQ(error.action, "UNREACHABLE");
  EXPECT_EQ(error.trace, "trace-1");
  EXPECT_EQ(error.src_name, name_of("RT.b"));
  EXPECT_NE(error.payload.find("NODE_NOT_FOUND"), std::string::npos) << error.payload;
}

TEST_F(PeeringTest, BroadcastsReachEveryNodeOnceWithThreeRouters) {
  Site& a = open("RT.a");
  Site& b = open("RT.b");
  Site& c = open("RT.c");
  ASSERT_TRUE(meet({&a, &b, &c}));
  Recorder sender, near, at_b, at_c;
  Port from = attach(a, "IO.x", sender);
  Port p1 = attach(a, "AI.near", near), p2 = attach(b, "AI.b", at_b), p3 = attach(c, "AI.c", at_c);
  for (const std::uint8_t ttl : {1, 2, 3}) ASSERT_TRUE(from.send(to(Broadcast{}, ttl)));
  ASSERT_TRUE(eventually([&] { return at_b.heard.size() >= 2 && at_c.heard.size() >= 2; }));
  let_pass(50ms);
  EXPECT_EQ(near.heard.size(), 3u);
  EXPECT_EQ(at_b.heard.size(), 2u);  // ttl 1 stays at its router
  EXPECT_EQ(at_c.heard.size(), 2u);
  EXPECT_TRUE(sender.heard.empty());
}

TEST_F(PeeringTest, ALostPeerTakesItsNodesAndComesBackWithThem) {
  Site& a = open("RT.a");
  Recorder sender, receiver;
  Port from = attach(a, "IO.x", sender);
  {
    Site& b = open("RT.b");
    Port there = attach(b, "AI.b", receiver);
    ASSERT_TRUE(eventually([&] { return from.send(to(name_of("AI.b"))).has_value(); }));
    close(b);
    ASSERT_TRUE(eventually([&] { return !from.send(to(name_of("AI.b"))).has_value(); }));
    EXPECT_TRUE(a.peering->peers().empty());
  }
  sites.erase("RT.b");
  Site& again = open("RT.b");
  Port there = attach(again, "AI.b", receiver);
  ASSERT_TRUE(meet({&a, &again}));
  EXPECT_TRUE(eventually([&] { return from.send(to(name_of("AI.b"))).has_value(); }));
}

TEST_F(PeeringTest, ANodeThatMovedToAnotherRouterIsFoundThere) {
  Site& a = open("RT.a");
  Site& b = open("RT.b");
  Site& c = open("RT.c");
  ASSERT_TRUE(meet({&a, &b, &c}));
  Recorder sender, receiver;
  Port from = attach(a, "IO.x", sender);
  const NodeId id{Uuid::random()};
  for (int round = 0; round < 6; ++round) {
    Site& place = round % 2 == 0 ? b : c;
    auto port = place.router->attach(name_of("AI.m"), id, receiver);
    ASSERT_TRUE(port);
    const std::size_t before = receiver.heard.size();
    ASSERT_TRUE(eventually([&] {
      (void)from.send(to(id));
      return receiver.heard.size() > before;
    })) << round;
    let_pass(5ms);  // the old place's farewell and the new one's greeting cross on their way
  }
}

TEST_F(PeeringTest, ThousandsOfNodesAreToldInPieces) {
  Site& a = open("RT.a");
  Recorder inbox;
  std::vector<Port> ports;
  for (int i = 0; i < 5'000; ++i) ports.push_back(attach(a, fmt::format("AI.n{}", i), inbox));
  Site& b = open("RT.b");
  ASSERT_TRUE(meet({&a, &b}));
  EXPECT_TRUE(eventually([&] { return b.peering->peers()[0].nodes == 5'000; }));
  ports.clear();
  EXPECT_TRUE(eventually([&] { return b.peering->peers()[0].nodes == 0; }));
}

TEST_F(PeeringTest, TwoRoutersOfOneNameAreRefused) {
  Site& a = open("RT.a");
  auto router = std::move(*Router::open({.hive = "lab", .name = "RT.a"}));
  auto second = Peering::open(loop, *router, {.directory = directory});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_TRUE(a.peering->peers().empty());
}

TEST_F(PeeringTest, ADeadRoutersSocketIsReplaced) {
  std::ofstream(directory + "/peer-RT.a.sock") << "no socket";
  Site& a = open("RT.a");
  Site& b = open("RT.b");
  EXPECT_TRUE(meet({&a, &b}));
}

TEST_F(PeeringTest, ARouterOfAnotherHiveIsNoPeer) {
  Site& a = open("RT.a");
  Site& b = open("RT.b", "elsewhere");
  let_pass(100ms);
  EXPECT_TRUE(a.peering->peers().empty());
  EXPECT_TRUE(b.peering->peers().empty());
}

// Whoever dials a router's door and talks nonsense is shown out; the others do not notice.
TEST_F(PeeringTest, NonsenseEndsALinkAndNothingElse) {
  Site& a = open("RT.a");
  Site& b = open("RT.b");
  ASSERT_TRUE(meet({&a, &b}));
  const std::string bad[] = {std::string("\0\0\0\0", 4), std::string("\xff\xff\xff\xff", 4),
                             std::string("\0\0\0\2{}", 6), std::string("GET / HTTP/1.1\r\n\r\n")};
  for (const std::string& bytes : bad) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(address.sun_path, (directory + "/peer-RT.a.sock").c_str(),
                 sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    ASSERT_TRUE(eventually([&] {
      char byte[4'096];
      const ssize_t got = ::recv(fd, byte, sizeof byte, MSG_DONTWAIT);
      return got == 0 || (got < 0 && errno != EAGAIN);
    }));
    ::close(fd);
  }
  EXPECT_EQ(a.peering->peers().size(), 1u);
}

}  // namespace
}  // namespace skep::fabric
