#include <fmt/format.h>

#include <cstdio>

#include "command_line.h"
#include "skep/fabric/node_server.h"
#include "skep/fabric/view.h"
#include "skep/kernel/fabric_side.h"

namespace skep::cli {

namespace {

std::string_view text(const json::value& row, std::string_view key) { return get_string(row, key); }

void print_nodes(const json::array& nodes) {
  for (const json::value& node : nodes) {
    const auto zone = get_int(node, "zone");
    fmt::print("{:<40} {} zone {:<6} at {}, pid {}\n", text(node, "name"), text(node, "uuid"),
               zone ? std::to_string(*zone) : "all", text(node, "router"),
               get_int(node, "pid").value_or(0));
  }
}

void print_routes(const json::array& routes) {
  for (const json::value& route : routes) {
    fmt::print("{:<40} {:<7} {:<10} {} {}\n", text(route, "pattern"), text(route, "match"),
               text(route, "why"), text(route, "action"), text(route, "to"));
  }
}

void print_zones(const json::array& rules) {
  for (const json::value& rule : rules) {
    fmt::print("{:<40} {:<7} zone {:<6} priority {}\n", text(rule, "pattern"), text(rule, "match"),
               get_int(rule, "zone").value_or(0), get_int(rule, "priority").value_or(0));
  }
}

void print_hives(const json::array& hives) {
  for (const json::value& hive : hives) {
    fmt::print("{:<24} {:<5} {} nodes, {} routes, {} left out, heard {} s ago, by {}\n",
               text(hive, "hive"), get_bool(hive, "up").value_or(false) ? "up" : "down",
               get_int(hive, "nodes").value_or(0), get_int(hive, "routes").value_or(0),
               get_int(hive, "left_out").value_or(0),
               get_int(hive, "heard_ms_ago").value_or(0) / 1000, text(hive, "gateway"));
  }
}

void print_stats(const json::array& routers) {
  for (const json::value& router : routers) {
    fmt::print("{} pid {}, {} nodes{}, heartbeat {} s ago\n", text(router, "router"),
               get_int(router, "pid").value_or(0), get_int(router, "nodes").value_or(0),
               get_bool(router, "gateway").value_or(false) ? ", gateway" : "",
               get_int(router, "heartbeat_ms_ago").value_or(0) / 1000);
    const json::object* counters = get_object(router, "counters");
    if (counters == nullptr) continue;
    for (const auto& [name, value] : *counters) {
      if (value.to_number<std::uint64_t>() == 0) continue;
      fmt::print("  {:<28} {}\n", std::string_view(name), to_json(value));
    }
  }
}

struct Look {
  std::string_view name, list;
  json::object (*of)(const fabric::View&);
  void (*print)(const json::array&);
  std::string_view nothing;
};
constexpr Look kLooks[] = {
    {"nodes", "nodes", &fabric::nodes_of, &print_nodes, "no node is connected"},
    {"routes", "routes", &fabric::routes_of, &print_routes, "there are no routes"},
    {"vpns", "vpns", &fabric::zones_of, &print_zones, "no zone rules: every node is in zone 0"},
    {"hives", "hives", &fabric::hives_of, &print_hives, "no other hive is known"},
    {"stats", "routers", &fabric::stats_of, &print_stats, ""},
};

// Of the hive's rules; other looks have none.
void print_version(const json::value& found) {
  const auto version = get_int(found, "version").value_or(0);
  if (version > 0) fmt::print("rules: version {} of hive {}\n", version, text(found, "origin"));
}

void print_troubles(const fabric::View& view) {
  for (const std::string& router : view.dead) {
    fmt::print(stderr, "skep: router {} died and has not come back\n", router);
  }
  for (const std::string& problem : view.problems) fmt::print(stderr, "skep: {}\n", problem);
}

}  // namespace

int run_fabric_token(const Options& options) {
  const Result<std::string> token = fabric::issue_token(
      kernel::fabric_directory(options.home),
      {.pattern = options.name, .label = options.target, .system = options.system});
  if (!token) return report(token.error());
  fmt::print("{}\n", *token);
  fmt::print(stderr, "This is the only time it is shown; {} keeps its digest.\n",
             kernel::fabric_directory(options.home) + "/tokens.json");
  return 0;
}

int run_fabric(const Options& options) {
  const fabric::View view = fabric::read_view(kernel::fabric_directory(options.home));
  for (const Look& look : kLooks) {
    if (look.name != options.name) continue;
    const json::object found = look.of(view);
    if (options.json) {
      fmt::print("{}\n", to_json(found));
    } else {
      const json::array& rows = found.at(look.list).as_array();
      look.print(rows);
      print_version(found);
      if (rows.empty() && !view.routers.empty()) fmt::print("{}\n", look.nothing);
      print_troubles(view);
    }
  }
  if (!view.routers.empty()) return 0;
  if (!options.json) {
    fmt::print(stderr, "skep: no router runs on {}; start one with `skep up`\n", options.home);
  }
  return exit_code(Code::kUnavailable);
}

}  // namespace skep::cli
