#include "skep/fabric/tracer.h"

#include <gtest/gtest.h>

#include "hops.h"
#include "joined_routers.h"
#include "support.h"

namespace skep::fabric {
namespace {

struct Quiet : Inbox {
  Result<void> deliver(Message) override { return {}; }
};

struct House {
  House(Loop& loop, std::string hive, std::string name)
      : router(std::move(*Router::open({.hive = std::move(hive), .name = std::move(name)}))),
        tracer(Tracer::open(loop, *router)) {}
  Port node(std::string_view name) {
    return std::move(*router->attach(*Name::parse(name, router->hive()), {Uuid::random()}, inbox));
  }
  Quiet inbox;
  std::unique_ptr<Router> router;
  std::unique_ptr<Tracer> tracer;
};

Message say(std::string_view to, std::string trace) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = std::move(trace);
  message.dst = *Name::parse(to);
  message.parts = {TextPart{"hello"}};
  return message;
}

struct Step {
  std::string router, to, row, outcome;
  bool operator==(const Step&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << step.router << " " << step.to << " " << step.row << " " << step.outcome;
}

std::vector<Step> steps_of(const json::object& found) {
  std::vector<Step> steps;
  for (const json::value& hop : found.at("hops").as_array()) {
    steps.push_back({std::string(get_string(hop, "router")), std::string(get_string(hop, "to")),
                     std::string(get_string(hop, "row")), std::string(get_string(hop, "outcome"))});
  }
  return steps;
}

class TracerTest : public testing::Test {
 protected:
  json::object trace(House& house, const std::string& id) {
    const Ctx ctx;
    auto found = loop.run(house.tracer->trace(ctx, id));
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : json::object{{"hops", json::array()}, {"routers", json::array()}};
  }
  Loop loop;
};
using Steps = std::vector<Step>;

TEST_F(TracerTest, ShowsTheRowThatDecidedAndWhyAMessageWasDropped) {
  House one(loop, "lab", "RT.one");
  Rules rules;
  rules.routes = {
      {.pattern = {"AI.gone@lab", Match::kExact}, .action = StaticRoute::Action::kDrop, .to = {}},
      {.pattern = {"AI.old@lab", Match::kExact},
       .action = StaticRoute::Action::kRedirect,
       .to = "AI.new@lab"}};
  one.router->core().set_rules(std::move(rules));
  Port a = one.node("AI.a"), fresh = one.node("AI.new");
  for (const char* to : {"AI.new@lab", "AI.old@lab", "AI.gone@lab", "AI.nobody@lab"})
    (void)a.send(say(to, "T1"));
  (void)a.send(say("AI.new@lab", "T2"));
  EXPECT_EQ(steps_of(trace(one, "T1")),
            (Steps{{"RT.one@lab", "AI.new@lab", "2: node of this hive", "handed on"},
                   {"RT.one@lab", "AI.old@lab", "1: static route", "handed on"},
                   {"RT.one@lab", "AI.gone@lab", "1: static route", "ROUTE_DROP"},
                   {"RT.one@lab", "AI.nobody@lab", "none", "NODE_NOT_FOUND"}}));
}

TEST_F(TracerTest, FindsAMessageByItsOwnIdToo) {
  House one(loop, "lab", "RT.one");
  Port a = one.node("AI.a"), b = one.node("AI.b");
  Message message = say("AI.b@lab", "T1");
  const std::string id = message.id.str();
  ASSERT_TRUE(a.send(std::move(message)));
  ASSERT_EQ(steps_of(trace(one, id)).size(), 1u);
  EXPECT_EQ(get_string(trace(one, id).at("hops").as_array()[0], "node"), "AI.b@lab");
}

TEST_F(TracerTest, TwoRoutersShowTheWholeWayInItsOrder) {
  House one(loop, "lab", "RT.one"), two(loop, "lab", "RT.two");
  Port a = one.node("AI.a"), b = two.node("AI.b");
  const Joint joint(*one.router, *two.router, Joint::As::kPeers);
  ASSERT_TRUE(a.send(say("AI.b@lab", "T1")));
  const Steps way{{"RT.one@lab", "AI.b@lab", "2: node of this hive", "handed on"},
                  {"RT.two@lab", "AI.b@lab", "2: node of this hive", "handed on"}};
  EXPECT_EQ(steps_of(trace(one, "T1")), way);
  EXPECT_EQ(steps_of(trace(two, "T1")), way);
}

TEST_F(TracerTest, AnotherHiveAnswersToo) {
  House here(loop, "lab", "RT.one"), there(loop, "shop", "RT.one");
  Port a = here.node("AI.a"), b = there.node("AI.b");
  here.router->core().set_gateway(true);
  there.router->core().set_gateway(true);
  const Joint joint(*here.router, *there.router, Joint::As::kHives);
  ASSERT_TRUE(a.send(say("AI.b@shop", "T1")));
  EXPECT_EQ(steps_of(trace(here, "T1")),
            (Steps{{"RT.one@lab", "AI.b@shop", "3: node of another hive", "handed on"},
                   {"RT.one@shop", "AI.b@shop", "2: node of this hive", "handed on"}}));
}

TEST_F(TracerTest, ANodeMayNotAnswerForARouter) {
  House one(loop, "lab", "RT.one"), two(loop, "lab", "RT.two");
  Port a = one.node("AI.a"), liar = one.node("AI.liar");
  const Joint joint(*one.router, *two.router, Joint::As::kPeers);
  Message lie;
  lie.id = MessageId(mint_ulid());
  lie.dst = Broadcast{"RT.*@*"};
  lie.kind = Kind::kSystem;
  lie.action = "TRACE_HOPS";
  lie.payload = R"({"question":"","hops":[{"id":"x"}]})";
  ASSERT_TRUE(liar.send(std::move(lie)));
  const json::object found = trace(one, "T1");
  EXPECT_TRUE(steps_of(found).empty());
  EXPECT_EQ(found.at("routers").as_array().size(), 2u);
}

TEST_F(TracerTest, RefusesWhatIsNoId) {
  House one(loop, "lab", "RT.one");
  const Ctx ctx;
  for (const std::string& id : {std::string(), std::string("a b"), std::string(65, 'x')}) {
    auto found = loop.run(one.tracer->trace(ctx, id));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::kInvalid);
  }
}

TEST_F(TracerTest, TheRingForgetsTheOldestAndGivesTheNewest) {
  House one(loop, "lab", "RT.one");
  Port a = one.node("AI.a"), b = one.node("AI.b");
  ASSERT_TRUE(a.send(say("AI.b@lab", "old")));
  for (std::size_t i = 0; i < Hops::hops_max; ++i) ASSERT_TRUE(a.send(say("AI.b@lab", "new")));
  EXPECT_TRUE(steps_of(trace(one, "old")).empty());
  EXPECT_EQ(steps_of(trace(one, "new")).size(), kTraceHopsMax);
}

}  // namespace
}  // namespace skep::fabric
