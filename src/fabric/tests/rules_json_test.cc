#include <gtest/gtest.h>

#include "route_table_support.h"

namespace skep::fabric {
namespace {

Result<std::vector<StaticRoute>> routes_of(std::string_view text) {
  return routes_from_json(*parse_json(text));
}
Result<std::vector<ZoneRule>> zones_of(std::string_view text) {
  return zones_from_json(*parse_json(text));
}

TEST(RulesJson, ReadsRoutesOfTheNodeProtocol) {
  auto routes = routes_of(R"({"routes":[
      {"prefix":"AI.sop.*","match_kind":"PREFIX","action":"FORWARD","next_hop_hive":"farm","metric":3,"priority":10},
      {"prefix":"AI.bad@lab","match_kind":"EXACT","action":"DROP"},
      {"prefix":"AI.sop","action":"REDIRECT","to":"AI.desk@lab"},
      {"prefix":"*@old","match_kind":"GLOB","action":"FALLBACK","to":"@farm","flags":1,"installed_at":9}]})");
  ASSERT_TRUE(routes) << routes.error().message;
  EXPECT_EQ(*routes,
            (std::vector{route(Action::kFallback, "AI.sop.*", Match::kPrefix, "@farm", 10, 3),
                         route(Action::kDrop, "AI.bad@lab", Match::kExact),
                         route(Action::kRedirect, "AI.sop", Match::kPrefix, "AI.desk@lab"),
                         route(Action::kFallback, "*@old", Match::kGlob, "@farm")}));
}

TEST(RulesJson, ReadsZonesAndBareArrays) {
  auto zones = zones_of(R"([{"pattern":"AI.sop.*","vpn_id":20},
      {"pattern":"AI.x@lab","match_kind":"EXACT","vpn_id":4294967295,"priority":1}])");
  ASSERT_TRUE(zones) << zones.error().message;
  EXPECT_EQ(*zones, (std::vector{zone("AI.sop.*", Match::kPrefix, 20),
                                 zone("AI.x@lab", Match::kExact, 4'294'967'295u, 1)}));
  EXPECT_TRUE(routes_of("[]")->empty());
}

TEST(RulesJson, WritesWhatItReads) {
  const std::vector routes = {route(Action::kFallback, "AI.sop.*", Match::kPrefix, "@farm", 10, 3),
                              route(Action::kFallback, "AI.a@lab", Match::kExact, "AI.b@lab"),
                              route(Action::kRedirect, "AI.c*", Match::kGlob, "@farm"),
                              route(Action::kRedirect, "AI.d.*", Match::kPrefix, "AI.b@lab"),
                              route(Action::kDrop, "AI.e.*", Match::kPrefix)};
  EXPECT_EQ(*routes_from_json(to_json_value(routes)), routes);
  const std::vector zones = {zone("AI.*", Match::kPrefix, 7), zone("*x@lab", Match::kGlob, 0, 3)};
  EXPECT_EQ(*zones_from_json(to_json_value(zones)), zones);
  EXPECT_EQ(to_json(to_json_value(std::vector{routes[0]})),
            R"({"routes":[{"prefix":"AI.sop.*","match_kind":"PREFIX","action":"FORWARD",)"
            R"("next_hop_hive":"farm","metric":3,"priority":10}]})");
}

TEST(RulesJson, RefusesRoutesThatCouldNeverDoWhatTheySay) {
  for (std::string_view entry : {
           R"({"action":"DROP"})",
           R"({"prefix":"","action":"DROP"})",
           R"({"prefix":"AI.a.*"})",
           R"({"prefix":"AI.a.*","action":"drop"})",
           R"({"prefix":"AI.a.*","action":"FORWARD"})",
           R"({"prefix":"AI.a.*","action":"REDIRECT","to":"AI.b"})",
           R"({"prefix":"AI.a.*","action":"REDIRECT","to":"@"})",
           R"({"prefix":"AI.a.*","action":"REDIRECT","to":"AI.b@*"})",
           R"({"prefix":"AI.a.*","action":"FORWARD","next_hop_hive":"a b"})",
           R"({"prefix":"AI.a.*","action":"FORWARD","to":"@x","next_hop_hive":"x"})",
           R"({"prefix":"AI.a.*","match_kind":"REGEX","action":"DROP"})",
           R"({"prefix":"AI.a","match_kind":"EXACT","action":"DROP"})",
           R"({"prefix":"AI.*@lab","match_kind":"EXACT","action":"DROP"})",
           R"({"prefix":"AI.*.b.*","action":"DROP"})",
           R"({"prefix":"AI.a@lab","action":"DROP"})",
           R"({"prefix":".*","action":"DROP"})",
           R"({"prefix":"AI a.*","action":"DROP"})",
           R"({"prefix":"AI.a.*","action":"DROP","priority":65536})",
           R"({"prefix":"AI.a.*","action":"DROP","priority":-1})",
           R"({"prefix":"AI.a.*","action":"DROP","metric":"1"})",
           R"({"prefix":"AI.a.*","action":"DROP","piority":1})",
           R"({"prefix":7,"action":"DROP"})",
           R"("AI.a.*")",
       }) {
    auto routes = routes_of(fmt::format(R"([{{"prefix":"AI.ok.*","action":"DROP"}},{}])", entry));
    ASSERT_FALSE(routes) << entry;
    EXPECT_EQ(routes.error().code, Code::kInvalid);
    EXPECT_TRUE(routes.error().message.starts_with("routes[1]: ")) << routes.error().message;
  }
  EXPECT_EQ(routes_of(R"({"vpns":[]})").error().code, Code::kInvalid);
  EXPECT_EQ(zones_of(R"([{"pattern":"AI.*"}])").error().message, R"(vpns[0]: "vpn_id" is missing)");
  EXPECT_FALSE(zones_of(R"([{"pattern":"AI.*","vpn_id":4294967296}])"));
}

TEST(RulesJson, RefusesMoreThanTheLimits) {
  std::vector<StaticRoute> routes(kRoutesMax, route(Action::kDrop, "AI.a.*", Match::kPrefix));
  EXPECT_TRUE(routes_from_json(to_json_value(routes)));
  routes.push_back(routes.front());
  EXPECT_EQ(routes_from_json(to_json_value(routes)).error().code, Code::kTooLarge);
  routes.assign(kGlobsMax, route(Action::kDrop, "AI.a*", Match::kGlob));
  EXPECT_TRUE(routes_from_json(to_json_value(routes)));
  routes.push_back(routes.front());
  EXPECT_EQ(routes_from_json(to_json_value(routes)).error().code, Code::kTooLarge);
}

TEST(Pattern, MatchesByItsKind) {
  const auto matches = [](std::string_view pattern, Match match, std::string_view name) {
    return Pattern{std::string(pattern), match}.matches(name);
  };
  EXPECT_TRUE(matches("AI.sop.*", Match::kPrefix, "AI.sop.l1@h"));  // scenario 18
  EXPECT_FALSE(matches("AI.sop.*", Match::kPrefix, "AI.sopx@h"));
  EXPECT_FALSE(matches("AI.sop.*", Match::kPrefix, "AI.sop@h"));
  EXPECT_TRUE(matches("AI.sop", Match::kPrefix, "AI.sop.l1@h"));
  EXPECT_TRUE(matches("AI.sop@h", Match::kExact, "AI.sop@h"));
  EXPECT_FALSE(matches("AI.sop@h", Match::kExact, "AI.sop@hh"));
  EXPECT_TRUE(matches("AI.*@h", Match::kGlob, "AI.a.b@h"));
  EXPECT_FALSE(matches("AI.*@h", Match::kGlob, "IO.a.b@h"));
}

}  // namespace
}  // namespace skep::fabric
