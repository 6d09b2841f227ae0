// skep fabric route | zone: add and del ask the running daemon, list reads what its router shows.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "command_line.h"
#include "skep/api/api.h"
#include "skep/base/log.h"
#include "skep/fabric/view.h"
#include "skep/kernel/fabric_side.h"

namespace skep::cli {

namespace {

using Rule = Options::Rule;

bool is_route(const Options& options) { return options.rule.what == Rule::What::kRoute; }
std::string_view list_of(const Options& options) { return is_route(options) ? "routes" : "vpns"; }

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// What the pattern looks like, unless --match says it.
std::string match_of(const Rule& rule) {
  if (!rule.match.empty()) return upper(rule.match);
  const auto stars = std::ranges::count(rule.pattern, '*');
  if (stars == 0) return "EXACT";
  return stars == 1 && rule.pattern.ends_with(".*") ? "PREFIX" : "GLOB";
}

// A name may be given without its hive when it is one of this hive.
std::string with_hive(std::string name, const std::string& hive) {
  return name.contains('@') || hive.empty() ? name : name + "@" + hive;
}

json::object entry_of(const Options& options, const std::string& hive) {
  const Rule& rule = options.rule;
  const std::string match = match_of(rule);
  json::object entry{{is_route(options) ? "prefix" : "pattern",
                      match == "EXACT" ? with_hive(rule.pattern, hive) : rule.pattern}};
  if (rule.verb == Rule::Verb::kAdd || !rule.match.empty()) entry["match_kind"] = match;
  if (rule.verb == Rule::Verb::kDelete) return entry;
  entry["priority"] = rule.priority;
  if (!is_route(options)) {
    entry["vpn_id"] = rule.zone;
    return entry;
  }
  entry["metric"] = rule.metric;
  entry["action"] = upper(rule.action);
  if (rule.to.starts_with('@')) {
    entry["next_hop_hive"] = rule.to.substr(1);
  } else if (!rule.to.empty()) {
    entry["to"] = with_hive(rule.to, hive);
  }
  return entry;
}

Task<Result<json::value>> ask(Loop& loop, const Options& options) {
  net::HttpClient::Deps deps{.loop = loop};
  SKEP_CO_TRY(auto http, net::HttpClient::open(std::move(deps)));
  const Ctx ctx;
  SKEP_CO_TRY(auto client, co_await api::Client::find(ctx, *http, options.home));
  SKEP_CO_TRY(const json::value status, co_await client->get(ctx, "/api/status"));
  json::value entry = entry_of(options, std::string(get_string(status, "hive")));
  const std::string path = fmt::format("/api/fabric/{}", list_of(options));
  if (options.rule.verb == Rule::Verb::kAdd)
    co_return co_await client->post(ctx, path, std::move(entry));
  co_return co_await client->remove(ctx, path, std::move(entry));
}

// As the command line has it; on the wire a fallback to a hive is a FORWARD.
std::string action_of(const json::value& route) {
  std::string action(get_string(route, "action"));
  std::ranges::transform(action, action.begin(), [](unsigned char c) { return std::tolower(c); });
  return action == "forward" ? "fallback" : action;
}

void print_entry(const json::value& entry) {
  if (const auto zone = get_int(entry, "vpn_id")) {
    fmt::print("{:<40} {:<7} zone {:<6} priority {}\n", get_string(entry, "pattern"),
               get_string(entry, "match_kind"), *zone, get_int(entry, "priority").value_or(0));
    return;
  }
  const std::string_view hive = get_string(entry, "next_hop_hive");
  fmt::print("{:<40} {:<7} {:<9}{}{} priority {}, metric {}\n", get_string(entry, "prefix"),
             get_string(entry, "match_kind"), action_of(entry), hive.empty() ? " " : " @",
             hive.empty() ? get_string(entry, "to") : hive, get_int(entry, "priority").value_or(0),
             get_int(entry, "metric").value_or(0));
}

// {"version", "origin", "routes"|"vpns": entries as SY.config has them}
void print_rules(const Options& options, const json::value& rules) {
  if (options.json) {
    fmt::print("{}\n", to_json(rules));
    return;
  }
  const json::array* entries = get_array(rules, list_of(options));
  for (const json::value& entry : entries == nullptr ? json::array() : *entries) print_entry(entry);
  const auto version = get_int(rules, "version").value_or(0);
  fmt::print("{}\n", version == 0 ? "nothing was configured yet"
                                  : fmt::format("version {} of hive {}", version,
                                                get_string(rules, "origin")));
}

int list(const Options& options) {
  const fabric::View view = fabric::read_view(kernel::fabric_directory(options.home));
  if (!view.config_info) {
    return report({Code::kUnavailable,
                   fmt::format("no router that keeps routes and zones runs on {}; start one with "
                               "`skep up`",
                               options.home)});
  }
  const fabric::ConfigRegion& config = view.config;
  json::value rules =
      is_route(options) ? to_json_value(config.rules.routes) : to_json_value(config.rules.zones);
  rules.as_object()["version"] = is_route(options) ? config.routes_version : config.zones_version;
  rules.as_object()["origin"] = is_route(options) ? config.routes_origin : config.zones_origin;
  print_rules(options, rules);
  return 0;
}

}  // namespace

int run_fabric_rules(const Options& options) {
  if (options.rule.verb == Rule::Verb::kList) return list(options);
  log::configure({.level = log::Level::kError});
  Loop loop;
  const Result<json::value> rules = loop.run(ask(loop, options));
  if (!rules) return report(rules.error());
  print_rules(options, *rules);
  return 0;
}

}  // namespace skep::cli
