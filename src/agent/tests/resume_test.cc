// The durability contract: whatever the moment of death, every accepted message gets exactly one
// reply and no tool that is not repeatable runs twice. Each case really dies: a child process
// leaves with _exit() at the n-th journal write, and the next one opens what it left.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <set>

#include "forwarding_journal.h"
#include "support.h"

namespace skep::agent {
namespace {

using testing::CountingTool;
using testing::FakeClock;
using testing::RecordingChannel;
using testing::ScriptedModel;
using testing::TempDir;
using testing::tool_call;
using testing::user_message;

constexpr int kDied = 9, kFinished = 0, kBroken = 3;

// Dies before or after the n-th write.
class MortalJournal : public testing::ForwardingJournal {
 public:
  MortalJournal(std::unique_ptr<store::Journal> real, int writes_left, bool after)
      : ForwardingJournal(std::move(real)), writes_left_(writes_left), after_(after) {}
  Result<void> begin(std::string_view kind, const store::EntryId& id,
                     std::string_view what) override {
    return mortal([&] { return ForwardingJournal::begin(kind, id, what); });
  }
  Result<void> step(const store::EntryId& id, std::string_view what) override {
    return mortal([&] { return ForwardingJournal::step(id, what); });
  }
  Result<void> end(const store::EntryId& id) override {
    return mortal([&] { return ForwardingJournal::end(id); });
  }

 private:
  template <class Write>
  Result<void> mortal(Write write) {
    bool last = --writes_left_ == 0;
    if (last && !after_) ::_exit(kDied);
    Result<void> result = write();
    if (last) ::_exit(kDied);
    return result;
  }
  int writes_left_;
  bool after_;
};

// What outlives a process: one line for each thing that happened outside it.
struct World {
  std::filesystem::path file;
  void happens(const std::string& what) const {
    auto log = store::AppendFile::open(file.string());
    ASSERT_TRUE(log && log->append(what));
  }
  [[nodiscard]] std::vector<std::string> all() const {
    std::vector<std::string> lines;
    auto text = store::read_file(file.string());
    if (!text) return lines;
    for (std::string_view line : split(trim(*text), '\n')) lines.emplace_back(line);
    return lines;
  }
  [[nodiscard]] std::size_t count(std::string_view what) const {
    std::size_t count = 0;
    for (const std::string& line : all()) count += line.starts_with(what) ? 1 : 0;
    return count;
  }
};

// A channel whose outbox survives: it keeps one copy of each reply id.
class WorldlyChannel : public Inbox {
 public:
  explicit WorldlyChannel(World world) : world_(std::move(world)) {}
  Result<void> deliver(Message message) override {
    if (message.kind != Kind::kReply) return {};
    std::string line = fmt::format("reply {} to {}: {}", message.id.str(),
                                   message.in_reply_to.str(), text_of(message.parts));
    bool known = false;
    for (const std::string& seen : world_.all()) known = known || seen == line;
    if (!known) world_.happens(line);
    last_dst = message.dst;
    ++taken;
    return {};
  }
  int taken = 0;
  Destination last_dst;

 private:
  World world_;
};

// The model's part depends only on what it is told, as a real model's does: it answers where the
// turn stands.
class SteadyModel : public ScriptedModel {
 public:
  Task<std::expected<llm::Response, llm::Failure>> stream(Ctx, const llm::Request& request,
                                                          llm::EventSink,
                                                          std::function<void()>) override {
    std::size_t round = 0;
    for (const llm::ChatMessage& message : request.messages) {
      for (const Part& part : message.parts)
        round += std::holds_alternative<ToolResult>(part) ? 1 : 0;
    }
    co_await yield();
    llm::Response response{.usage = {.input = 10, .output = 5}, .model = "steady-1"};
    if (round == 0) response.parts = {tool_call("c", "act", {{"x", "1"}}), tool_call("d", "look")};
    if (round == 2) response.parts = {tool_call("c", "act", {{"x", "2"}})};
    if (round >= 3) response.parts = {TextPart{"all done"}};
    response.stop = round >= 3 ? llm::StopReason::kEnd : llm::StopReason::kToolUse;
    co_return response;
  }
};

struct Home {
  std::filesystem::path path;
  World world;
};

// One life of the agent: resumes, perhaps takes `fresh`, and works until nothing is left. Dies at
// the n-th journal write (0: never).
int live(const Home& home, std::vector<Message> fresh, int dies_at, bool after) {
  FakeClock clock;
  Loop loop;
  SteadyModel model;
  tools::Toolbox toolbox;
  std::vector<std::string> runs;
  for (bool repeatable : {true, false}) {
    auto tool = std::make_unique<CountingTool>(repeatable ? "look" : "act", repeatable, runs);
    tool->on_run = [&] { home.world.happens("run " + runs.back()); };
    if (!toolbox.add(std::move(tool))) return kBroken;
  }
  WorldlyChannel channel(home.world);
  auto journal = store::Journal::open({.directory = (home.path / "journal").string()});
  auto memory = memory::Memory::open({.path = (home.path / "memory").string()}, clock);
  auto ledger = memory::Ledger::open({.directory = (home.path / "usage").string()}, clock);
  if (!journal || !memory || !ledger) return kBroken;
  MortalJournal mortal(std::move(*journal), dies_at, after);
  const authority::Grants all = authority::Grants::everything();
  auto audit = authority::AuditLog::open(home.path.string(), clock);
  if (!audit) return kBroken;
  auto approvals = authority::Approvals::open({}, mortal, **audit, clock);
  auto rules = authority::Authority::open({}, **audit, [&all](std::string_view) { return &all; });
  if (!approvals || !rules) return kBroken;
  AgentDeps deps{.loop = loop,
                 .model = model,
                 .toolbox = toolbox,
                 .memory = **memory,
                 .ledger = **ledger,
                 .journal = mortal,
                 .authority = **rules,
                 .approvals = **approvals,
                 .audit = **audit,
                 .out = channel,
                 .clock = clock};
  auto agent = Agent::open({}, std::move(deps));
  if (!agent) return kBroken;
  (*agent)->resume();
  for (Message& message : fresh) {
    if (!(*agent)->deliver(std::move(message))) return kBroken;
  }
  auto work = [](Agent& busy) -> Task<void> {
    while (busy.stats().waiting + busy.stats().running > 0) co_await yield();
    co_await busy.close(Ctx{});
  };
  loop.run(work(**agent));
  return mortal.size() == 0 ? kFinished : kBroken;
}

// In a process of its own.
int live_elsewhere(const Home& home, std::vector<Message> fresh, int dies_at, bool after) {
  std::fflush(nullptr);
  pid_t child = ::fork();
  if (child == 0) ::_exit(live(home, std::move(fresh), dies_at, after));
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kBroken;
}

std::vector<std::string> transcript_kinds(const Home& home) {
  std::vector<std::string> kinds;
  auto text =
      store::read_file((home.path / "memory" / "ann@example.org" / "history.jsonl").string());
  if (!text) return kinds;
  for (std::string_view line : split(*text, '\n')) {
    auto entry = memory::parse_line(line);
    const auto* message = entry ? std::get_if<memory::TranscriptMessage>(&*entry) : nullptr;
    if (message == nullptr) continue;
    bool user = message->role == memory::TranscriptMessage::Role::kUser;
    kinds.push_back(user ? "user" : "assistant");
  }
  return kinds;
}

void expect_contract(const Home& home, const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    std::size_t replies = 0;
    for (const std::string& line : home.world.all()) replies += line.contains(" to " + id) ? 1 : 0;
    EXPECT_EQ(replies, 1u) << "replies to " << id;
  }
}

TEST(Resume, DeathAtAnyJournalWriteGivesOneReplyAndRunsNoToolTwice) {
  for (bool after : {false, true}) {
    int deaths = 0;
    for (int n = 1;; ++n) {
      SCOPED_TRACE(fmt::format("dies {} write {}", after ? "after" : "before", n));
      TempDir dir;
      Home home{dir.path, World{dir.path / "world"}};
      Message message = user_message("go");
      std::string id = message.id.str();
      int end = live_elsewhere(home, {message}, n, after);
      ASSERT_TRUE(end == kDied || end == kFinished) << end;
      if (end == kFinished) break;
      ++deaths;
      ASSERT_EQ(live_elsewhere(home, {}, 0, false), kFinished);
      bool accepted = after || n > 1;
      expect_contract(home, accepted ? std::vector<std::string>{id} : std::vector<std::string>());
      EXPECT_LE(home.world.count(R"(run act {"x":"1"})"), 1u);
      EXPECT_LE(home.world.count(R"(run act {"x":"2"})"), 1u);
      if (accepted)
        EXPECT_EQ(transcript_kinds(home), (std::vector<std::string>{"user", "assistant"}));
    }
    EXPECT_EQ(deaths, 10);  // begin, 2 rounds, 2 starts, 3 results, reply, end
  }
}

TEST(Resume, DyingAgainAndAgainStillEndsInOneReply) {
  TempDir dir;
  Home home{dir.path, World{dir.path / "world"}};
  Message first = user_message("one"), second = user_message("two");
  std::vector<std::string> ids = {first.id.str(), second.id.str()};
  ASSERT_EQ(live_elsewhere(home, {first, second}, 3, true), kDied);
  int lives = 1;
  while (live_elsewhere(home, {}, 1, true) == kDied) ASSERT_LT(++lives, 100);
  expect_contract(home, ids);
  EXPECT_EQ(transcript_kinds(home),
            (std::vector<std::string>{"user", "assistant", "user", "assistant"}));
}

TEST(Resume, CommandsToo) {
  for (int n = 2; n <= 3; ++n) {
    TempDir dir;
    Home home{dir.path, World{dir.path / "world"}};
    Message ping = user_message("/ping");
    ASSERT_EQ(live_elsewhere(home, {ping}, n, false), kDied);
    FakeClock clock;
    ASSERT_EQ(live_elsewhere(home, {}, 0, false), kFinished);
    expect_contract(home, {ping.id.str()});
  }
}

using ResumeTest = testing::AgentFixture;

TEST_F(ResumeTest, AToolThatMayHaveRunIsReportedToTheModelNotRepeated) {
  std::vector<std::string> runs;
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("act", false, runs)));
  ASSERT_TRUE(toolbox.add(std::make_unique<CountingTool>("look", true, runs)));
  Message message = user_message("go");
  store::EntryId id(message.id.str());
  json::object begin{{"message", to_json_value(message)},
                     {"src", message.src.uuid.str()},
                     {"src_name", "IO.test@lab"}};
  ASSERT_TRUE(journal->begin("turn", id, to_json(begin)));
  json::object round{{"s", "assistant"}, {"model", "m"}};
  round["parts"] =
      to_json_value(std::vector<Part>{tool_call("c1", "act"), tool_call("c2", "look")});
  ASSERT_TRUE(journal->step(id, to_json(round)));
  ASSERT_TRUE(journal->step(id, R"({"s":"tool_start","call":0,"name":"act"})"));
  model.says("I will check.");
  agent->resume();
  run_until_replies(1);
  EXPECT_EQ(runs, (std::vector<std::string>{"look {}"}));
  std::string results = testing::told(model.requests.at(0)).back();
  EXPECT_TRUE(results.contains("result(c1 interrupted; it may or may not have happened"))
      << results;
  EXPECT_TRUE(results.contains("result(c2 result of look)")) << results;
  EXPECT_EQ(agent->stats().resumed, 1u);
}

TEST_F(ResumeTest, ADecidedReplyIsDeliveredAgainUnderItsIdToTheChannelsName) {
  channel.refuse = Error{Code::kNotFound, "no such node"};
  model.says("the answer");
  Message message = user_message("go");
  ASSERT_TRUE(agent->deliver(message));
  run_until([this] { return transcript().size() == 2; });
  auto before = memory->history(message.conversation);
  close();
  channel.refuse.reset();
  open();
  agent->resume();
  run_until_replies(1);
  EXPECT_EQ(model.requests.size(), 1u);
  EXPECT_EQ(channel.text(0), "the answer");
  EXPECT_EQ(channel.replies.at(0).dst, Destination(*message.src_name));
  EXPECT_EQ(channel.replies.at(0).id.str(),
            std::get<memory::TranscriptMessage>(before->at(1)).msg_id);
  EXPECT_EQ(transcript(), (std::vector<std::string>{"user: go", "assistant: the answer"}));
}

TEST_F(ResumeTest, AnUnreadableEntryStaysAndBlocksNothing) {
  ASSERT_TRUE(journal->begin("turn", store::EntryId("broken"), "no json"));
  agent->resume();
  EXPECT_EQ(journal->size(), 1u);
  EXPECT_EQ(ask("/ping"), "pong");
}

TEST_F(ResumeTest, TellsWhatAPreviousProcessLeftUnfinished) {
  channel.refuse = Error{Code::kUnavailable, "away"};
  model.says("the answer");
  Message message = user_message("go");
  message.meta["xmpp_seen"] = "key";
  ASSERT_TRUE(agent->deliver(message));
  run_until([this] { return transcript().size() == 2; });
  close();
  channel.refuse.reset();
  open();
  ASSERT_EQ(agent->unfinished().size(), 1u);
  EXPECT_EQ(agent->unfinished().front().id, message.id);
  EXPECT_EQ(agent->unfinished().front().meta, message.meta);
  agent->resume();
  run_until_replies(1);
  EXPECT_TRUE(agent->unfinished().empty());
}

TEST_F(ResumeTest, WhatThisProcessAcceptedIsNotResumed) {
  model.says("once");
  ASSERT_TRUE(agent->deliver(user_message("go")));
  agent->resume();
  run_until_replies(1);
  EXPECT_EQ(agent->stats().resumed, 0u);
}

}  // namespace
}  // namespace skep::agent
