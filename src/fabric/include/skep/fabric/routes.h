// Which way: static routes, zones and the table that answers for a name (docs/fabric.md "Which
// way").
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/json.h"
#include "skep/base/result.h"
#include "skep/model/name.h"

namespace skep::fabric {

enum class Match : std::uint8_t { kExact, kPrefix, kGlob };
// A pattern over full names "TYPE.part@hive". kPrefix: "AI.sop.*"; kGlob: '*' is any run.
struct Pattern {
  std::string text;
  Match match = Match::kPrefix;
  bool operator==(const Pattern&) const = default;
  [[nodiscard]] bool matches(std::string_view full_name) const;
};

struct StaticRoute {
  enum class Action : std::uint8_t { kDrop, kRedirect, kFallback };
  Pattern pattern;
  Action action = Action::kFallback;
  // A name "AI.x@hive", or "@hive": to that hive under the same name. In that hive itself the route
  // does nothing, so that all hives may hold the same text. kDrop: empty.
  std::string to;
  std::uint16_t priority = 100;  // lower first
  std::uint32_t metric = 0;
  bool operator==(const StaticRoute&) const = default;
};
struct ZoneRule {
  Pattern pattern;
  std::uint32_t zone = 0;
  std::uint16_t priority = 100;
  bool operator==(const ZoneRule&) const = default;
};

inline constexpr std::size_t kRoutesMax = 1'024, kZoneRulesMax = 1'024;
inline constexpr std::size_t kGlobsMax = 128;  // among the routes, and among the zone rules: they
                                               // are tried one after the other
// The hive's routes and zones, changed only as a whole.
struct Rules {
  std::vector<StaticRoute> routes;
  std::vector<ZoneRule> zones;
  bool operator==(const Rules&) const = default;
};
// {"routes":[{prefix, match_kind?, action, next_hop_hive?, to?, metric?, priority?}]} and
// {"vpns":[{pattern, match_kind?, vpn_id, priority?}]} of the node protocol, or the arrays alone,
// and back. match_kind is PREFIX (the default), EXACT or GLOB; action is DROP, REDIRECT or
// FALLBACK, and FORWARD reads as FALLBACK. kInvalid says which entry and why, kTooLarge over the
// limits above.
Result<std::vector<StaticRoute>> routes_from_json(const json::value& value);
Result<std::vector<ZoneRule>> zones_from_json(const json::value& value);
json::value to_json_value(const std::vector<StaticRoute>& routes);
json::value to_json_value(const std::vector<ZoneRule>& zones);

// Zone of a name; nullopt for SY. and RT., which talk with every zone.
std::optional<std::uint32_t> zone_of(const std::vector<ZoneRule>& rules, const Name& name);

// Where a node sits. `exit` is whatever the router puts there (a link, an inbox): the table only
// hands it back.
struct NodeAt {
  NodeId id;
  Name name;
  std::optional<std::uint32_t> zone;  // nullopt: a system node; the table sets it for kHere
  enum class Where : std::uint8_t { kHere, kPeer, kHive } where = Where::kHere;
  std::string hive;         // kHive: the hive it is in
  std::uint8_t path = 0;    // kHive: hives on the way
  std::uint64_t since = 0;  // order of arrival; 0: the table numbers it
  void* exit = nullptr;
  std::uint32_t pid = 0;  // kHere, at a socket: the process at its other end; 0: not known
  bool own_user = false;  // kHere: it runs as the router's own user, or within the router
};
// A route that another hive advertises.
struct HiveRoute {
  Pattern pattern;
  std::uint32_t metric = 0;
  std::string hive;
  void* exit = nullptr;
};

// Who asks: what a decision depends on beside the name.
struct Asker {
  std::optional<std::uint32_t> zone;  // nullopt: a system node
  std::string_view hive;              // of the sender, for "@*"
  std::string_view thread;            // meta.thread_id; empty: none, or `find_thread` knows
  // Asked for the thread only when several nodes share the name, where it costs a hash to know.
  std::string_view (*find_thread)(const void* message) = nullptr;
  const void* message = nullptr;
};
struct Decision {
  enum class What : std::uint8_t { kNode, kToHive, kDrop, kBlocked, kNone } what = What::kNone;
  const NodeAt* node = nullptr;     // kNode
  std::string_view hive;            // kToHive: of a route; lives as long as the table
  void* exit = nullptr;             // kToHive by a HiveRoute: its exit; by a static route: null
  const StaticRoute* by = nullptr;  // the static route that decided
  std::string redirected_name;  // kToHive or kNode after a redirect to a name: the new destination
};

// The loop thread changes and asks; ask() neither locks, waits nor allocates (a redirect may). Cost
// aim: under 150 ns at 100,000 names, and it does not grow with nodes that are not addressed; a
// base with '*' before "@*" alone walks all nodes. Adding or removing a node costs the same however
// many there are (the name slots, 64 bytes each, double now and then); new rules cost one look-up
// for each own node.
class RouteTable {
 public:
  explicit RouteTable(std::string hive);
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // The returned entry stays where it is until removed. Nodes of other hives must carry names of
  // theirs: whoever adds them checks. A second entry with the same id is kExists.
  Result<const NodeAt*> add(NodeAt node);
  void remove(const NodeId& id);
  void remove_exit(void* exit);  // every node and hive route behind it
  // Computes every own node's zone anew; returns those whose zone changed.
  std::vector<const NodeAt*> set_rules(Rules rules);
  [[nodiscard]] const Rules& rules() const;
  void set_hive_routes(std::string_view hive, std::vector<HiveRoute> routes);

  // `name`: full, or "base@*". A text without '@' is no name: kNone. Pointers in the answer hold
  // until the next change. After "@*" the node's own name is the new destination.
  [[nodiscard]] Decision ask(std::string_view name, const Asker& asker) const;
  // `queue`: how much waits at a node's exit; used to choose among own nodes when there is no
  // thread.
  void set_queue_length(std::size_t (*queue)(void* exit));
  [[nodiscard]] const NodeAt* find(const NodeId& id) const;
  [[nodiscard]] const StaticRoute* dropped(const NodeAt& node) const;  // a drop route covers it
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t version() const;  // grows with each change
  // Everything as it is now, by copying, for people. Any thread: it waits while a change is made.
  struct Picture {
    std::uint64_t version = 0;
    std::vector<StaticRoute> routes;
    std::vector<NodeAt> nodes;  // own, peers', hives'; each in order of arrival
  };
  [[nodiscard]] Picture picture() const;
  // In order of arrival, for broadcasts and people; `where` filters. `visit` may not change the
  // table.
  void each(NodeAt::Where where, const std::function<void(const NodeAt&)>& visit) const;
  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::fabric
