#include "skep/agent/repair.h"

#include "support.h"

namespace skep::agent {
namespace {

using llm::ChatMessage;
using llm::Role;
using testing::tool_call;
using Messages = std::vector<ChatMessage>;

ChatMessage user(std::vector<Part> parts) { return {Role::kUser, std::move(parts)}; }
ChatMessage assistant(std::vector<Part> parts) { return {Role::kAssistant, std::move(parts)}; }
Part text(std::string words) { return TextPart{std::move(words)}; }
Part call(std::string id) { return tool_call(std::move(id), "t"); }
Part result(std::string id, std::string words = "r") {
  return ToolResult{std::move(id), "t", std::move(words), false};
}
Part lost(std::string id) {
  return ToolResult{std::move(id), "t", "interrupted; it may or may not have happened", true};
}

struct Case {
  const char* name;
  Messages before;
  Messages after;
  RepairStats stats;
};

TEST(Repair, MakesHistoriesAcceptable) {
  const Case cases[] = {
      {"nothing to do",
       {user({text("a")}), assistant({text("b")}), user({text("c")})},
       {user({text("a")}), assistant({text("b")}), user({text("c")})},
       {}},
      {"empty", {}, {}, {}},
      {"leading assistant",
       {assistant({text("x")}), user({text("a")})},
       {user({text("a")})},
       {.leading_dropped = 1}},
      {"only an assistant", {assistant({text("x")})}, {}, {.leading_dropped = 1}},
      {"neighbours",
       {user({text("a")}), user({text("b")})},
       {user({text("a"), text("b")})},
       {.merged = 1}},
      {"blank",
       {user({text("a")}), assistant({text(" \n")}), user({text("b")})},
       {user({text("a"), text("b")})},
       {.blank_messages = 1, .merged = 1}},
      {"lost result in the middle",
       {user({text("a")}), assistant({call("1")}), user({text("b")})},
       {user({text("a")}), assistant({call("1")}), user({lost("1"), text("b")})},
       {.missing_results = 1}},
      {"lost result at the end",
       {user({text("a")}), assistant({call("1"), call("2")})},
       {user({text("a")}), assistant({call("1"), call("2")}), user({lost("1"), lost("2")})},
       {.missing_results = 2}},
      {"results in another order",
       {user({text("a")}), assistant({call("1"), call("2")}),
        user({text("b"), result("2"), result("1")})},
       {user({text("a")}), assistant({call("1"), call("2")}),
        user({result("1"), result("2"), text("b")})},
       {}},
      {"orphan", {user({result("9"), text("a")})}, {user({text("a")})}, {.orphan_results = 1}},
      {"duplicate",
       {user({text("a")}), assistant({call("1")}), user({result("1", "x"), result("1", "y")})},
       {user({text("a")}), assistant({call("1")}), user({result("1", "x")})},
       {.duplicate_results = 1}},
      {"ids reused in later rounds",
       {user({text("a")}), assistant({call("0")}), user({result("0", "x")}), assistant({call("0")}),
        user({result("0", "y")})},
       {user({text("a")}), assistant({call("0")}), user({result("0", "x")}),
        assistant({call("0-2")}), user({result("0-2", "y")})},
       {.renamed_ids = 1}},
      {"ids reused in one turn",
       {user({text("a")}), assistant({call("0"), call("0")}),
        user({result("0", "x"), result("0", "y")})},
       {user({text("a")}), assistant({call("0"), call("0-2")}),
        user({result("0", "x"), result("0-2", "y")})},
       {.renamed_ids = 1}},
      {"a turn of orphans goes, its neighbours join",
       {user({text("a")}), assistant({text("b")}), user({result("9")}), assistant({text("c")})},
       {user({text("a")}), assistant({text("b"), text("c")})},
       {.orphan_results = 1, .blank_messages = 1, .merged = 1}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    Messages messages = one.before;
    EXPECT_EQ(repair(messages), one.stats);
    EXPECT_EQ(messages, one.after);
    EXPECT_EQ(repair(messages), RepairStats());
    EXPECT_EQ(messages, one.after);
  }
}

bool acceptable(const Messages& messages) {
  Role next = Role::kUser;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != next || messages[i].parts.empty()) return false;
    next = next == Role::kUser ? Role::kAssistant : Role::kUser;
    std::size_t calls = 0, results = 0;
    for (const Part& part : messages[i].parts)
      calls += std::holds_alternative<ToolCall>(part) ? 1 : 0;
    if (calls > 0 && i + 1 == messages.size()) return false;
    if (calls == 0) continue;
    for (const Part& part : messages[i + 1].parts)
      results += std::holds_alternative<ToolResult>(part) ? 1 : 0;
    if (calls != results) return false;
  }
  return true;
}

TEST(Repair, AnyMixtureBecomesAcceptableAndStaysSo) {
  std::uint32_t seed = 1;
  auto draw = [&seed](std::uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
  };
  for (int round = 0; round < 3000; ++round) {
    Messages messages(draw(8));
    for (ChatMessage& message : messages) {
      message.role = draw(2) == 0 ? Role::kUser : Role::kAssistant;
      for (std::uint32_t i = draw(4); i > 0; --i) {
        std::string id = std::to_string(draw(3));
        const Part parts[] = {text("t"), text(" "), call(id), result(id)};
        message.parts.push_back(parts[draw(4)]);
      }
    }
    repair(messages);
    ASSERT_TRUE(acceptable(messages)) << "round " << round;
    Messages again = messages;
    ASSERT_EQ(repair(again), RepairStats()) << "round " << round;
    ASSERT_EQ(again, messages) << "round " << round;
  }
}

}  // namespace
}  // namespace skep::agent
