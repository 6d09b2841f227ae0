// Destinations "base@*": what the sender's hive has, else what any hive has.
#include <gtest/gtest.h>

#include "route_table_support.h"

namespace skep::fabric {
namespace {

TEST(RouteAnyHive, TheSendersHiveThenEveryHive) {  // scenario 13
  Table table;
  const NodeAt* remote = table.in_hive("AI.a@farm");
  const NodeAt* local = table.here("AI.a");
  EXPECT_EQ(table.to("AI.a@*").node, local);
  EXPECT_EQ(table.ask("AI.a@*", {.zone = 0, .hive = "farm"}).node, remote);
  table.remove(local->id);
  EXPECT_EQ(table.to("AI.a@*").node, remote);
  table.remove(remote->id);
  EXPECT_EQ(table.to("AI.a@*").what, What::kNone);
}

TEST(RouteAnyHive, TheNearestOfOtherHives) {
  Table table;
  table.in_hive("AI.a@far", 3);
  const NodeAt* near = table.in_hive("AI.a@near", 1);
  EXPECT_EQ(table.to("AI.a@*", "t").node, near);
}

TEST(RouteAnyHive, TheBaseMayHoldStars) {
  Table table;
  const NodeAt* remote = table.in_hive("AI.sop.l2@farm");
  table.here("AI.other");
  EXPECT_EQ(table.to("AI.sop.*@*").node, remote);
  const NodeAt* local = table.here("AI.sop.l1");
  EXPECT_EQ(table.to("AI.sop.*@*").node, local);
  EXPECT_EQ(table.to("AI.zzz*@*").what, What::kNone);
}

TEST(RouteAnyHive, ABlockedNodeOfTheSendersHiveIsFinal) {
  Table table;
  table.here("AI.a");
  (void)table.add({.id = id_of(9),
                   .name = named("AI.a@farm"),
                   .zone = 4,
                   .where = NodeAt::Where::kHive,
                   .hive = "farm",
                   .path = 1});
  EXPECT_EQ(table.ask("AI.a@*", {.zone = 4, .hive = "lab"}).what, What::kBlocked);
}

TEST(RouteAnyHive, StaticRoutesHoldForTheNodeThatWasFound) {
  Table table;
  table.in_hive("AI.a@farm");
  const NodeAt* b = table.here("AI.b");
  table.set_rules({.routes = {route(Action::kDrop, "AI.a@farm", Match::kExact)}});
  EXPECT_EQ(table.to("AI.a@*").what, What::kDrop);
  table.set_rules({.routes = {route(Action::kRedirect, "AI.a@farm", Match::kExact, "AI.b@lab")}});
  EXPECT_EQ(table.to("AI.a@*").node, b);
  table.set_rules({.routes = {route(Action::kDrop, "AI.*", Match::kPrefix)}});
  EXPECT_EQ(table.to("AI.gone@*").what, What::kDrop);
}

TEST(RouteAnyHive, RoutesAndFallbacksComeLast) {
  Table table;
  table.set_rules({.routes = {route(Action::kFallback, "AI.*", Match::kPrefix, "@barn")}});
  EXPECT_EQ(table.to("AI.sop.x@*").hive, "barn");
  table.set_hive_routes("farm", {{{"AI.sop.x@farm", Match::kExact}, 0, "farm", nullptr}});
  EXPECT_EQ(table.to("AI.sop.x@*").hive, "farm");
  EXPECT_EQ(table.to("AI.sop.y@*").hive, "barn");
}

}  // namespace
}  // namespace skep::fabric
