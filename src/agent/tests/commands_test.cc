#include "skep/agent/commands.h"

#include "support.h"

namespace skep::agent {
namespace {

using testing::AgentFixture;
using testing::tool_call;
using testing::user_message;

struct ParseCase {
  const char* text;
  bool is_command;
  const char* command;
  const char* arguments;
  const char* to_model;
};

TEST(ParseText, TellsCommandsFromWords) {
  const ParseCase cases[] = {
      {"/new", true, "new", "", ""},
      {"/NEW", true, "new", "", ""},
      {"/history 5", true, "history", "5", ""},
      {"/history\n 5 \n", true, "history", "5", ""},
      {"/h2o", true, "h2o", "", ""},
      {"hello", false, "", "", "hello"},
      {"", false, "", "", ""},
      {"/", false, "", "", "/"},
      {"/ new", false, "", "", "/ new"},
      {" /new", false, "", "", " /new"},
      {"/1st", false, "", "", "/1st"},
      {"//new", false, "", "", "/new"},
      {"//", false, "", "", "/"},
      {"/me waves", false, "", "", "/me waves"},
      {"/Me waves", false, "", "", "/Me waves"},
      {"/mean", true, "mean", "", ""},
      {"/etc/passwd", false, "", "", "/etc/passwd"},
      {"/usr/bin is full", false, "", "", "/usr/bin is full"},
      {"/it's", false, "", "", "/it's"},
      {"/n\u00e4", false, "", "", "/n\u00e4"},
      {"/new /tmp/x", true, "new", "/tmp/x", ""},
  };
  for (const ParseCase& one : cases) {
    SCOPED_TRACE(one.text);
    ParsedText parsed = parse_text(one.text);
    EXPECT_EQ(parsed.is_command, one.is_command);
    EXPECT_EQ(parsed.command, one.command);
    EXPECT_EQ(parsed.arguments, one.arguments);
    EXPECT_EQ(parsed.text, one.to_model);
  }
}

TEST(Commands, AreFoundByNameAndAlias) {
  for (const CommandInfo& info : commands()) {
    EXPECT_EQ(find_command(info.name), &info);
    for (const std::string& alias : info.aliases) EXPECT_EQ(find_command(alias), &info);
  }
  EXPECT_EQ(find_command("nonsense"), nullptr);
}

using CommandTest = AgentFixture;

TEST_F(CommandTest, NeverReachTheModelNorTheTranscript) {
  for (const char* text : {"/ping", "/new", "/reset", "/forget", "/status", "/help", "/history",
                           "/cancel", "/stop", "/nonsense"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ask(text).empty());
  }
  EXPECT_TRUE(model.requests.empty());
  EXPECT_TRUE(transcript().empty());
  EXPECT_TRUE(channel.progress.empty());
  EXPECT_EQ(journal->size(), 0u);
}

TEST_F(CommandTest, PingAnswersPong) { EXPECT_EQ(ask("/PING"), "pong"); }

TEST_F(CommandTest, NewTellsApartNoSessionAnEmptyOneAndAnArchivedOne) {
  EXPECT_EQ(ask("/new"), "There is no session yet: we can just start.");
  model.says("hello!");
  ask("hi");
  EXPECT_EQ(ask("/new"), "Archived 2 messages. A new session starts now.");
  EXPECT_EQ(ask("/reset"), "There is no session yet: we can just start.");
  ASSERT_TRUE(
      store::write_file(memory->directory({"xmpp", "ann@example.org", ""}) + "/history.jsonl", ""));
  EXPECT_EQ(ask("/reset"), "The session is already empty.");
  EXPECT_TRUE(transcript().empty());
}

TEST_F(CommandTest, ForgetListsWhatItErased) {
  model.says("hello!");
  ask("hi");
  EXPECT_EQ(ask("/forget"), "Erased: history.jsonl. Archived sessions are kept.");
  EXPECT_EQ(ask("/forget"), "There was nothing to erase. Archived sessions are kept.");
}

TEST_F(CommandTest, MemoryListsNotesAndDeletesOne) {
  const Conversation ann{"xmpp", "ann@example.org", ""};
  EXPECT_EQ(ask("/memory list"), "I have no notes about you.");
  ASSERT_TRUE(memory->remember(ann, {.key = "pet", .content = "a cat\ncalled Mia"}));
  ASSERT_TRUE(memory->remember(ann, {.key = "tip", .content = "buy", .taint = "external_network"}));
  EXPECT_EQ(ask("/memory list"),
            "[pet] a cat called Mia (2026-03-02)\n"
            "[tip] buy (2026-03-02) (from what I had read: external_network)");
  EXPECT_EQ(ask("/memory list MIA"), "[pet] a cat called Mia (2026-03-02)");
  EXPECT_EQ(ask("/memory list dog"), "No note matches.");
  EXPECT_TRUE(ask("/memory").starts_with("I keep 2 notes about you.\n/memory list"))
      << ask("/memory");
  EXPECT_EQ(ask("/memory del pets"), "There is no note \"pets\". Did you mean \"pet\"?");
  EXPECT_TRUE(ask("/memory del").contains("takes the key"));
  EXPECT_EQ(ask("/memory del pet"), "Deleted the note \"pet\".");
  EXPECT_EQ(ask("/memory list", "bob@example.org"), "I have no notes about you.");
  EXPECT_EQ(memory->recall(ann, "")->size(), 1u);
  EXPECT_TRUE(model.requests.empty());
}

TEST_F(CommandTest, HistoryShowsTheLastMessages) {
  EXPECT_EQ(ask("/history"), "This session is empty.");
  model.says("one\ntwo");
  ask("first");
  model.says("three");
  ask("second");
  EXPECT_EQ(ask("/history 3"),
            "2026-03-02T08:00:00Z Skep: one two\n2026-03-02T08:00:00Z you: "
            "second\n2026-03-02T08:00:00Z Skep: three");
  EXPECT_EQ(split(ask("/history"), '\n').size(), 4u);
  for (const char* bad :
       {"/history 0", "/history x", "/history 5x", "/history -1", "/history 99999999999999"}) {
    EXPECT_EQ(ask(bad), "/history takes a number from 1 to 50.") << bad;
  }
}

TEST_F(CommandTest, HelpListsEveryCommandAndExplainsOne) {
  std::string all = ask("/help", "admin@example.org");
  for (const CommandInfo& info : commands()) {
    // The others need what this agent has not: models, personas, jobs, a developer who asks.
    const bool served = info.name != "tier" && info.name != "persona" && info.name != "jobs" &&
                        info.name != "debug";
    EXPECT_EQ(all.contains("\n/" + info.name), served) << info.name;
  }
  EXPECT_EQ(ask("/help ping"), "/ping - answer at once");
  EXPECT_EQ(ask("/help /reset"),
            "/new, /reset - put this conversation aside and start an empty one");
  EXPECT_TRUE(ask("/help nonsense").contains("I don't know /nonsense"));
}

TEST_F(CommandTest, LettingInAndShuttingOutIsForAdministrators) {
  EXPECT_EQ(ask("/block eve@ex", "admin@example.org"), "block(eve@ex) of admin@example.org");
  EXPECT_EQ(ask("/pair generate 5", "admin@example.org"), "pair(generate 5) of admin@example.org");
  for (const char* command :
       {"/allow eve@ex", "/block admin@example.org", "/pair generate", "/reload"})
    EXPECT_TRUE(ask(command).contains("is for administrators")) << command;
}

// What a person of each role is answered: a part of it, or nothing for the refusal.
TEST_F(CommandTest, RolesDecideWhoMayWhatAndHelpListsIt) {
  roles = {{"v", Role::kViewer}, {"u", Role::kUser}, {"a", Role::kAdmin}, {"o", Role::kOwner}};
  reconfigure();
  const struct {
    std::string_view text, good;
    Role least;
  } rows[] = {{"/ping", "pong", Role::kViewer},       {"/status", "Skep, up", Role::kViewer},
              {"/history", "empty", Role::kUser},     {"/config x", "config(x)", Role::kUser},
              {"/reload", "reload()", Role::kOwner},  {"/allow x", "allow(x)", Role::kOwner},
              {"/block x", "block(x)", Role::kOwner}, {"/pair x", "pair(x)", Role::kOwner}};
  for (const auto& row : rows) {
    for (const auto& [peer, role] : roles) {
      // The fixture's administrator is another one: beyond that the role decides.
      if (row.least >= Role::kAdmin && role >= row.least) continue;
      const std::string said = ask(std::string(row.text), peer);
      EXPECT_EQ(said.contains(row.good), role >= row.least) << row.text << " of " << peer;
      EXPECT_EQ(said.starts_with("Not allowed: "), role < row.least) << said;
    }
  }
  EXPECT_TRUE(ask("/help", "v").contains("\n/ping"));
  EXPECT_FALSE(ask("/help", "v").contains("\n/new"));
  EXPECT_FALSE(ask("/help", "u").contains("\n/reload"));
  EXPECT_EQ(ask("/usage all", "u"),
            "Not allowed: view_usage is for the role admin and above, and "
            "yours is user. /help lists what you may do.");
  EXPECT_TRUE(ask("/usage all", "a").contains("Everybody:"));
}

TEST_F(CommandTest, WhoMayNotTalkReachesNoModelAndNoTranscript) {
  roles = {{"v", Role::kViewer}, {"u", Role::kUser}};
  reconfigure();
  EXPECT_EQ(ask("hello", "v"),
            "Not allowed: chat is for the role user and above, and yours is "
            "viewer. /help lists what you may do.");
  EXPECT_EQ(ask("hello", "nobody"),
            "Not allowed: [[users]] does not name who asks for it. /help lists what you may do.");
  EXPECT_TRUE(model.requests.empty());
  EXPECT_TRUE(memory->history({.channel = "xmpp", .peer = "v"}).value().empty());
  model.says("hello!");
  EXPECT_EQ(ask("hello", "u"), "hello!");
}

TEST_F(CommandTest, WithoutUsersTheConfigurationIsForAdministrators) {
  EXPECT_EQ(ask("/config llm", "admin@example.org"), "config(llm)");
  EXPECT_TRUE(ask("/config").contains("is for administrators"));
  EXPECT_TRUE(ask("/usage all").contains("is for administrators"));
  EXPECT_TRUE(ask("/usage all", "admin@example.org").contains("Everybody:"));
}

TEST_F(CommandTest, AnUnknownCommandGetsTheNearestOne) {
  EXPECT_EQ(ask("/pong"), "I don't know /pong. Did you mean /ping? /help lists what I know.");
  EXPECT_EQ(ask("/qqqqqqqq"), "I don't know /qqqqqqqq. /help lists what I know.");
  EXPECT_LT(ask("/" + std::string(100'000, 'a')).size(), 200u);
}

TEST_F(CommandTest, StatusHidesFromOthersWhatIsForAdmins) {
  std::string user = ask("/status");
  EXPECT_TRUE(user.starts_with(
      "Skep, up 0 minutes\nPublic line\nTools: none\nSession: 0 messages, 0 archived sessions\n"))
      << user;
  EXPECT_FALSE(user.contains("Secret"));
  EXPECT_FALSE(user.contains("All conversations"));
  std::string admin = ask("/status", "admin@example.org");
  EXPECT_TRUE(admin.contains("Secret: domains"));
  EXPECT_TRUE(admin.contains("All conversations"));
}

TEST_F(CommandTest, StatusCountsArchivesAndUptime) {
  model.says("hello!");
  ask("hi");
  ask("/new");
  clock.time += std::chrono::hours(3) + std::chrono::minutes(12);
  std::string status = ask("/status");
  EXPECT_TRUE(status.contains("up 3 h 12 min")) << status;
  EXPECT_TRUE(status.contains("Session: 0 messages, 1 archived session")) << status;
}

TEST_F(CommandTest, AnEscapedSlashReachesTheModel) {
  model.says("a slash");
  EXPECT_EQ(ask("//new"), "a slash");
  EXPECT_TRUE(testing::told(model.requests.at(0)).back().ends_with(" /new"));
  EXPECT_EQ(transcript().at(0), "user: /new");
}

TEST_F(CommandTest, ACommandWithAFileIsAMessageForTheModel) {
  model.says("nice file");
  Message message = user_message("/new");
  message.parts.emplace_back(
      FilePart{"a.pdf", "application/pdf", 1024, "https://x.example/a.pdf", ""});
  ASSERT_TRUE(agent->deliver(std::move(message)));
  run_until_replies(1);
  EXPECT_EQ(channel.text(0), "nice file");
}

TEST_F(CommandTest, ImmediateCommandsDoNotWaitForRunningTurns) {
  config.turns_max = 1;
  reconfigure();
  hold_answer("late");
  EXPECT_EQ(agent->deliver(user_message("/ping")).has_value(), true);
  EXPECT_EQ(agent->deliver(user_message("/ping", "bob@example.org")).has_value(), true);
  run_until([this] { return channel.replies.size() == 2; });
  EXPECT_EQ(channel.text(0), "pong");
  model.release();
  run_until_replies(3);
  EXPECT_EQ(channel.text(2), "late");
}

TEST_F(CommandTest, CommandsInTheLaneNeedNoPlaceAmongRunningTurns) {
  config.turns_max = 1;
  reconfigure();
  hold_answer("late");
  ASSERT_TRUE(agent->deliver(user_message("/new", "bob@example.org")));
  run_until([this] { return channel.replies.size() == 1; });
  EXPECT_EQ(channel.replies.at(0).conversation.peer, "bob@example.org");
  model.release();
  run_until_replies(2);
}

TEST_F(CommandTest, NewTakesItsPlaceBehindARunningTurn) {
  hold_answer("done");
  ASSERT_TRUE(agent->deliver(user_message("/new")));
  model.release();
  run_until_replies(2);
  EXPECT_EQ(channel.text(0), "done");
  EXPECT_EQ(channel.text(1), "Archived 2 messages. A new session starts now.");
}

TEST_F(CommandTest, CancelStopsTheRunningTurnAndOnlyThat) {
  model.says("never heard");
  model.scenes.back().hold = true;
  model.says("second answer");
  ASSERT_TRUE(agent->deliver(user_message("first")));
  ASSERT_TRUE(agent->deliver(user_message("second")));
  run_until([this] { return model.held == 1; });
  ASSERT_TRUE(agent->deliver(user_message("/cancel")));
  run_until_replies(3);
  std::vector<std::string> texts = {channel.text(0), channel.text(1), channel.text(2)};
  std::ranges::sort(texts);
  EXPECT_EQ(texts,
            (std::vector<std::string>{
                "Cancelled.", "I stop what I was working on. 1 message behind it will be answered.",
                "second answer"}));
  EXPECT_EQ(transcript(), (std::vector<std::string>{"user: first", "assistant: Cancelled.",
                                                    "user: second", "assistant: second answer"}));
  EXPECT_EQ(channel.progress.back().phase, Progress::Phase::kStarted);
}

TEST_F(CommandTest, CancelStopsATurnThatWaitsForItsStart) {
  config.turns_max = 1;
  reconfigure();
  hold_answer("long");
  ASSERT_TRUE(agent->deliver(user_message("me too", "bob@example.org")));
  ASSERT_TRUE(agent->deliver(user_message("/cancel", "bob@example.org")));
  run_until([this] { return channel.replies.size() == 2; });
  EXPECT_EQ(transcript("bob@example.org"),
            (std::vector<std::string>{"user: me too", "assistant: Cancelled."}));
  model.release();
  run_until_replies(3);
  EXPECT_EQ(model.requests.size(), 1u);
}

TEST_F(CommandTest, CancelWithoutARunningTurnSaysSo) {
  EXPECT_EQ(ask("/cancel"), "I am not working on anything in this conversation.");
}

TEST_F(CommandTest, CancelReachesARunningTool) {
  std::vector<std::string> runs;
  Signal never;
  auto tool = std::make_unique<testing::CountingTool>("slow", false, runs);
  tool->hold = &never;
  ASSERT_TRUE(toolbox.add(std::move(tool)));
  model.calls({tool_call("c1", "slow")});
  ASSERT_TRUE(agent->deliver(user_message("go")));
  run_until([&] { return runs.size() == 1; });
  ASSERT_TRUE(agent->deliver(user_message("/stop")));
  run_until_replies(2);
  std::vector<std::string> texts = {channel.text(0), channel.text(1)};
  std::ranges::sort(texts);
  EXPECT_EQ(texts[0], "Cancelled.");
}

}  // namespace
}  // namespace skep::agent
