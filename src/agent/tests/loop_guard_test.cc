#include "skep/agent/loop_guard.h"

#include <gtest/gtest.h>

namespace skep::agent {
namespace {

using Do = LoopGuard::Do;

ToolCall call(std::string name, json::object arguments = {}) {
  return {.id = "c", .name = std::move(name), .arguments = std::move(arguments)};
}

std::vector<Do> verdicts(LoopGuard& guard, const std::vector<ToolCall>& calls) {
  std::vector<Do> all;
  for (const ToolCall& one : calls) all.push_back(guard.check(one).what);
  return all;
}

TEST(LoopGuard, WarnsAtTheThirdAndBlocksTheFifth) {
  LoopGuard guard({});
  EXPECT_EQ(verdicts(guard, std::vector<ToolCall>(6, call("file_read", {{"path", "a"}}))),
            (std::vector<Do>{Do::kRun, Do::kRun, Do::kWarn, Do::kWarn, Do::kBlock, Do::kBlock}));
}

TEST(LoopGuard, TheOrderOfMembersMakesNoOtherCall) {
  EXPECT_EQ(fingerprint(call("x", {{"a", 1}, {"b", json::object{{"c", 1}, {"d", 2}}}})),
            fingerprint(call("x", {{"b", json::object{{"d", 2}, {"c", 1}}}, {"a", 1}})));
  EXPECT_NE(fingerprint(call("x", {{"a", "1"}})), fingerprint(call("x", {{"a", 1}})));
  EXPECT_NE(fingerprint(call("x", {{"a", std::string(5000, 'p')}})),
            fingerprint(call("x", {{"a", std::string(5000, 'q')}})));
}

TEST(LoopGuard, OtherArgumentsAreOtherCalls) {
  LoopGuard guard({});
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(guard.check(call("file_read", {{"path", i}})).what, Do::kRun);
}

TEST(LoopGuard, BlocksTwoCallsInTurnBeforeTheLimitOfEach) {
  LoopGuard guard({});
  const ToolCall a = call("a"), b = call("b");
  const std::vector<Do> all = verdicts(guard, {a, b, a, b, a, b});
  EXPECT_EQ(all.back(), Do::kBlock);
  LoopGuard other({});
  const ToolCall c = call("c");
  EXPECT_EQ(verdicts(other, {a, b, c, a, b, c, a, b, c}).back(), Do::kBlock);
}

TEST(LoopGuard, LooksMayComeThreeTimesAsOften) {
  LoopGuard guard({});
  const ToolCall poll = call("shell_exec", {{"command", "docker ps -a"}});
  for (int i = 0; i < 8; ++i) EXPECT_EQ(guard.check(poll).what, Do::kRun);
  EXPECT_EQ(guard.check(poll).what, Do::kWarn);
  EXPECT_TRUE(is_poll(call("process_poll", {{"id", "p1"}})));
  EXPECT_FALSE(is_poll(call("shell_exec", {{"command", "make status"}})));
  EXPECT_FALSE(is_poll(call("file_read", {{"path", "docker ps"}})));
}

TEST(LoopGuard, EndsTheTurnAtTheThirtyFirstCall) {
  LoopGuard guard({});
  for (int i = 0; i < 30; ++i) EXPECT_NE(guard.check(call("x", {{"i", i}})).what, Do::kEnd);
  EXPECT_EQ(guard.check(call("x", {{"i", 30}})).what, Do::kEnd);
}

}  // namespace
}  // namespace skep::agent
