// Ten thousand connections to one router.
#include <sys/resource.h>

#include "core.h"
#include "support.h"

namespace skep::fabric {
namespace {

// Both ends are in this process. A machine that allows fewer descriptors gets as many as it allows.
std::size_t connections_possible() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return std::min<std::size_t>(10'000, (limit.rlim_cur - 100) / 2);
}

TEST(ManyNodes, TenThousandRegisterAreReachedAndLeaveNothingBehind) {
  TempDir dir;
  Loop loop;
  auto router = std::move(*Router::open({.hive = "lab"}));
  auto server = std::move(*NodeServer::open(loop, *router, {.directory = dir.path()}));
  const std::size_t count = connections_possible();
  ASSERT_GT(count, 100u);
  std::vector<RawNode> nodes;
  nodes.reserve(count);
  while (nodes.size() < count) {
    for (int i = 0; i < 64 && nodes.size() < count; ++i) {  // what the listen queue holds
      nodes.emplace_back(server->path());
      ASSERT_FALSE(nodes.back().closed);
      nodes.back().say_hello(fmt::format("AI.n{}", nodes.size()));
    }
    const auto all = [&] { return server->stats().registered == nodes.size(); };
    ASSERT_TRUE(run_until(loop, all));
  }
  EXPECT_EQ(server->stats().registered, count);
  RawNode& first = nodes.front();
  RawNode& last = nodes.back();
  first.send(first.message_to(fmt::format("AI.n{}@lab", count), "to the last"));
  const auto got = [&] {
    while (auto frame = last.next(loop)) {
      if (msg_of(*frame).empty()) return std::string(get_string((*frame).at("payload"), "content"));
    }
    return std::string();
  };
  EXPECT_EQ(got(), "to the last");
  first.send(first.message_to("broadcast", "everybody", "B1", 1));
  EXPECT_EQ(got(), "everybody");
  EXPECT_GE(router->stats().delivered, count);
  nodes.clear();
  ASSERT_TRUE(run_until(loop, [&] { return server->stats().connections == 0; }));
  EXPECT_TRUE(router->snapshot()->routes.empty());
  loop.run(server->close(Ctx().within(std::chrono::seconds(5))));
}

}  // namespace
}  // namespace skep::fabric
