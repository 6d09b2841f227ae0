// The truth table of docs/fabric.md, "Which way": a test for each row and each tie-break.
#include <gtest/gtest.h>

#include "route_table_support.h"

namespace skep::fabric {
namespace {

// Row 1

TEST(RouteRow1, ADropBeatsTheConnectedNode) {
  Table table;
  const NodeAt* node = table.here("AI.a");
  const NodeAt* other = table.here("AI.b");
  table.set_rules({.routes = {route(Action::kDrop, "AI.a@lab", Match::kExact)}});
  const Decision d = table.to("AI.a@lab");
  EXPECT_EQ(d.what, What::kDrop);
  EXPECT_EQ(d.by, &table.rules().routes[0]);
  EXPECT_EQ(table.dropped(*node), &table.rules().routes[0]);  // for a destination that is its UUID
  EXPECT_EQ(table.dropped(*other), nullptr);
  EXPECT_EQ(table.to("AI.b@lab").node, other);
}

TEST(RouteRow1, ARedirectToANameBeatsTheConnectedNode) {
  Table table;
  table.here("AI.a");
  const NodeAt* b = table.here("AI.b");
  table.set_rules({.routes = {route(Action::kRedirect, "AI.a@lab", Match::kExact, "AI.b@lab")}});
  const Decision d = table.to("AI.a@lab");
  EXPECT_EQ(d.what, What::kNode);
  EXPECT_EQ(d.node, b);
  EXPECT_EQ(d.redirected_name, "AI.b@lab");
  EXPECT_EQ(d.by, &table.rules().routes[0]);
  EXPECT_EQ(table.dropped(*b), nullptr);
}

TEST(RouteRow1, ARedirectToAHiveKeepsTheName) {
  Table table;
  table.here("AI.a");
  table.set_rules({.routes = {route(Action::kRedirect, "AI.a@lab", Match::kExact, "@farm")}});
  const Decision d = table.to("AI.a@lab");
  EXPECT_EQ(d.what, What::kToHive);
  EXPECT_EQ(d.hive, "farm");
  EXPECT_EQ(d.exit, nullptr);
  EXPECT_EQ(d.redirected_name, "");
}

TEST(RouteRow1, ARouteToOurOwnHiveDoesNothingHere) {
  Table table;
  const NodeAt* a = table.here("AI.a");
  table.set_rules({.routes = {route(Action::kRedirect, "AI.*", Match::kPrefix, "@lab"),
                              route(Action::kFallback, "AI.*", Match::kPrefix, "@lab")}});
  EXPECT_EQ(table.to("AI.a@lab").node, a);
  EXPECT_EQ(table.to("AI.gone@lab").what, What::kNone);
}

TEST(RouteRow1, FourRedirectsAreFollowedAndAFifthIsNotFound) {
  Table table;
  const NodeAt* end = table.here("AI.n5");
  Rules rules;
  for (int i = 0; i < 5; ++i) {
    rules.routes.push_back(route(Action::kRedirect, fmt::format("AI.n{}@lab", i), Match::kExact,
                                 fmt::format("AI.n{}@lab", i + 1)));
  }
  table.set_rules(rules);
  EXPECT_EQ(table.to("AI.n1@lab").node, end);
  EXPECT_EQ(table.to("AI.n0@lab").what, What::kNone);
}

TEST(RouteRow1, RedirectsInACircleAreNotFound) {
  Table table;
  table.set_rules({.routes = {route(Action::kRedirect, "AI.a@lab", Match::kExact, "AI.b@lab"),
                              route(Action::kRedirect, "AI.b@lab", Match::kExact, "AI.a@lab")}});
  const Decision d = table.to("AI.a@lab");
  EXPECT_EQ(d.what, What::kNone);
  EXPECT_EQ(d.redirected_name, "");
}

TEST(RouteRow1, ADropAfterARedirectDrops) {
  Table table;
  table.here("AI.b");
  table.set_rules({.routes = {route(Action::kRedirect, "AI.a@lab", Match::kExact, "AI.b@lab"),
                              route(Action::kDrop, "AI.b@lab", Match::kExact)}});
  EXPECT_EQ(table.to("AI.a@lab").what, What::kDrop);
}

// The order within a row, shown with row 1: two routes, of which the first must win.
struct TieBreak {
  const char* why;
  StaticRoute winner, loser;
  friend void PrintTo(const TieBreak& tie, std::ostream* out) { *out << tie.why; }
};
class RouteRow1Order : public testing::TestWithParam<TieBreak> {};

TEST_P(RouteRow1Order, Decides) {
  for (const bool swapped : {false, true}) {
    if (swapped && GetParam().why == std::string_view("older")) continue;
    Table table;
    const NodeAt* x = table.here("WF.x");
    StaticRoute winner = GetParam().winner, loser = GetParam().loser;
    winner.action = Action::kRedirect, winner.to = "WF.x@lab";
    loser.action = Action::kDrop, loser.to = "";
    Rules rules;
    rules.routes = swapped ? std::vector{loser, winner} : std::vector{winner, loser};
    table.set_rules(rules);
    EXPECT_EQ(table.to("AI.sop.l1.x@lab").node, x) << GetParam().why;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Ties, RouteRow1Order,
    testing::Values(TieBreak{"longer", route(Action::kDrop, "AI.sop.l1.*", Match::kPrefix),
                             route(Action::kDrop, "AI.sop.*", Match::kPrefix)},
                    TieBreak{"longer", route(Action::kDrop, "*AI.sop.l1*@l*", Match::kGlob),
                             route(Action::kDrop, "AI.sop.*", Match::kPrefix)},
                    TieBreak{"exact over glob",
                             route(Action::kDrop, "AI.sop.l1.x@lab", Match::kExact),
                             route(Action::kDrop, "AI.sop.l1.x@lab*", Match::kGlob)},
                    TieBreak{"prefix over glob", route(Action::kDrop, "AI.sop.*", Match::kPrefix),
                             route(Action::kDrop, "AI.sop*", Match::kGlob, "", 0)},
                    TieBreak{"priority",
                             route(Action::kDrop, "AI.sop.*", Match::kPrefix, "", 10, 9),
                             route(Action::kDrop, "AI.sop.*", Match::kPrefix, "", 20, 1)},
                    TieBreak{"metric", route(Action::kDrop, "AI.*@lab", Match::kGlob, "", 10, 1),
                             route(Action::kDrop, "AI.*@lab*", Match::kGlob, "", 10, 2)},
                    TieBreak{"metric", route(Action::kDrop, "AI.sop.*", Match::kPrefix, "", 10, 1),
                             route(Action::kDrop, "AI.sop.*", Match::kPrefix, "", 10, 2)},
                    TieBreak{"older", route(Action::kDrop, "AI.sop.*", Match::kPrefix),
                             route(Action::kDrop, "AI.sop.*", Match::kPrefix)}));

// Row 2

TEST(RouteRow2, OneThreadStaysOnOneNodeWhereverItSits) {
  Table table;
  for (int i = 0; i < 4; ++i) i % 2 == 0 ? table.here("AI.a") : table.at_peer("AI.a");
  std::set<const NodeAt*> used;
  for (int t = 0; t < 64; ++t) {
    const std::string thread = fmt::format("thread:{}", t);
    const NodeAt* node = table.to("AI.a@lab", thread).node;
    ASSERT_NE(node, nullptr);
    EXPECT_EQ(table.to("AI.a@lab", thread).node, node);
    used.insert(node);
  }
  EXPECT_EQ(used.size(), 4u);
}

TEST(RouteRow2, RoutersOfAHiveAgreeOnTheNodeOfAThread) {
  Table one, two;  // what is here for one is at a peer for the other, and came in another order
  for (std::uint32_t i = 1; i <= 6; ++i) {
    const bool first = i <= 3;
    (void)one.add({.id = id_of(i),
                   .name = named("AI.a"),
                   .zone = 0,
                   .where = first ? NodeAt::Where::kHere : NodeAt::Where::kPeer});
    (void)two.add({.id = id_of(7 - i),
                   .name = named("AI.a"),
                   .zone = 0,
                   .where = i > 3 ? NodeAt::Where::kPeer : NodeAt::Where::kHere});
  }
  for (int t = 0; t < 100; ++t) {
    const std::string thread = fmt::format("thread:{}", t);
    EXPECT_EQ(one.to("AI.a@lab", thread).node->id, two.to("AI.a@lab", thread).node->id);
  }
}

// Routers of different builds must agree too: these choices may not change.
TEST(RouteRow2, TheChoiceForAThreadIsPartOfTheProtocol) {
  Table table;
  for (int i = 0; i < 5; ++i) table.here("AI.a");
  std::string chosen;
  for (int t = 0; t < 16; ++t) {
    const NodeAt* node = table.to("AI.a@lab", fmt::format("thread:sha256:{:064x}", t)).node;
    chosen += fmt::format("{}", node->id.uuid.bytes[15]);
  }
  EXPECT_EQ(chosen, "2141354411233521");
}

TEST(RouteRow2, OnlyTheThreadsOfANodeThatLeftMove) {
  Table table;
  for (int i = 0; i < 5; ++i) table.here("AI.a");
  std::map<std::string, NodeId> before;
  for (int t = 0; t < 200; ++t) {
    const std::string thread = fmt::format("thread:{}", t);
    before[thread] = table.to("AI.a@lab", thread).node->id;
  }
  table.remove(id_of(3));
  for (const auto& [thread, id] : before) {
    const NodeId now = table.to("AI.a@lab", thread).node->id;
    if (id == id_of(3)) EXPECT_NE(now, id);
    if (id != id_of(3)) EXPECT_EQ(now, id);
  }
}

TEST(RouteRow2, WithoutAThreadOwnNodesComeBeforePeers) {
  Table table;
  table.at_peer("AI.a");
  const NodeAt* own = table.here("AI.a");
  EXPECT_EQ(table.to("AI.a@lab").node, own);
}

TEST(RouteRow2, WithoutAThreadTheShortestQueueThenTheOlder) {
  Table table;
  std::size_t busy = 3, idle = 1;
  table.set_queue_length([](void* exit) { return *static_cast<std::size_t*>(exit); });
  table.here("AI.a", &busy);
  const NodeAt* first = table.here("AI.a", &idle);
  const NodeAt* second = table.here("AI.a", &idle);
  EXPECT_EQ(table.to("AI.a@lab").node, first);
  table.remove(first->id);
  EXPECT_EQ(table.to("AI.a@lab").node, second);
}

TEST(RouteRow2, WithoutAThreadTheOlderOfTwoPeers) {
  Table table;
  const NodeAt* older = table.at_peer("AI.a");
  table.at_peer("AI.a");
  EXPECT_EQ(table.to("AI.a@lab").node, older);
}

TEST(RouteRow2, ANodeOfAnotherZoneIsPassedOver) {
  Table table;
  const Asker from{.zone = 10, .hive = "lab", .thread = "t"};
  (void)table.add(
      {.id = id_of(1), .name = named("AI.a"), .zone = 0, .where = NodeAt::Where::kPeer});
  EXPECT_EQ(table.ask("AI.a@lab", from).what, What::kBlocked);
  auto allowed =
      table.add({.id = id_of(2), .name = named("AI.a"), .zone = 10, .where = NodeAt::Where::kPeer});
  EXPECT_EQ(table.ask("AI.a@lab", from).node, *allowed);
}

TEST(RouteRow2, ABlockedNodeDoesNotLeaveItToTheFallback) {
  Table table;
  table.here("AI.a");
  table.here("AI.b");
  table.set_rules({.routes = {route(Action::kFallback, "AI.*", Match::kPrefix, "AI.b@lab")},
                   .zones = {zone("AI.a@lab", Match::kExact, 7)}});
  EXPECT_EQ(table.to("AI.a@lab").what, What::kBlocked);
}

// Row 3

TEST(RouteRow3, TheShortestPathThenRendezvous) {
  Table table;
  table.in_hive("AI.a@farm", 2);
  const NodeAt* near = table.in_hive("AI.a@farm", 1);
  EXPECT_EQ(table.to("AI.a@farm", "t").node, near);
  table.in_hive("AI.a@farm", 1);
  std::set<const NodeAt*> used;
  for (int t = 0; t < 32; ++t) used.insert(table.to("AI.a@farm", fmt::format("t{}", t)).node);
  EXPECT_EQ(used.size(), 2u);
  EXPECT_EQ(table.to("AI.a@farm").node, near);  // no thread: the older
}

TEST(RouteRow3, ANodeBeatsARouteAndAFallback) {
  Table table;
  const NodeAt* a = table.in_hive("AI.a@farm");
  table.set_hive_routes("barn", {{{"AI.a@farm", Match::kExact}, 0, "barn", nullptr}});
  table.set_rules({.routes = {route(Action::kFallback, "AI.a@farm", Match::kExact, "@barn")}});
  EXPECT_EQ(table.to("AI.a@farm").node, a);
}

TEST(RouteRow3, ANodeOfAnotherZoneBlocks) {
  Table table;
  table.in_hive("AI.a@farm");
  EXPECT_EQ(table.ask("AI.a@farm", {.zone = 3, .hive = "lab"}).what, What::kBlocked);
  EXPECT_EQ(table.ask("AI.a@farm", {.zone = std::nullopt, .hive = "lab"}).what, What::kNode);
}

// Row 4

TEST(RouteRow4, ARouteOfAnotherHiveLeadsThere) {
  Table table;
  int link = 0;
  table.set_hive_routes("farm", {{{"AI.sop.*", Match::kPrefix}, 0, "farm", &link}});
  const Decision d = table.to("AI.sop.l1@farm");
  EXPECT_EQ(d.what, What::kToHive);
  EXPECT_EQ(d.hive, "farm");
  EXPECT_EQ(d.exit, &link);
  EXPECT_EQ(d.by, nullptr);
}

TEST(RouteRow4, NeverForNamesOfOurHive) {
  Table table;
  table.set_hive_routes("farm", {{{"*", Match::kGlob}, 0, "farm", nullptr}});
  EXPECT_EQ(table.to("AI.sop.l1@lab").what, What::kNone);
  EXPECT_EQ(table.to("AI.sop.l1@barn").what, What::kToHive);
}

TEST(RouteRow4, LongerThenKindThenMetricThenTheOlder) {
  Table table;
  const auto hive_for = [&](std::string_view name) { return std::string(table.to(name).hive); };
  table.set_hive_routes("h1", {{{"AI.*", Match::kPrefix}, 0, "h1", nullptr},
                               {{"AI.m.*", Match::kPrefix}, 5, "h1", nullptr},
                               {{"AI.o.*", Match::kPrefix}, 5, "h1", nullptr},
                               {{"AI.k*", Match::kGlob}, 0, "h1", nullptr}});
  table.set_hive_routes("h2", {{{"AI.l.*", Match::kPrefix}, 9, "h2", nullptr},
                               {{"AI.m.*", Match::kPrefix}, 4, "h2", nullptr},
                               {{"AI.o.*", Match::kPrefix}, 5, "h2", nullptr},
                               {{"AI.k.*", Match::kPrefix}, 9, "h2", nullptr}});
  EXPECT_EQ(hive_for("AI.l.x@far"), "h2");
  EXPECT_EQ(hive_for("AI.k.x@far"), "h2");
  EXPECT_EQ(hive_for("AI.m.x@far"), "h2");
  EXPECT_EQ(hive_for("AI.o.x@far"), "h1");
  table.set_hive_routes("h1", {{{"AI.o.*", Match::kPrefix}, 5, "h1", nullptr}});
  EXPECT_EQ(hive_for("AI.o.x@far"), "h1") << "telling them anew makes a hive no younger";
  EXPECT_EQ(hive_for("AI.q.x@far"), "");
}

TEST(RouteRow4, GoesWithItsExit) {
  Table table;
  int link = 0;
  table.set_hive_routes("farm", {{{"AI.sop.*", Match::kPrefix}, 0, "farm", &link}});
  table.remove_exit(&link);
  EXPECT_EQ(table.to("AI.sop.l1@farm").what, What::kNone);
}

// Row 5 and 6

TEST(RouteRow5, AFallbackTakesWhatNobodyHas) {
  Table table;
  const NodeAt* desk = table.here("AI.desk");
  const NodeAt* known = table.here("AI.known");
  table.set_rules({.routes = {route(Action::kFallback, "AI.*", Match::kPrefix, "AI.desk@lab"),
                              route(Action::kFallback, "WF.*", Match::kPrefix, "@farm")}});
  EXPECT_EQ(table.to("AI.known@lab").node, known);
  const Decision d = table.to("AI.gone@lab");
  EXPECT_EQ(d.node, desk);
  EXPECT_EQ(d.redirected_name, "AI.desk@lab");
  EXPECT_EQ(d.by, &table.rules().routes[0]);
  EXPECT_EQ(table.to("WF.x@lab").hive, "farm");
}

TEST(RouteRow5, AHiveRouteComesBeforeAFallback) {
  Table table;
  table.set_hive_routes("farm", {{{"AI.*", Match::kPrefix}, 0, "farm", nullptr}});
  table.set_rules({.routes = {route(Action::kFallback, "AI.x@far", Match::kExact, "@barn")}});
  EXPECT_EQ(table.to("AI.x@far").hive, "farm");
}

TEST(RouteRow5, AFallbackToANameThatIsGoneIsNotFound) {
  Table table;
  table.set_rules({.routes = {route(Action::kFallback, "AI.*", Match::kPrefix, "AI.desk@lab")}});
  EXPECT_EQ(table.to("AI.gone@lab").what, What::kNone);
}

TEST(RouteRow6, NobodyIsNotFound) {
  Table table;
  table.here("AI.a");
  EXPECT_EQ(table.to("AI.b@lab").what, What::kNone);
  EXPECT_EQ(table.to("AI.a").what, What::kNone) << "a name without a hive is not completed";
  EXPECT_EQ(table.to("").what, What::kNone);
  EXPECT_EQ(table.to("@*").what, What::kNone);
  EXPECT_EQ(table.to(std::string(5'000, 'x') + "@*").what, What::kNone);
}

}  // namespace
}  // namespace skep::fabric
