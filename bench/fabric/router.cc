// The router of the fabric's benchmark: one process, a node socket, as many idle nodes in the
// process as wanted. `router DIRECTORY IDLE_NODES [NAME]` prints the socket's path, ends with its
// input; with a NAME ("RT.two") it joins the other routers of the directory.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "skep/async/wait.h"
#include "skep/fabric/node_server.h"
#include "skep/fabric/peering.h"

namespace skep::fabric {
namespace {

struct Idle : Inbox {
  Result<void> deliver(Message) override { return {}; }
};

int run(const std::string& directory, int idle_nodes, const std::string& router_name) {
  Loop loop;
  RouterConfig config{.hive = "bench"};
  if (!router_name.empty()) config.name = router_name;
  auto router = Router::open(std::move(config));
  if (!router) return 1;
  Idle idle;
  std::vector<Port> ports;
  for (int i = 0; i < idle_nodes; ++i) {
    auto name = Name::parse(fmt::format("AI.idle.n{}", i), "bench");
    auto port = (*router)->attach(*name, NodeId{Uuid::random()}, idle);
    if (!port) return 1;
    ports.push_back(std::move(*port));
  }
  auto server = NodeServer::open(loop, **router, {.directory = directory});
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::unique_ptr<Peering> peering;
  if (!router_name.empty()) {
    auto joined = Peering::open(loop, **router, {.directory = directory});
    if (!joined) return 1;
    peering = std::move(*joined);
  }
  std::printf("%s\n", (*server)->path().c_str());
  std::fflush(stdout);
  std::thread until_input_ends([&loop] {
    char byte = 0;
    while (::read(0, &byte, 1) > 0) {
    }
    loop.stop();
  });
  loop.run();
  until_input_ends.join();
  if (peering) loop.run(peering->close(Ctx().within(std::chrono::seconds(5))));
  loop.run((*server)->close(Ctx().within(std::chrono::seconds(5))));
  return 0;
}

}  // namespace
}  // namespace skep::fabric

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 64;
  return skep::fabric::run(argv[1], std::atoi(argv[2]), argc == 4 ? argv[3] : "");
}
