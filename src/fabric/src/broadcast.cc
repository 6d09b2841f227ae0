// One message to everyone: each node once, however many routers and hives it passes.
#include "core_impl.h"
#include "glob.h"

namespace skep::fabric {

using Routed = std::expected<void, Drop>;

Routed Core::Impl::broadcast(const Origin& from, const Sender& sender, Packet& packet) {
  packet.way.row = Row::kBroadcast;
  const std::string_view known_by = packet.known_by();
  if (!known_by.empty() &&
      !broadcasts.first(packet.view().src, known_by, std::chrono::steady_clock::now())) {
    return std::unexpected(Drop::kDuplicate);
  }
  packet.for_many();
  const std::string src_name(packet.stamp.src_name);  // the sender may leave while others hear it
  packet.stamp.src_name = src_name;
  broadcast_onwards(from, packet);
  if (packet.is_system()) control(from, packet);
  broadcast_here(sender, packet);
  packet.stamp.src_name = {};
  return {};
}

// A receiver that refuses, or that is gone by the time its turn comes, does not fail the broadcast.
void Core::Impl::broadcast_here(const Sender& sender, Packet& packet) {
  struct Receiver {
    NodeId id;
    std::uint64_t since;
  };
  std::vector<Receiver> receivers;
  const EnvelopeView& view = packet.view();
  table.each(NodeAt::Where::kHere, [&](const NodeAt& node) {
    const bool zones = !sender.zone || !node.zone || *sender.zone == *node.zone;
    if (node.id == view.src || !zones) return;
    if (!view.target.empty() && !glob_matches(view.target, node.name.str())) return;
    receivers.push_back({node.id, node.since});
  });
  for (const Receiver& one : receivers) {
    const NodeAt* now = table.find(one.id);
    if (now == nullptr || now->since != one.since || now->where != NodeAt::Where::kHere) continue;
    auto handed = hand_to_node(*now, packet);
    if (!handed) count(handed.error());
  }
}

// Only the router that first took it sends it to peers; only the gateway to other hives. Of a node
// here, ttl 2 reaches the peers and 3 the hives; what comes from a router has lost one already.
void Core::Impl::broadcast_onwards(const Origin& from, Packet& packet) {
  const int ttl = packet.stamp.ttl;
  auto hand = [&](Exit& exit, Drop when_gone) {
    auto handed = hand_over(exit, packet, when_gone);
    if (!handed) count(handed.error());
  };
  if (ttl >= 2 && from.by != Origin::By::kPeer) {
    const std::vector<Peer> now = peers;
    for (const Peer& peer : now) hand(*peer.exit, Drop::kPeerUnavailable);
  }
  const int needed = from.by == Origin::By::kNode ? 3 : 2;
  if (ttl < needed || !gateway_here) return;
  std::vector<Exit*> told{from.exit};
  const std::vector<Hive> now = hives;
  for (const Hive& hive : now) {
    if (std::ranges::find(told, hive.exit) != told.end()) continue;
    told.push_back(hive.exit);
    hand(*hive.exit, Drop::kWanUnavailable);
  }
}

}  // namespace skep::fabric
