#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "skep/async/wait.h"
#include "skep/fabric/publish.h"
#include "skep/fabric/view.h"

namespace skep::fabric {
namespace {

using namespace std::chrono_literals;

struct Sink : Inbox {
  Result<void> deliver(Message) override { return {}; }
};

class PublisherTest : public testing::Test {
 protected:
  PublisherTest() {
    std::string pattern = "/tmp/skep-publish-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
  }
  ~PublisherTest() override {
    std::filesystem::remove_all(region_directory(directory));
    std::filesystem::remove_all(directory);
  }
  std::unique_ptr<Publisher> publish(PublisherSources sources = {}) {
    auto publisher = Publisher::open(loop, *router, {.directory = directory, .counters_each = 5ms},
                                     std::move(sources));
    EXPECT_TRUE(publisher.has_value()) << publisher.error().to_string();
    return std::move(*publisher);
  }
  void close(std::unique_ptr<Publisher> publisher) {
    const Ctx ctx;
    loop.run(publisher->close(ctx));
  }
  Port attach(std::string_view name) {
    return std::move(*router->attach(*Name::parse(name, "lab"), NodeId{Uuid::random()}, sink));
  }
  // Lets the loop run until the view is as wanted.
  bool shows(const std::function<bool(const View&)>& wanted) {
    const Ctx ctx;
    for (int i = 0; i < 10'000; ++i) {
      if (wanted(read_view(directory))) return true;
      (void)loop.run(sleep_for(ctx, 1ms));
    }
    return false;
  }

  std::string directory;
  Loop loop;
  Sink sink;
  std::unique_ptr<Router> router = std::move(*Router::open({.hive = "lab"}));
};

std::size_t node_count(const View& view) {
  return view.routers.empty() ? 0 : view.routers[0].region.nodes.size();
}

TEST_F(PublisherTest, ShowsNodesAsTheyComeAndGo) {
  auto publisher = publish();
  {
    Port one = attach("AI.one");
    Port two = attach("SY.two");
    ASSERT_TRUE(shows([](const View& view) { return node_count(view) == 2; }));
    const json::object nodes = nodes_of(read_view(directory));
    const json::value& first = nodes.at("nodes").as_array()[0];
    EXPECT_EQ(get_string(first, "name"), "AI.one@lab");
    EXPECT_EQ(get_string(first, "uuid"), one.id().uuid.str());
    EXPECT_EQ(get_string(first, "router"), "RT.main@lab");
    EXPECT_EQ(get_int(first, "zone"), 0);
    EXPECT_TRUE(nodes.at("nodes").as_array()[1].at("zone").is_null());
  }
  EXPECT_TRUE(shows([](const View& view) { return node_count(view) == 0; }));
  close(std::move(publisher));
  EXPECT_TRUE(read_view(directory).routers.empty());
  EXPECT_FALSE(std::filesystem::exists(region_directory(directory)));
}

TEST_F(PublisherTest, CountersAndRulesShow) {
  Port port = attach("AI.one");
  auto publisher = publish({.counters = [](auto& all) { all.emplace_back("link.frames_in", 7); },
                            .rules = true,
                            .config =
                                [](ConfigRegion& region) {
                                  region.routes_version = 3;
                                  region.rules.zones = {{{"AI.*", Match::kGlob}, 20, 1}};
                                  region.rules.routes = {
                                      {{"AI.x@lab", Match::kExact}, StaticRoute::Action::kDrop}};
                                }});
  Message message;
  message.id = MessageId(mint_ulid());
  message.dst = *Name::parse("AI.nobody@lab");
  EXPECT_FALSE(port.send(std::move(message)));
  ASSERT_TRUE(shows([](const View& view) {
    const std::string metrics = metrics_of(view);
    return metrics.contains(
        "skep_fabric_dropped_total{router=\"RT.main@lab\",reason=\"NODE_NOT_FOUND\"} 1\n");
  }));
  const View view = read_view(directory);
  EXPECT_TRUE(metrics_of(view).contains("name=\"link.frames_in\"} 7\n"));
  EXPECT_EQ(get_string(zones_of(view).at("vpns").as_array()[0], "pattern"), "AI.*");
  const json::object routes = routes_of(view);
  EXPECT_EQ(get_string(routes.at("routes").as_array()[0], "action"), "drop");
  EXPECT_EQ(get_string(routes.at("routes").as_array()[1], "why"), "connected");
  close(std::move(publisher));
}

// Scenario: kill -9 of a router. Nothing of it is believed, and its successor starts clean.
TEST_F(PublisherTest, ADeadRoutersNodesAreNowhere) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Loop own;
    auto other = std::move(*Router::open({.hive = "lab"}));
    Port port =
        std::move(*other->attach(*Name::parse("AI.ghost@lab"), NodeId{Uuid::random()}, sink));
    auto publisher = Publisher::open(own, *other, {.directory = directory}, {});
    if (!publisher || ::write(ready[1], "r", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const View alive = read_view(directory);
  EXPECT_EQ(node_count(alive), 1u);
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  const View dead = read_view(directory);
  EXPECT_TRUE(dead.routers.empty());
  EXPECT_EQ(dead.dead, std::vector<std::string>{"RT.main"});
  auto publisher = publish();
  const View fresh = read_view(directory);
  ASSERT_EQ(fresh.routers.size(), 1u);
  EXPECT_EQ(node_count(fresh), 0u);
  EXPECT_GT(fresh.routers[0].info.generation, alive.routers.at(0).info.generation);
  close(std::move(publisher));
}

TEST_F(PublisherTest, ForeignFilesAreNamedAndHarmless) {
  auto publisher = publish();
  std::ofstream(region_directory(directory) + "/nodes-RT.evil") << "no region";
  std::ofstream(region_directory(directory) + "/lsa") << "";
  const View view = read_view(directory);
  EXPECT_EQ(view.routers.size(), 1u);
  EXPECT_EQ(view.problems.size(), 2u);
  close(std::move(publisher));
}

}  // namespace
}  // namespace skep::fabric
