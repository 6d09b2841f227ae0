// What the shared regions of a hive say, for people and programs: `skep fabric`, /api/fabric/*,
// /metrics. Asks no router. Any thread; reads files, microseconds each.
#pragma once

#include <string>
#include <vector>

#include "skep/base/json.h"
#include "skep/fabric/region.h"

namespace skep::fabric {

struct View {
  struct RouterSeen {
    RegionInfo info;
    NodesRegion region;
  };
  // Living routers, by name. A router that died without taking its region away is in `dead`, and
  // its nodes are nowhere.
  std::vector<RouterSeen> routers;
  std::vector<std::string> dead;
  std::optional<RegionInfo> config_info, hives_info;
  ConfigRegion config;
  LsaRegion hives;
  std::vector<std::string> problems;  // files that are no regions, and why
};
View read_view(const std::string& fabric_directory);

// {"nodes":[{name, uuid, zone, router, pid}]}, …; each has "routers_dead" and "problems" where
// there are any.
json::object nodes_of(const View& view);
// The table in the order in which it decides, with the reason for each entry.
json::object routes_of(const View& view);
json::object zones_of(const View& view);
json::object hives_of(const View& view);
json::object stats_of(const View& view);
// Prometheus text exposition 0.0.4.
std::string metrics_of(const View& view);

}  // namespace skep::fabric
