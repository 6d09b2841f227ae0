// The route table over its life: zones, changes, and a comparison with the truth table read
// literally.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "rendezvous.h"
#include "route_table_support.h"

namespace skep::fabric {
namespace {

TEST(RouteTable, ZonesKeepNodesApartAndSystemNodesReachEverybody) {  // scenario 14
  Table table;
  table.set_rules(
      {.zones = {zone("AI.ten.*", Match::kPrefix, 10), zone("AI.twenty.*", Match::kPrefix, 20)}});
  const NodeAt* ten = table.here("AI.ten.a");
  const NodeAt* twenty = table.here("AI.twenty.a");
  const NodeAt* plain = table.here("AI.plain");
  const NodeAt* system = table.here("SY.timer");
  const auto what = [&](const NodeAt* from, const NodeAt* to) {
    return table.ask(to->name.str(), {.zone = from->zone, .hive = "lab"}).what;
  };
  EXPECT_EQ(what(ten, twenty), What::kBlocked);
  EXPECT_EQ(what(plain, ten), What::kBlocked);
  EXPECT_EQ(what(ten, ten), What::kNode);
  EXPECT_EQ(what(system, ten), What::kNode);
  EXPECT_EQ(what(system, plain), What::kNode);
  EXPECT_EQ(what(twenty, system), What::kNode);
}

TEST(RouteTable, NewZoneRulesMoveConnectedNodes) {  // scenario 15
  Table table;
  const NodeAt* a = table.here("AI.a");
  const NodeAt* b = table.here("AI.b");
  const NodeAt* system = table.here("SY.s");
  const NodeAt* peer = table.at_peer("AI.a");
  const auto changed = table.set_rules(
      {.zones = {zone("AI.a@lab", Match::kExact, 5), zone("SY.*", Match::kPrefix, 5)}});
  EXPECT_EQ(changed, std::vector{a});
  EXPECT_EQ(a->zone, 5u);
  EXPECT_EQ(b->zone, 0u);
  EXPECT_EQ(system->zone, std::nullopt);
  EXPECT_EQ(peer->zone, 0u);  // its own router says
  EXPECT_EQ(table.ask("AI.b@lab", {.zone = a->zone, .hive = "lab"}).what, What::kBlocked);
  EXPECT_EQ(table.ask("AI.a@lab", {.zone = 5, .hive = "lab"}).node, a);
  EXPECT_EQ(table.set_rules({}), std::vector{a});
  EXPECT_EQ(table.ask("AI.b@lab", {.zone = a->zone, .hive = "lab"}).node, b);
}

TEST(RouteTable, TheFirstZoneRuleByPriorityWins) {
  const std::vector rules = {zone("AI.a@lab", Match::kExact, 1, 50),
                             zone("AI.*", Match::kPrefix, 2, 50), zone("*", Match::kGlob, 3, 10),
                             zone("WF.*", Match::kPrefix, 4, 5)};
  EXPECT_EQ(zone_of(rules, named("AI.a")), 3u);
  EXPECT_EQ(zone_of(rules, named("WF.a")), 4u);
  EXPECT_EQ(zone_of({rules[0], rules[1]}, named("AI.a")), 1u);
  EXPECT_EQ(zone_of({rules[1], rules[0]}, named("AI.a")), 2u);
  EXPECT_EQ(zone_of({rules[0]}, named("AI.b")), 0u);
  EXPECT_EQ(zone_of(rules, named("SY.a")), std::nullopt);
  EXPECT_EQ(zone_of(rules, named("RT.a")), std::nullopt);
}

TEST(RouteTable, OneIdIsOneNode) {
  Table table;
  const NodeAt* a = table.here("AI.a");
  auto again = table.add({.id = a->id, .name = named("AI.b")});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kExists);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.find(a->id), a);
  EXPECT_EQ(table.to("AI.b@lab").what, What::kNone);
}

TEST(RouteTable, AnExitTakesAllItsNodesAlong) {
  Table table;
  int peer = 0, other = 0;
  for (int i = 0; i < 100; ++i) table.at_peer(fmt::format("AI.p{}", i % 7), &peer);
  const NodeAt* stays = table.at_peer("AI.p0", &other);
  const std::uint64_t before = table.version();
  table.remove_exit(&peer);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_GT(table.version(), before);
  EXPECT_EQ(table.to("AI.p0@lab").node, stays);
  EXPECT_EQ(table.to("AI.p1@lab").what, What::kNone);
  table.remove_exit(&peer);
  table.remove(id_of(4'000));
  EXPECT_EQ(table.size(), 1u);
}

TEST(RouteTable, TellsNodesInOrderOfArrival) {
  Table table;
  table.here("AI.b");
  table.at_peer("AI.c");
  table.here("AI.a");
  table.here("AI.b");
  table.remove(id_of(1));
  std::vector<std::string> names;
  table.each(NodeAt::Where::kHere, [&](const NodeAt& node) { names.push_back(node.name.str()); });
  EXPECT_EQ(names, (std::vector<std::string>{"AI.a@lab", "AI.b@lab"}));
}

// The truth table read literally: every candidate of a row, sorted.
struct Literal {
  std::vector<NodeAt> nodes;
  std::vector<HiveRoute> hive_routes;
  Rules rules;

  template <class Route>
  static auto order(const Route& route, std::uint32_t priority) {
    std::string text = route.pattern.text;
    if (route.pattern.match == Match::kGlob) std::erase(text, '*');
    if (route.pattern.match == Match::kPrefix) text.resize(text.size() - 2);  // ".*"
    return std::tuple(-static_cast<int>(text.size()), route.pattern.match, priority, route.metric);
  }
  [[nodiscard]] const StaticRoute* best(const std::string& name, bool fallback) const {
    const StaticRoute* best = nullptr;
    for (const StaticRoute& r : rules.routes) {
      if ((r.action == Action::kFallback) != fallback || !r.pattern.matches(name)) continue;
      if (!best || order(r, r.priority) < order(*best, best->priority)) best = &r;
    }
    return best;
  }
  // "drop", "block", "none", "hive:<hive>", "node:<id>"
  [[nodiscard]] std::string ask(const std::string& name, const Asker& asker,
                                int redirects = 0) const {
    if (redirects > 4) return "none";
    const auto lead = [&](const StaticRoute& r) {
      return r.to[0] == '@' ? "hive:" + r.to.substr(1) : ask(r.to, asker, redirects + 1);
    };
    const StaticRoute* row1 = best(name, false);
    if (row1 && row1->action == Action::kDrop) return "drop";
    if (row1 && row1->to != "@lab") return lead(*row1);
    for (const bool foreign : {false, true}) {
      std::vector<const NodeAt*> found;
      std::size_t blocked = 0;
      for (const NodeAt& n : nodes) {
        if (n.name.str() != name || (n.where == NodeAt::Where::kHive) != foreign) continue;
        const bool may = !asker.zone || !n.zone || *asker.zone == *n.zone;
        may ? found.push_back(&n) : void(++blocked);
      }
      if (found.empty() && blocked > 0) return "block";
      if (!found.empty())
        return fmt::format("node:{}", (*std::ranges::min_element(found, [&](auto* a, auto* b) {
                                        return rank(*a, asker) < rank(*b, asker);
                                      }))->id.uuid.str());
    }
    const HiveRoute* row4 = nullptr;
    for (const HiveRoute& r : hive_routes) {
      if (name.ends_with("@lab") || !r.pattern.matches(name)) continue;
      if (!row4 || order(r, 0) < order(*row4, 0)) row4 = &r;
    }
    if (row4) return "hive:" + row4->hive;
    const StaticRoute* row5 = best(name, true);
    return row5 && row5->to != "@lab" ? lead(*row5) : "none";
  }
  static std::tuple<int, int, std::uint64_t, std::uint64_t, NodeId> rank(const NodeAt& n,
                                                                         const Asker& asker) {
    const std::uint64_t score =
        asker.thread.empty() ? 0 : ~rendezvous_score(thread_key(asker.thread), node_key(n.id));
    const int peer = asker.thread.empty() && n.where == NodeAt::Where::kPeer ? 1 : 0;
    return {n.path, peer, score, asker.thread.empty() ? n.since : 0, n.id};
  }
};

class RandomHive {
 public:
  explicit RandomHive(unsigned seed) : random_(seed) {}

  void change() {
    const unsigned what = below(10);
    if (what < 6) add_node();
    if (what >= 6 && what < 8 && !literal_.nodes.empty()) remove_node();
    if (what == 8) new_rules();
    if (what == 9) new_hive_routes();
  }
  void compare() {
    const std::string name = some_name(), thread = below(2) ? fmt::format("t{}", below(50)) : "";
    const auto zone = below(8) ? std::optional(below(2)) : std::nullopt;
    const Asker asker{.zone = zone, .hive = "lab", .thread = thread};
    ASSERT_EQ(text_of(table_.ask(name, asker)), literal_.ask(name, asker)) << name;
  }

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::string some_base() {
    std::string base = below(8) ? "AI" : "SY";
    for (unsigned fields = 1 + below(3); fields > 0; --fields)
      base += fmt::format(".f{}", below(3));
    return base;
  }
  std::string some_hive() { return below(2) ? "lab" : fmt::format("h{}", below(3)); }
  std::string some_name() { return some_base() + "@" + some_hive(); }
  Pattern some_pattern() {
    const std::string base = some_base();
    switch (below(3)) {
      case 0:
        return {base + "@" + some_hive(), Match::kExact};
      case 1:
        return {base + ".*", Match::kPrefix};
      default:
        return {base + (below(2) ? "*" : "*@" + some_hive()), Match::kGlob};
    }
  }
  void add_node() {
    NodeAt node{.id = NodeId{Uuid::random()}, .name = named(some_name())};
    const bool ours = node.name.hive() == "lab";
    node.where =
        ours ? (below(2) ? NodeAt::Where::kHere : NodeAt::Where::kPeer) : NodeAt::Where::kHive;
    if (node.name.type() != NodeType::kSystem) node.zone = below(2);
    if (!ours) node.hive = node.name.hive(), node.path = static_cast<std::uint8_t>(1 + below(2));
    literal_.nodes.push_back(**table_.add(node));
  }
  void remove_node() {
    const auto at = literal_.nodes.begin() + below(static_cast<unsigned>(literal_.nodes.size()));
    table_.remove(at->id);
    literal_.nodes.erase(at);
  }
  void new_rules() {
    literal_.rules = {};
    for (unsigned i = below(12); i > 0; --i) {
      StaticRoute r{some_pattern(), static_cast<Action>(below(3)), "",
                    static_cast<std::uint16_t>(below(2)), below(2)};
      if (r.action != Action::kDrop) r.to = below(2) ? some_name() : "@" + some_hive();
      literal_.rules.routes.push_back(r);
    }
    for (unsigned i = below(5); i > 0; --i)
      literal_.rules.zones.push_back(
          {some_pattern(), below(2), static_cast<std::uint16_t>(below(3))});
    table_.set_rules(literal_.rules);
    for (NodeAt& node : literal_.nodes) {
      if (node.where == NodeAt::Where::kHere) node.zone = literal_zone(node.name);
    }
  }
  [[nodiscard]] std::optional<std::uint32_t> literal_zone(const Name& name) const {
    if (name.type() == NodeType::kSystem) return std::nullopt;
    const ZoneRule* best = nullptr;
    for (const ZoneRule& rule : literal_.rules.zones) {
      if (rule.pattern.matches(name.str()) && (!best || rule.priority < best->priority))
        best = &rule;
    }
    return best ? best->zone : 0;
  }
  void new_hive_routes() {  // one hive's, so that "the older" needs no memory
    literal_.hive_routes.clear();
    for (unsigned i = below(6); i > 0; --i)
      literal_.hive_routes.push_back({some_pattern(), below(3), "h1", nullptr});
    table_.set_hive_routes("h1", literal_.hive_routes);
  }
  static std::string text_of(const Decision& d) {
    switch (d.what) {
      case What::kNode:
        return "node:" + d.node->id.uuid.str();
      case What::kToHive:
        return "hive:" + std::string(d.hive);
      case What::kDrop:
        return "drop";
      case What::kBlocked:
        return "block";
      case What::kNone:
        return "none";
    }
    return "?";
  }

  std::mt19937 random_;
  Table table_;
  Literal literal_;
};

TEST(RouteTable, DecidesAsTheTruthTableReadLiterally) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    RandomHive hive(seed);
    for (int step = 0; step < 300; ++step) {
      hive.change();
      for (int i = 0; i < 10; ++i) {
        hive.compare();
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(RouteTable, AHundredThousandNodesComeAndGo) {
  Table table;
  constexpr std::uint32_t kNodes = 100'000;
  for (std::uint32_t i = 0; i < kNodes; ++i) table.here(fmt::format("AI.worker.n{}", i));
  for (std::uint32_t i = 0; i < kNodes; i += 3) table.remove(id_of(i + 1));
  for (std::uint32_t i = 0; i < kNodes; ++i) {
    const Decision d = table.to(fmt::format("AI.worker.n{}@lab", i));
    ASSERT_EQ(d.what == What::kNode, i % 3 != 0) << i;
    if (d.node != nullptr) ASSERT_EQ(d.node->id, id_of(i + 1));
  }
}

}  // namespace
}  // namespace skep::fabric
