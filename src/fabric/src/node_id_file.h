// The id that a node keeps over restarts, and the routers it may dial.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "skep/model/name.h"

namespace skep::fabric {

// <directory>/ids/<base name>.uuid; made at the first call, whole or not at all.
Result<NodeId> kept_node_id(const std::string& directory, std::string_view base_name);

// Sockets of the routers in `directory`: every "*.sock" that is no peer socket, beginning with the
// one that the name's hash (FNV-1a) chooses, so that nodes spread and stay.
std::vector<std::string> router_sockets(const std::string& directory, std::string_view base_name);

}  // namespace skep::fabric
