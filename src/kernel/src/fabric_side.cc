#include "skep/kernel/fabric_side.h"

#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/store/append_file.h"

namespace skep::kernel {

FabricConfig FabricConfig::read(ConfigSection fabric) {
  FabricConfig config;
  fabric.read("socket", config.socket);
  if (fabric.read("router", config.router)) {
    const Result<Name> name = Name::parse(config.router, "x");
    if (!name || name->type() != NodeType::kRouter || config.router.contains('@')) {
      fabric.problem("router", "must be a router's name without a hive, like \"RT.main\"");
    }
  }
  fabric.read("nodes_max", config.nodes_max, {.min = 1, .max = 1'000'000});
  fabric.read("node_queue_messages", config.node_queue_messages, {.min = 1, .max = 10'000'000});
  fabric.read("node_queue_bytes", config.node_queue_bytes, {.min = 1 << 18, .max = 1 << 30});
  fabric.read("peers_max", config.peers_max, {.min = 0, .max = 1'000});
  fabric.read("shared_links_max", config.shared_links_max, {.min = 0, .max = 4'096});
  fabric.read("spin_us", config.spin_us, {.min = 0, .max = 1'000});
  fabric.read("config_from", config.config_from);
  for (const std::string& id : config.config_from) {
    if (!Name::parse("RT.x", id)) {
      fabric.problem("config_from", fmt::format("\"{}\" is no hive id", id));
    }
  }
  return config;
}

std::string fabric_directory(const std::string& home) { return home + "/run/fabric"; }

Result<std::unique_ptr<FabricSide>> FabricSide::open(Loop& loop, fabric::Router& router,
                                                     FabricBooks& books, const FabricConfig& config,
                                                     const std::string& home, bool rules_writer,
                                                     std::function<fabric::LsaRegion()> hives) {
  const std::string directory = fabric_directory(home);
  SKEP_TRY_VOID(store::make_directories(directory));
  std::unique_ptr<FabricSide> side(new FabricSide(router, books));
  // First: it takes the lock that makes this process the router of that name.
  fabric::NodeServerConfig server{.directory = directory,
                                  .connections_max = config.nodes_max,
                                  .queue_messages_max = config.node_queue_messages,
                                  .queue_bytes_max = config.node_queue_bytes,
                                  .shared_links_max = config.shared_links_max,
                                  .spin = std::chrono::microseconds(config.spin_us)};
  SKEP_TRY(side->server_, fabric::NodeServer::open(loop, router, std::move(server)));
  fabric::PeeringConfig peering{
      .directory = directory, .gateway = config.gateway, .peers_max = config.peers_max};
  SKEP_TRY(side->peering_, fabric::Peering::open(loop, router, std::move(peering)));
  side->open_publisher(loop, directory, rules_writer, std::move(hives));
  side->texts_ =
      std::make_unique<fabric::Texts>(loop, fabric::BlobStore({.directory = home + "/blobs"}));
  router.set_texts(side->texts_.get());
  side->tracer_ = fabric::Tracer::open(loop, router);
  return side;
}

// Messages move without it: a router whose regions cannot be written only cannot be looked at.
void FabricSide::open_publisher(Loop& loop, const std::string& directory, bool rules_writer,
                                std::function<fabric::LsaRegion()> hives) {
  fabric::PublisherSources sources{.counters = [this](auto& all) { add_counters(all); },
                                   .rules = rules_writer,
                                   .config = [this](auto& region) { books_.complete(region); },
                                   .hives = std::move(hives)};
  auto publisher = fabric::Publisher::open(loop, router_, {.directory = directory}, sources);
  if (publisher) {
    publisher_ = *std::move(publisher);
    books_.on_applied([this] { publisher_->refresh(); });
  } else {
    log::warn("fabric", "`skep fabric` will not show this router: {}", publisher.error().message);
  }
}

void FabricSide::add_counters(std::vector<std::pair<std::string, std::uint64_t>>& counters) const {
  const fabric::NodeServerStats stats = server_->stats();
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, std::uint64_t>>{
           {"links.open", stats.connections},
           {"links.registered", stats.registered},
           {"links.accepted", stats.accepted},
           {"links.refused", stats.refused},
           {"links.evicted", stats.evicted},
           {"links.malformed", stats.malformed},
           {"links.spoofed", stats.spoofed},
           {"links.stuck", stats.stuck},
           {"links.shared", stats.shared},
           {"links.frames_in", stats.frames_in},
           {"links.frames_out", stats.frames_out},
           {"links.bytes_in", stats.bytes_in},
           {"links.bytes_out", stats.bytes_out}}) {
    counters.emplace_back(name, value);
  }
  const std::vector<fabric::PeerStatus> peers = peering_->peers();
  counters.emplace_back("peers", peers.size());
  for (const fabric::PeerStatus& peer : peers) {
    counters.emplace_back("peer_waiting." + peer.name, peer.waiting);
  }
  books_.add_counters(counters);
}

Task<void> FabricSide::close(Ctx ctx) {
  if (tracer_) co_await tracer_->close();
  books_.on_applied({});
  if (publisher_) co_await publisher_->close(ctx);
  if (peering_) co_await peering_->close(ctx);
  if (server_) co_await server_->close(ctx);
  router_.set_texts(nullptr);
  if (texts_) co_await texts_->close();
}

json::object FabricSide::status() const {
  json::array peers;
  for (const fabric::PeerStatus& peer : peering_->peers()) {
    peers.push_back(json::object{{"name", peer.name}, {"nodes", peer.nodes}});
  }
  return {{"socket", server_->path()},
          {"links", server_->stats().registered},
          {"peers", std::move(peers)}};
}

}  // namespace skep::kernel
