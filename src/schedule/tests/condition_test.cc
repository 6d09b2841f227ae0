#include "skep/schedule/condition.h"

#include <gtest/gtest.h>

#include <vector>

namespace skep::schedule {
namespace {

bool matches(std::string_view condition, std::string_view action, std::string_view payload = "{}") {
  const auto parsed = Condition::parse(condition);
  EXPECT_TRUE(parsed) << condition;
  return parsed && parsed->matches(Event::from(action, payload));
}

TEST(Condition, TakesWhatItNames) {
  EXPECT_TRUE(matches("all", "ANYTHING"));
  EXPECT_TRUE(matches("event:agent_spawned", "AGENT_SPAWNED"));
  EXPECT_FALSE(matches("event:agent_spawned", "AGENT_TERMINATED"));
  EXPECT_TRUE(matches("event:agent_terminated", "AGENT_CRASHED"));
  EXPECT_TRUE(matches("event:lifecycle", "AGENT_SUSPENDED"));
  EXPECT_FALSE(matches("event:lifecycle", "CONFIG_CHANGED"));
  EXPECT_TRUE(matches("event:system", "CONFIG_CHANGED"));
  EXPECT_FALSE(matches("event:system", "AGENT_SPAWNED"));
  EXPECT_TRUE(matches("event:memory_update", "MEMORY_UPDATE"));
  EXPECT_TRUE(matches("memory:Plan", "MEMORY_UPDATE", R"({"key":"shared.plans.today"})"));
  EXPECT_FALSE(matches("memory:plan", "MEMORY_UPDATE", R"({"key":"shared.notes"})"));
  EXPECT_TRUE(matches("published:deploy", "EVENT", R"({"type":"deploy","data":{}})"));
  EXPECT_FALSE(matches("published:deploy", "EVENT", R"({"type":"deployed"})"));
  EXPECT_TRUE(matches("content:RED alert", "EVENT", R"({"data":{"text":"Red Alert in 4"}})"));
}

TEST(Condition, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"", "event:", "event:agent_spawn", "memory:", "always", "All"})
    EXPECT_FALSE(Condition::parse(text)) << text;
  EXPECT_TRUE(Condition::parse("event:agent_spawn")
                  .error()
                  .message.contains("did you mean \"event:agent_spawned\"?"));
  EXPECT_FALSE(Condition::parse("content:" + std::string(200, 'x')));
}

TEST(Event, TakesAnyBytes) {
  const Event event = Event::from("A\xff", std::string("\xff\x00{", 3) + std::string(9000, 'x'));
  EXPECT_LE(event.text().size(), Event::text_bytes_max + 200);
  EXPECT_EQ(Event::from("X", R"({"key":7,"type":null})").key, "");
}

}  // namespace
}  // namespace skep::schedule
