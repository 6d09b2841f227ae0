// What makes a Router part of its hive: the socket for nodes, its peers, its shared regions.
#pragma once

#include <memory>
#include <string>

#include "skep/async/gate.h"
#include "skep/base/config.h"
#include "skep/fabric/node_server.h"
#include "skep/fabric/peering.h"
#include "skep/fabric/publish.h"
#include "skep/fabric/router.h"
#include "skep/fabric/texts.h"
#include "skep/fabric/tracer.h"
#include "skep/kernel/fabric_books.h"

namespace skep::kernel {

// [fabric]
struct FabricConfig {
  bool socket = true;              // nodes and routers of other processes may connect
  std::string router = "RT.main";  // the name of `skep up`'s own router
  std::size_t nodes_max = 16'384;
  std::size_t node_queue_messages = 8'192, node_queue_bytes = 8u << 20;
  std::size_t shared_links_max = 64;  // nodes that share memory with this router; 0: none
  std::size_t spin_us = 50;           // NodeServerConfig::spin
  std::size_t peers_max = 64;
  std::vector<std::string> config_from;  // hives whose routes and zones are taken over
  bool gateway = false;  // this router talks to other hives, and its peers are told so ([hive])

  static FabricConfig read(ConfigSection fabric);
};
// <home>/run/fabric
std::string fabric_directory(const std::string& home);

// Loop thread only; dies before its Router and its books.
class FabricSide {
 public:
  // `rules_writer`: this router also publishes the hive's routes and zones; one of a hive does.
  // `books`: shown with it, and written when they change.
  // `hives`: what this router, a gateway, knows of other hives; asked at each write.
  // kConflict when another process is the router of that name.
  static Result<std::unique_ptr<FabricSide>> open(Loop& loop, fabric::Router& router,
                                                  FabricBooks& books, const FabricConfig& config,
                                                  const std::string& home, bool rules_writer,
                                                  std::function<fabric::LsaRegion()> hives = {});
  Task<void> close(Ctx ctx);
  // {"socket", "nodes", "peers": [names]}
  [[nodiscard]] json::object status() const;
  [[nodiscard]] fabric::Tracer& tracer() { return *tracer_; }
  [[nodiscard]] std::string socket_path() const { return server_->path(); }

 private:
  FabricSide(fabric::Router& router, FabricBooks& books) : router_(router), books_(books) {}
  void open_publisher(Loop& loop, const std::string& directory, bool rules_writer,
                      std::function<fabric::LsaRegion()> hives);
  void add_counters(std::vector<std::pair<std::string, std::uint64_t>>& counters) const;

  fabric::Router& router_;
  FabricBooks& books_;
  std::unique_ptr<fabric::Texts> texts_;
  std::unique_ptr<fabric::Tracer> tracer_;
  std::unique_ptr<fabric::NodeServer> server_;
  std::unique_ptr<fabric::Peering> peering_;
  std::unique_ptr<fabric::Publisher> publisher_;
};

}  // namespace skep::kernel
