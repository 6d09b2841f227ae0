// How the XMPP node shows itself: lines for /status, an object for /api/status. Pure.
#pragma once

#include <string>
#include <vector>

#include "rooms.h"

namespace skep::channels {

// The node's state at one moment; references are loans for the call.
struct XmppSeen {
  const XmppChannelConfig& config;
  xmpp::LinkStatus link;
  const XmppChannelStats& stats;
  const Rooms& rooms;
  std::size_t waiting = 0;  // replies that the network does not have
  std::string policy;
  WallTime now{};
};
std::vector<std::string> status_lines(const XmppSeen& seen, bool admin);
json::object status_object(const XmppSeen& seen);

}  // namespace skep::channels
