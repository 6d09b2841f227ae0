#include "skep/agent/prompt.h"

#include "skep/net/http_client.h"
#include "skep/tools/builtin.h"
#include "skep/tools/memory_tools.h"
#include "support.h"

namespace skep::agent {
namespace {

using llm::Role;
using memory::TranscriptEntry;
using memory::TranscriptMessage;

std::vector<std::string> lines_of(const Prompt& prompt) {
  llm::Request request{.messages = prompt.messages};
  return testing::told(request);
}

TranscriptEntry said(TranscriptMessage::Role role, std::string content,
                     const char* ts = "2026-03-02T07:59:00Z") {
  return TranscriptMessage{
      .role = role, .content = std::move(content), .msg_id = "id-17", .ts = parse_rfc3339(ts)};
}
TranscriptEntry user(std::string content, const char* ts = "2026-03-02T07:59:00Z") {
  return said(TranscriptMessage::Role::kUser, std::move(content), ts);
}
TranscriptEntry assistant(std::string content, const char* ts = "2026-03-02T07:59:00Z") {
  return said(TranscriptMessage::Role::kAssistant, std::move(content), ts);
}

PromptInput basic() {
  return {.agent_name = "Skep",
          .newest = {TextPart{"hello"}},
          .now = *parse_rfc3339("2026-03-02T08:00:00Z"),
          .time_zone = "UTC",
          .channel = "xmpp",
          .peer = "ann@example.org"};
}

TEST(Prompt, PutsWhatChangesIntoTheNewestMessage) {
  Prompt prompt = assemble(basic());
  EXPECT_EQ(lines_of(prompt),
            (std::vector<std::string>{
                "user: <context>\nnow: Monday, 2 March 2026, 08:00 (UTC)\n"
                "channel: xmpp, one-to-one with ann@example.org\n</context> hello"}));
  EXPECT_FALSE(prompt.system.contains("2026"));
  EXPECT_EQ(prompt.cached_messages, 0u);
}

TEST(Prompt, IsTheSameAtAnotherTimeButForTheNewestMessage) {
  PromptInput input = basic();
  input.history = {user("a"), assistant("b")};
  Prompt one = assemble(input);
  input.now += std::chrono::hours(30);
  Prompt two = assemble(input);
  EXPECT_EQ(one.system, two.system);
  ASSERT_EQ(one.cached_messages, 2u);
  EXPECT_TRUE(std::equal(one.messages.begin(), one.messages.begin() + 2, two.messages.begin()));
}

TEST(Prompt, OrdersTheWorkspaceTexts) {
  PromptInput input = basic();
  input.texts = {.identity = "I-TEXT\n",
                 .personality = "P-TEXT",
                 .instructions = "N-TEXT",
                 .profile = "U-TEXT",
                 .memory = "M-TEXT"};
  input.tools = {{"memory_recall", "d", json::object()}};
  std::string system = assemble(input).system;
  std::size_t last = 0;
  for (const char* piece : {"# Rules", "I-TEXT", "P-TEXT", "N-TEXT", "# Tools",
                            "# About this person\nU-TEXT", "# Notes and memory\nM-TEXT"}) {
    std::size_t at = system.find(piece);
    ASSERT_NE(at, std::string::npos) << piece;
    EXPECT_GE(at, last) << piece;
    last = at;
  }
  EXPECT_FALSE(system.contains("You are Skep"));
}

TEST(Prompt, TheBuiltInIdentityTellsTheTruthAboutTools) {
  PromptInput input = basic();
  EXPECT_TRUE(assemble(input).system.contains("You are Skep"));
  EXPECT_TRUE(assemble(input).system.contains("You have no tools"));
  EXPECT_FALSE(assemble(input).system.contains("# Tools"));
  input.tools = {{"memory_recall", "d", json::object()}};
  std::string system = assemble(input).system;
  EXPECT_FALSE(system.contains("no tools"));
  EXPECT_TRUE(system.contains("memory_recall:"));
  EXPECT_FALSE(system.contains("web_fetch"));
  EXPECT_FALSE(system.contains("memory_store"));
}

TEST(Prompt, ReplaysHistoryWithoutIdsAndTimes) {
  PromptInput input = basic();
  input.history = {user("first"), assistant("second")};
  auto lines = lines_of(assemble(input));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "user: first");
  EXPECT_EQ(lines[1], "assistant: second");
}

TEST(Prompt, StartsWithAUserTurnAndMergesNeighbours) {
  PromptInput input = basic();
  input.history = {assistant("stray"), user("a"),      user("b"),
                   assistant("c"),     assistant("d"), user("unanswered")};
  Prompt prompt = assemble(input);
  auto lines = lines_of(prompt);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "user: a b");
  EXPECT_EQ(lines[1], "assistant: c d");
  EXPECT_TRUE(lines[2].starts_with("user: unanswered <context>"));
  EXPECT_EQ(prompt.cached_messages, 2u);
}

TEST(Prompt, DropsTheOldestWholeTurnsOverTheBudget) {
  PromptInput input = basic();
  for (int i = 0; i < 10; ++i) {
    input.history.push_back(user(fmt::format("{} {}", i, std::string(400, 'q'))));
    input.history.push_back(assistant(std::string(400, 'a')));
  }
  input.history_token_budget = 700;  // a turn is about 200 tokens and some
  Prompt prompt = assemble(input);
  EXPECT_EQ(prompt.dropped_turns, 7u);
  EXPECT_EQ(prompt.messages.size(), 7u);
  EXPECT_TRUE(lines_of(prompt).at(0).starts_with("user: 7 "));
  input.history_token_budget = 0;
  EXPECT_EQ(assemble(input).messages.size(), 1u);
}

TEST(Prompt, KeepsTheSummaryWhateverTheBudget) {
  PromptInput input = basic();
  input.history = {
      user("old"), assistant("old"),
      memory::TranscriptSummary{.compacted_count = 2, .content = "They spoke of bees."},
      user("new"), assistant("newer")};
  auto lines = lines_of(assemble(input));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "user: [Summary of this conversation so far]\nThey spoke of bees. new");
  input.history_token_budget = 0;
  EXPECT_TRUE(lines_of(assemble(input)).at(0).contains("They spoke of bees."));
}

TEST(Prompt, SaysHowMuchTimeHasPassed) {
  PromptInput input = basic();
  input.history = {user("a", "2026-03-01T08:00:00Z"), assistant("b", "2026-03-01T08:00:01Z"),
                   user("c", "2026-03-01T09:30:01Z"), assistant("d", "2026-03-01T09:30:02Z"),
                   user("e", "2026-03-04T10:00:00Z"), assistant("f", "2026-03-04T10:00:00Z")};
  auto lines = lines_of(assemble(input));
  EXPECT_EQ(lines.at(2), "user: [1 hour later]\nc");
  EXPECT_EQ(lines.at(4), "user: [3 days later]\ne");
}

TEST(Prompt, NamesFilesOfPastAndPresentInOneLineEach) {
  PromptInput input = basic();
  TranscriptMessage with_file{.role = TranscriptMessage::Role::kUser, .content = "look"};
  with_file.attachments = {{"a \"b\".pdf", "application/pdf", "120 KB"}};
  input.history = {with_file, assistant("seen")};
  input.newest = {TextPart{"and this"},
                  FilePart{"c.txt", "text/plain", 2048, "https://x.example/c", ""},
                  ImagePart{"image/png", "bytes"}};
  Prompt prompt = assemble(input);
  auto lines = lines_of(prompt);
  EXPECT_EQ(lines.at(0),
            "user: {\"attachment\":\"a \\\"b\\\".pdf\",\"type\":\"application/pdf\",\"size\":\"120 "
            "KB\"}\nlook");
  EXPECT_TRUE(lines.at(2).contains(
      "{\"attachment\":\"c.txt\",\"type\":\"text/plain\",\"size\":\"2 KB\"} and this"))
      << lines.at(2);
  EXPECT_TRUE(std::holds_alternative<ImagePart>(prompt.messages.back().parts.back()));
}

TEST(Prompt, TellsTheTimeOfTheConfiguredZone) {
  PromptInput input = basic();
  input.time_zone = "Europe/Paris";
  EXPECT_TRUE(lines_of(assemble(input))
                  .back()
                  .contains("now: Monday, 2 March 2026, 09:00 (Europe/Paris, UTC+01:00)"));
  input.now = *parse_rfc3339("2026-07-02T23:30:00Z");
  EXPECT_TRUE(lines_of(assemble(input))
                  .back()
                  .contains("now: Friday, 3 July 2026, 01:30 (Europe/Paris, UTC+02:00)"));
  input.time_zone = "America/St_Johns";
  EXPECT_TRUE(lines_of(assemble(input)).back().contains("21:00 (America/St_Johns, UTC-02:30)"));
}

TEST(AgentConfig, ReadsItsKeysAndRefusesNonsense) {
  auto file = *ConfigFile::parse(
      "[agent]\nname=\"Bee\"\nturns_max=2\nlane_max=3\nmailbox_max=4\nturn_timeout_secs=5\n"
      "time_zone=\"Europe/Paris\"\n[skills]\nmax_tool_rounds=6\n",
      "t.toml");
  AgentConfig config = AgentConfig::read(file.root());
  EXPECT_TRUE(file.problems().empty());
  EXPECT_EQ(config.name, "Bee");
  EXPECT_EQ(config.turns_max, 2u);
  EXPECT_EQ(config.lane_max, 3u);
  EXPECT_EQ(config.mailbox_max, 4u);
  EXPECT_EQ(config.turn_timeout, Millis(5000));
  EXPECT_EQ(config.time_zone, "Europe/Paris");
  EXPECT_EQ(config.tool_rounds_max, 6);
  auto bad = *ConfigFile::parse(
      "[agent]\nname=\"\"\nturns_max=0\nturn_timeout_secs=0\ntime_zone=\"../../etc/passwd\"\n",
      "t.toml");
  (void)AgentConfig::read(bad.root());
  EXPECT_EQ(bad.problems().size(), 4u);
}

// The system text and the four tools, as any provider's request would carry them, for the smallest
// question there is.
TEST(Prompt, HelloWithFourToolsStaysSmall) {
  testing::TempDir dir;
  testing::FakeClock clock;
  Loop loop;
  auto memory = std::move(*memory::Memory::open({.path = dir.path.string()}, clock));
  auto http = std::move(*net::HttpClient::open({.loop = loop}));
  tools::Toolbox toolbox;
  for (auto& tool : tools::make_memory_tools({.memory = *memory, .clock = clock}))
    ASSERT_TRUE(toolbox.add(std::move(tool)));
  ASSERT_TRUE(toolbox.add(tools::make_system_time(clock)));
  ASSERT_TRUE(toolbox.add(tools::make_web_fetch(*http, {})));
  PromptInput input = basic();
  input.tools = toolbox.specs();
  Prompt prompt = assemble(input);
  json::array wire{json::object{{"role", "system"}, {"content", prompt.system}},
                   to_json_value(prompt.messages.at(0).parts)};
  for (const llm::ToolSpec& tool : input.tools) {
    const json::value& schema = tool.input_schema;
    wire.push_back(json::object{
        {"name", tool.name}, {"description", tool.description}, {"input_schema", schema}});
  }
  std::size_t bytes = to_json(wire).size();
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_LT(bytes, 4000u);  // leaves 2 KB for the provider's own framing
}

}  // namespace
}  // namespace skep::agent
