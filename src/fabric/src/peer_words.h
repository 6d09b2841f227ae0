// What routers of a hive say to each other beside messages (docs/fabric.md "Several routers").
// Private to the room, pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core.h"

namespace skep::fabric {

struct PeerHello {
  NodeId id;
  Name name;
  bool gateway = false;
};
std::string hello_frame(const Core::Config& router, bool gateway);
std::string ping_frame(const Core::Config& router);
// kInvalid: no PEER_HELLO, another version, or a router of another hive.
Result<PeerHello> read_hello(std::string_view frame, std::string_view hive);

struct NodesWord {
  bool full = false;
  std::vector<NodeAt> up;  // where: kPeer, or kHive with the hive; exit is not set
  std::vector<NodeId> down;
};
// As many frames as it takes, none much longer than 60 KiB.
std::vector<std::string> nodes_frames(const Core::Config& router, const NodesWord& word);
// `gateway`: the peer may tell of nodes of other hives. Entries that make no sense are left out and
// counted in `left_out`.
Result<NodesWord> read_nodes(std::string_view payload, std::string_view hive, bool gateway,
                             std::size_t& left_out);

}  // namespace skep::fabric
