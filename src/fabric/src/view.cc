#include "skep/fabric/view.h"

#include <algorithm>

#include "peer_door.h"

namespace skep::fabric {

namespace {

json::value zone_json(const std::optional<std::uint32_t>& zone) {
  return zone ? json::value(*zone) : json::value(nullptr);
}

std::string_view match_name(Match match) {
  constexpr std::string_view kNames[] = {"EXACT", "PREFIX", "GLOB"};
  return kNames[static_cast<std::size_t>(match)];
}

json::array texts(const std::vector<std::string>& all) {
  return json::array(all.begin(), all.end());
}

json::object with_troubles(json::object out, const View& view) {
  if (!view.dead.empty()) out["routers_dead"] = texts(view.dead);
  if (!view.problems.empty()) out["problems"] = texts(view.problems);
  return out;
}

template <class T>
std::optional<RegionInfo> read_one(const std::string& path, RegionKind kind,
                                   Result<T> (*decode)(std::string_view), T& into, View& view) {
  Result<RegionContent> read = read_region(path, kind);
  if (!read) {
    if (read.error().code != Code::kNotFound) view.problems.push_back(read.error().message);
    return std::nullopt;
  }
  // Dead: what it said holds no longer. Nothing written yet: nothing to say.
  if (!read->info.owner_alive || read->info.sequence == 0) return std::nullopt;
  Result<T> decoded = decode(read->content);
  if (!decoded) {
    view.problems.push_back(path + ": " + decoded.error().message);
    return std::nullopt;
  }
  into = *std::move(decoded);
  return read->info;
}

void read_router(const std::string& path, std::string_view base, View& view) {
  Result<RegionContent> read = read_region(path, RegionKind::kNodes);
  if (!read) {
    if (read.error().code != Code::kNotFound) view.problems.push_back(read.error().message);
    return;
  }
  if (!read->info.owner_alive) {
    view.dead.emplace_back(base);
    return;
  }
  if (read->info.sequence == 0) return;
  Result<NodesRegion> region = decode_nodes(read->content);
  if (!region) {
    view.problems.push_back(path + ": " + region.error().message);
    return;
  }
  view.routers.push_back({std::move(read->info), *std::move(region)});
}

// A node without a process of its own is in its router's.
json::object node_json(const NodeAt& node, std::string_view router, std::uint32_t router_pid) {
  return {{"name", node.name.str()},
          {"uuid", node.id.uuid.str()},
          {"zone", zone_json(node.zone)},
          {"router", router},
          {"pid", node.pid != 0 ? node.pid : router_pid}};
}

json::object static_json(const StaticRoute& route) {
  constexpr std::string_view kActions[] = {"drop", "redirect", "fallback"};
  json::object out{{"pattern", route.pattern.text},
                   {"match", match_name(route.pattern.match)},
                   {"why", "static"},
                   {"action", kActions[static_cast<std::size_t>(route.action)]},
                   {"priority", route.priority},
                   {"metric", route.metric}};
  if (!route.to.empty()) out["to"] = route.to;
  return out;
}

void add_static(json::array& routes, const View& view, bool fallbacks) {
  for (const StaticRoute& route : view.config.rules.routes) {
    if ((route.action == StaticRoute::Action::kFallback) == fallbacks) {
      routes.push_back(static_json(route));
    }
  }
}

void add_hive_nodes(json::array& routes, const LsaRegion::Hive& hive) {
  for (const NodeAt& node : hive.nodes) {
    routes.push_back(json::object{{"pattern", node.name.str()},
                                  {"match", "EXACT"},
                                  {"why", "hive"},
                                  {"to", "@" + hive.hive},
                                  {"path", texts(hive.path)},
                                  {"uuid", node.id.uuid.str()}});
  }
}

}  // namespace

View read_view(const std::string& fabric_directory) {
  View view;
  const std::string regions = region_directory(fabric_directory);
  for (const std::string& name : names_between(regions, "nodes-", "")) {
    if (name.ends_with(".lock") || name.ends_with(".new")) continue;
    read_router(regions + "/nodes-" + name, name, view);
  }
  view.config_info =
      read_one(regions + "/config", RegionKind::kConfig, &decode_config, view.config, view);
  view.hives_info = read_one(regions + "/lsa", RegionKind::kLsa, &decode_lsa, view.hives, view);
  return view;
}

json::object nodes_of(const View& view) {
  json::array nodes;
  for (const auto& router : view.routers) {
    for (const NodeAt& node : router.region.nodes) {
      nodes.push_back(node_json(node, router.region.router_name.str(), router.info.owner_pid));
    }
  }
  return with_troubles({{"nodes", std::move(nodes)}}, view);
}

json::object routes_of(const View& view) {
  json::array routes;
  add_static(routes, view, /*fallbacks=*/false);
  for (const auto& router : view.routers) {
    for (const NodeAt& node : router.region.nodes) {
      routes.push_back(json::object{{"pattern", node.name.str()},
                                    {"match", "EXACT"},
                                    {"why", "connected"},
                                    {"to", router.region.router_name.str()},
                                    {"uuid", node.id.uuid.str()}});
    }
  }
  for (const LsaRegion::Hive& hive : view.hives.hives) add_hive_nodes(routes, hive);
  for (const LsaRegion::Hive& hive : view.hives.hives) {
    for (const HiveRoute& route : hive.routes) {
      routes.push_back(json::object{{"pattern", route.pattern.text},
                                    {"match", match_name(route.pattern.match)},
                                    {"why", "advertised"},
                                    {"to", "@" + hive.hive},
                                    {"metric", route.metric}});
    }
  }
  add_static(routes, view, /*fallbacks=*/true);
  return with_troubles({{"version", view.config.routes_version},
                        {"origin", view.config.routes_origin},
                        {"routes", std::move(routes)}},
                       view);
}

json::object zones_of(const View& view) {
  json::array rules;
  for (const ZoneRule& rule : view.config.rules.zones) {
    rules.push_back(json::object{{"pattern", rule.pattern.text},
                                 {"match", match_name(rule.pattern.match)},
                                 {"zone", rule.zone},
                                 {"priority", rule.priority}});
  }
  return with_troubles({{"version", view.config.zones_version},
                        {"origin", view.config.zones_origin},
                        {"vpns", std::move(rules)}},
                       view);
}

json::object hives_of(const View& view) {
  json::array hives;
  const WallTime now = Clock::system().now();
  for (const LsaRegion::Hive& hive : view.hives.hives) {
    hives.push_back(json::object{{"hive", hive.hive},
                                 {"gateway", hive.gateway},
                                 {"up", hive.up},
                                 {"path", texts(hive.path)},
                                 {"nodes", hive.nodes.size()},
                                 {"routes", hive.routes.size()},
                                 {"left_out", hive.left_out},
                                 {"epoch", hive.epoch},
                                 {"seq", hive.seq},
                                 {"heard_ms_ago", (now - hive.heard_at).count()}});
  }
  return with_troubles({{"hives", std::move(hives)}}, view);
}

json::object stats_of(const View& view) {
  json::array routers;
  const WallTime now = Clock::system().now();
  for (const auto& [info, region] : view.routers) {
    json::object counters;
    for (const auto& [name, value] : region.counters) counters[name] = value;
    routers.push_back(json::object{{"router", region.router_name.str()},
                                   {"uuid", region.router.uuid.str()},
                                   {"gateway", region.gateway},
                                   {"pid", info.owner_pid},
                                   {"generation", info.generation},
                                   {"sequence", info.sequence},
                                   {"heartbeat_ms_ago", (now - info.heartbeat_at).count()},
                                   {"nodes", region.nodes.size()},
                                   {"counters", std::move(counters)}});
  }
  return with_troubles({{"routers", std::move(routers)}}, view);
}

}  // namespace skep::fabric
