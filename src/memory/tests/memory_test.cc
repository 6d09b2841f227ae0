#include "skep/memory/memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace skep::memory {
namespace {

namespace fs = std::filesystem;
using Role = TranscriptMessage::Role;

class TestClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return time; }
  WallTime time = *parse_rfc3339("2026-03-02T08:00:00Z");
};

const Conversation kAnn{"xmpp", "ann@ex.org", ""};
const Conversation kBob{"xmpp", "bob@ex.org", ""};

class MemoryTest : public testing::Test {
 protected:
  MemoryTest() {
    std::string path = (fs::temp_directory_path() / "skep-memory-XXXXXX").string();
    home_ = ::mkdtemp(path.data());
    config_.path = home_ + "/memory";
    reopen();
  }
  ~MemoryTest() override { fs::remove_all(home_); }
  void reopen() {
    auto memory = Memory::open(config_, clock_);
    ASSERT_TRUE(memory) << memory.error().to_string();
    memory_ = *std::move(memory);
  }
  void write(const std::string& name, std::string_view content) {
    const fs::path path = config_.path + "/" + name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }
  std::string read(const std::string& name) {
    std::ifstream in(config_.path + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool exists(const std::string& name) { return fs::exists(config_.path + "/" + name); }
  TranscriptMessage message(Role role, std::string text, std::string id) {
    return {.role = role, .content = std::move(text), .msg_id = std::move(id), .ts = clock_.time};
  }
  void say(const Conversation& who, std::string text, std::string id, Role role = Role::kUser) {
    const auto done = memory_->append(who, message(role, std::move(text), std::move(id)));
    ASSERT_TRUE(done) << done.error().to_string();
  }
  std::vector<std::string> said(const Conversation& who) {
    std::vector<std::string> texts;
    const auto entries = memory_->history(who);
    EXPECT_TRUE(entries) << entries.error().to_string();
    if (!entries) return texts;
    for (const TranscriptEntry& entry : *entries) {
      std::visit(
          [&](const auto& e) {
            if constexpr (requires { e.content; }) texts.push_back(e.content);
          },
          entry);
    }
    return texts;
  }

  std::string home_;
  MemoryConfig config_;
  TestClock clock_;
  std::unique_ptr<Memory> memory_;
};

using Texts = std::vector<std::string>;

// --- sessions

TEST_F(MemoryTest, ASessionIsWrittenInTheSeedsFormat) {
  EXPECT_EQ(said(kAnn), Texts{});
  EXPECT_FALSE(exists("ann@ex.org"));  // looking creates nothing
  say(kAnn, "hi", "m1");
  say(kAnn, "hello", "m2", Role::kAssistant);
  EXPECT_EQ(
      read("ann@ex.org/history.jsonl"),
      R"({"type":"session","version":2,"created":"2026-03-02T08:00:00Z","jid":"ann@ex.org"})"
      "\n"
      R"({"type":"message","role":"user","content":"hi","msg_id":"m1","ts":"2026-03-02T08:00:00Z"})"
      "\n"
      R"({"type":"message","role":"assistant","content":"hello","msg_id":"m2","ts":"2026-03-02T08:00:00Z"})"
      "\n");
}

TEST_F(MemoryTest, HistorySurvivesARestart) {
  say(kAnn, "hi", "m1");
  say(kBob, "other", "m2");
  reopen();
  EXPECT_EQ(said(kAnn), Texts{"hi"});
  EXPECT_EQ(said(kBob), Texts{"other"});
}

TEST_F(MemoryTest, WhatIsHeldAfterAnAppendIsWhatTheFileGivesBack) {
  const WallTime far = std::chrono::sys_days(std::chrono::year(12'000) / 1 / 1);
  const std::vector<TranscriptEntry> turn{
      TranscriptTool{
          .turn = "m1", .call = "0.0/c", .name = "calc", .result = std::string(9000, 'x')},
      TranscriptMessage{.role = Role::kUser, .content = "broken \xff", .msg_id = "m1"},
      TranscriptMessage{.role = Role::kAssistant,
                        .content = "\"quoted\" \\ \n\x01 é",
                        .msg_id = "m2",
                        .ts = clock_.now(),
                        .model = "m",
                        .usage = {.input = 1, .output = 2},
                        .attachments = {{"a.pdf", "application/pdf", "1 KB"}}},
      TranscriptMessage{.role = Role::kUser, .content = "late", .msg_id = "m3", .ts = far}};
  ASSERT_TRUE(memory_->append_all(kAnn, turn));
  const auto held = memory_->history(kAnn);
  reopen();
  const auto read_again = memory_->history(kAnn);
  ASSERT_TRUE(held && read_again);
  EXPECT_EQ(held->size(), 3u);
  EXPECT_EQ(*held, *read_again);
}

TEST_F(MemoryTest, WritesAToolOfATurnOnceHoweverOftenRecoveryAppendsIt) {
  const TranscriptTool first{.turn = "m1", .call = "0.0/c", .name = "calc", .result = "4"};
  TranscriptTool second = first;
  second.call = "0.1/c";
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_TRUE(memory_->append(kAnn, first));
    ASSERT_TRUE(memory_->append(kAnn, second));
    reopen();
  }
  const std::string text = read("ann@ex.org/history.jsonl");
  EXPECT_EQ(std::ranges::count(text, '\n'), 3) << text;  // the header and two tools
}

TEST_F(MemoryTest, ToolsAreKeptForPeopleAndNotReplayed) {
  say(kAnn, "2+2?", "m1");
  ASSERT_TRUE(memory_->append(kAnn, TranscriptTool{.turn = "m1", .name = "calc", .result = "4"}));
  ASSERT_TRUE(memory_->append(kAnn, TranscriptSummary{.compacted_count = 1, .content = "sum"}));
  EXPECT_EQ(said(kAnn), (Texts{"2+2?", "sum"}));
  EXPECT_NE(read("ann@ex.org/history.jsonl").find(R"("type":"tool")"), std::string::npos);
  reopen();
  EXPECT_EQ(said(kAnn), (Texts{"2+2?", "sum"}));
}

TEST_F(MemoryTest, AnEntryAppendedAgainByRecoveryIsThereOnce) {
  for (int round = 0; round < 2; ++round) {
    say(kAnn, "hi", "m1");
    say(kAnn, "hello", "r1", Role::kAssistant);
    reopen();
  }
  EXPECT_EQ(said(kAnn), (Texts{"hi", "hello"}));
  say(kAnn, "hello", "r1", Role::kUser);  // the same id in another role is another message
  say(kAnn, "", "");
  say(kAnn, "", "");  // without an id nobody can tell
  EXPECT_EQ(said(kAnn).size(), 5u);
}

TEST_F(MemoryTest, ReadsAllWholeLinesOfASessionWithATornEnd) {
  say(kAnn, "one", "m1");
  say(kAnn, "two", "m2");
  const std::string whole = read("ann@ex.org/history.jsonl");
  const std::size_t second = whole.find("\n{", whole.find("\n") + 1) + 1;  // where "two" begins
  for (std::size_t length = second; length < whole.size(); length += 7) {
    write("ann@ex.org/history.jsonl", whole.substr(0, length));
    EXPECT_EQ(said(kAnn), Texts{"one"}) << length;
    EXPECT_EQ(read("ann@ex.org/history.jsonl"), whole.substr(0, second));
  }
  say(kAnn, "two", "m2");
  EXPECT_EQ(read("ann@ex.org/history.jsonl"), whole);
}

TEST_F(MemoryTest, SeesWhatPeopleEdit) {
  say(kAnn, "hi", "m1");
  std::string text = read("ann@ex.org/history.jsonl");
  text.replace(text.find("\"hi\""), 4, "\"edited by hand\"");
  write("ann@ex.org/history.jsonl", text + "not a line of ours\n");
  EXPECT_EQ(said(kAnn), Texts{"edited by hand"});
  say(kAnn, "next", "m2");
  // Editors replace the file.
  write("ann@ex.org/new", read("ann@ex.org/history.jsonl"));
  fs::rename(config_.path + "/ann@ex.org/new", config_.path + "/ann@ex.org/history.jsonl");
  say(kAnn, "third", "m3");
  EXPECT_EQ(said(kAnn), (Texts{"edited by hand", "next", "third"}));
  reopen();
  EXPECT_EQ(said(kAnn), (Texts{"edited by hand", "next", "third"}));
}

TEST_F(MemoryTest, ReadsVersionOneSessions) {
  write("ann@ex.org/history.jsonl",
        R"({"type":"session","version":1,"created":"2026-03-02T08:00:00Z","jid":"ann@ex.org"})"
        "\n"
        R"({"type":"message","role":"user","content":"hi","msg_id":"m1","sender":"ann@ex.org"})"
        "\n"
        R"({"Summary":{"compacted_count":2,"content":"earlier"}})"
        "\n");
  EXPECT_EQ(said(kAnn), (Texts{"hi", "earlier"}));
}

TEST_F(MemoryTest, ManyConversationsGoOnWhereTheyWere) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 150; ++i) {
      say({"xmpp", fmt::format("u{}@ex.org", i), ""}, fmt::format("round {}", round),
          fmt::format("m{}", round));
    }
  }
  for (int i = 0; i < 150; ++i) {
    EXPECT_EQ(said({"xmpp", fmt::format("u{}@ex.org", i), ""}), (Texts{"round 0", "round 1"}));
  }
}

TEST_F(MemoryTest, AFullDiskFailsTheAppendAndKeepsTheSession) {
  say(kAnn, "before", "m1");
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit full{200, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  const auto refused = memory_->append(kAnn, message(Role::kUser, std::string(500, 'x'), "m2"));
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  EXPECT_EQ(said(kAnn), Texts{"before"});
  say(kAnn, "after", "m3");
  reopen();
  EXPECT_EQ(said(kAnn), (Texts{"before", "after"}));
}

TEST_F(MemoryTest, ASessionThatIsTooLargeSaysSoAndCanBeLeft) {
  say(kAnn, "hi", "m1");
  const std::string path = config_.path + "/ann@ex.org/history.jsonl";
  const auto filler = to_line(message(Role::kUser, std::string(1 << 20, 'x'), "m2")) + "\n";
  std::ofstream out(path, std::ios::binary | std::ios::app);
  for (int i = 0; i < 15; ++i) out << filler;
  out.close();
  const auto full = memory_->append(kAnn, message(Role::kUser, std::string(1 << 20, 'x'), "m3"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kExhausted);
  EXPECT_EQ(said(kAnn).size(), 16u);
  std::ofstream(path, std::ios::binary | std::ios::app) << filler;
  const auto unread = memory_->history(kAnn);
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.error().code, Code::kTooLarge);
  EXPECT_NE(unread.error().message.find("/new"), std::string::npos);
  EXPECT_EQ(memory_->archive(kAnn)->outcome, Memory::ArchiveOutcome::kArchived);
  EXPECT_EQ(said(kAnn), Texts{});
}

// --- archives, threads, timeout

TEST_F(MemoryTest, NewSessionArchivesTheOldOneAndNeverOverwrites) {
  EXPECT_EQ(memory_->archive(kAnn)->outcome, Memory::ArchiveOutcome::kNoSession);
  Texts files;
  for (const char* text : {"one", "two", "three"}) {
    say(kAnn, text, text);
    const auto archived = memory_->archive(kAnn);
    ASSERT_TRUE(archived);
    EXPECT_EQ(archived->outcome, Memory::ArchiveOutcome::kArchived);
    EXPECT_EQ(archived->messages, 1u);
    files.push_back(archived->file);
    EXPECT_EQ(said(kAnn), Texts{});
  }
  EXPECT_EQ(files,
            (Texts{"20260302-080000.jsonl", "20260302-080000-2.jsonl", "20260302-080000-3.jsonl"}));
  EXPECT_NE(read("ann@ex.org/sessions/20260302-080000-2.jsonl").find("two"), std::string::npos);
  EXPECT_EQ(memory_->stats(kAnn)->archived, 3u);
  write("ann@ex.org/history.jsonl", "");
  EXPECT_EQ(memory_->archive(kAnn)->outcome, Memory::ArchiveOutcome::kAlreadyEmpty);
}

TEST_F(MemoryTest, ThreadsAreSessionsOfTheirOwn) {
  const Conversation thread{"xmpp", "ann@ex.org", "../weird/../thread"};
  say(kAnn, "main", "m1");
  say(thread, "aside", "m2");
  EXPECT_EQ(said(kAnn), Texts{"main"});
  EXPECT_EQ(said(thread), Texts{"aside"});
  EXPECT_EQ(memory_->directory(thread), memory_->directory(kAnn));
  ASSERT_TRUE(memory_->archive(thread));
  EXPECT_EQ(said(kAnn), Texts{"main"});
  EXPECT_EQ(said(thread), Texts{});
  EXPECT_EQ(memory_->stats(thread)->archived, 1u);
  EXPECT_EQ(memory_->stats(kAnn)->archived, 0u);
}

TEST_F(MemoryTest, AnIdleSessionIsArchivedByItsLastEntryNotTheFilesTime) {
  config_.idle_timeout = std::chrono::minutes(1);
  reopen();
  EXPECT_EQ(memory_->archive_if_idle(kAnn), false);
  say(kAnn, "old", "m1");  // the clock says March, the file's time is today's
  clock_.time += std::chrono::minutes(1);
  EXPECT_EQ(memory_->archive_if_idle(kAnn), false);
  clock_.time += Millis(1);
  EXPECT_EQ(memory_->archive_if_idle(kAnn), true);
  EXPECT_EQ(said(kAnn), Texts{});
  EXPECT_EQ(memory_->archive_if_idle(kAnn), false);
  EXPECT_EQ(memory_->stats(kAnn)->archived, 1u);
}

TEST_F(MemoryTest, WithoutATimeoutNothingIsIdle) {
  say(kAnn, "old", "m1");
  clock_.time += std::chrono::years(1);
  EXPECT_EQ(memory_->archive_if_idle(kAnn), false);
}

TEST_F(MemoryTest, ForgetErasesAllButTheArchives) {
  const Conversation thread{"xmpp", "ann@ex.org", "t"};
  say(kAnn, "archived", "m0");
  ASSERT_TRUE(memory_->archive(kAnn));
  say(kAnn, "secret", "m1");
  say(thread, "secret", "m2");
  say(kBob, "kept", "m3");
  ASSERT_TRUE(memory_->remember(kAnn, {.key = "k", .content = "secret"}));
  for (const char* name : {"user.md", "context.md", "memory.md", "history.md", "files/a_b.pdf",
                           "history.jsonl.torn", "user.md.tmp-1234"}) {
    write(fmt::format("ann@ex.org/{}", name), "secret");
  }
  write("ann@ex.org/identity.md", "an operator's override");
  const auto erased = memory_->forget(kAnn);
  ASSERT_TRUE(erased) << erased.error().to_string();
  Texts names = *erased;
  ASSERT_EQ(names.size(), 10u);
  EXPECT_TRUE(names.back().starts_with("threads/"));
  names.pop_back();
  EXPECT_EQ(names,
            (Texts{"context.md", "files", "history.jsonl", "history.jsonl.torn", "history.md",
                   "knowledge.jsonl", "memory.md", "user.md", "user.md.tmp-1234"}));
  for (const auto& file : fs::recursive_directory_iterator(config_.path)) {
    if (!file.is_regular_file()) continue;
    EXPECT_EQ(read(fs::relative(file, config_.path)).find("secret"), std::string::npos) << file;
  }
  EXPECT_EQ(said(kAnn), Texts{});
  EXPECT_EQ(said(thread), Texts{});
  EXPECT_EQ(memory_->recall(kAnn, "")->size(), 0u);
  EXPECT_EQ(memory_->stats(kAnn)->archived, 1u);
  EXPECT_EQ(said(kBob), Texts{"kept"});
  EXPECT_TRUE(exists("ann@ex.org/identity.md"));
  EXPECT_EQ(memory_->forget(kAnn)->size(), 0u);
}

// --- texts

TEST_F(MemoryTest, AnOverrideWinsAndABlankFileCountsAsAbsent) {
  write("identity.md", "\n  global identity \n");
  write("personality.md", "global personality");
  write("instructions.md", " \n\t");
  write("ann@ex.org/personality.md", "hers");
  write("ann@ex.org/identity.md", "  \n");
  const WorkspaceTexts texts = memory_->texts(kAnn);
  EXPECT_EQ(texts.identity, "global identity");
  EXPECT_EQ(texts.personality, "hers");
  EXPECT_EQ(texts.instructions, "");
  EXPECT_EQ(memory_->texts(kBob).personality, "global personality");
  EXPECT_EQ(memory_->stats(kAnn)->workspace_files,
            (Texts{"identity.md", "personality.md (override)"}));
}

TEST_F(MemoryTest, TextsAreReadAnewEachTime) {
  EXPECT_EQ(memory_->texts(kAnn).profile, "");
  write("ann@ex.org/context.md", "legacy");
  EXPECT_EQ(memory_->texts(kAnn).profile, "legacy");
  write("ann@ex.org/user.md", "\xEF\xBB\xBFlikes tea\xff");
  write("ann@ex.org/memory.md", "notes");
  EXPECT_EQ(memory_->texts(kAnn).profile, "likes tea\uFFFD");
  EXPECT_EQ(memory_->texts(kAnn).memory, "notes");
  const auto stats = memory_->stats(kAnn);
  EXPECT_TRUE(stats->has_profile);
  EXPECT_TRUE(stats->has_memory);
  EXPECT_FALSE(memory_->stats(kBob)->has_profile);
}

TEST_F(MemoryTest, ATextThatIsTooLargeIsNotUsed) {
  write("identity.md", std::string(300 * 1024, 'x'));
  EXPECT_EQ(memory_->texts(kAnn).identity, "");
}

TEST_F(MemoryTest, StatsCountWhatIsThere) {
  say(kAnn, "hi", "m1");
  say(kAnn, "hello", "m2", Role::kAssistant);
  ASSERT_TRUE(memory_->append(kAnn, TranscriptTool{.name = "t"}));
  ASSERT_TRUE(memory_->remember(kAnn, {.key = "a", .content = "1"}));
  write("ann@ex.org/sessions/20250101-000000.md", "an archive from before JSONL");
  write("ann@ex.org/sessions/20250101-000001.jsonl", "");
  write("ann@ex.org/files/one_a.txt", "");
  const auto stats = memory_->stats(kAnn);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->messages, 2u);
  EXPECT_EQ(stats->archived, 2u);
  EXPECT_EQ(stats->knowledge, 1u);
  EXPECT_EQ(stats->files, 1u);
}

// --- knowledge

std::vector<std::string> keys(const Result<std::vector<KnowledgeEntry>>& found) {
  std::vector<std::string> names;
  for (const KnowledgeEntry& entry : found.value()) names.push_back(entry.key);
  return names;
}

TEST_F(MemoryTest, KnowledgeOutlivesTheSessionAndIsNobodyElses) {
  ASSERT_TRUE(
      memory_->remember(kAnn, {.key = "Birthday", .content = "2 March", .by = "ann@ex.org"}));
  say(kAnn, "x", "m1");
  ASSERT_TRUE(memory_->archive(kAnn));
  reopen();
  const auto found = memory_->recall(kAnn, "march");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found,
            (std::vector<KnowledgeEntry>{
                {.key = "Birthday", .content = "2 March", .ts = clock_.time, .by = "ann@ex.org"}}));
  EXPECT_EQ(memory_->recall(kBob, "")->size(), 0u);
}

TEST_F(MemoryTest, RecallSearchesKeyAndContent) {
  ASSERT_TRUE(memory_->remember(kAnn, {.key = "Tea", .content = "green"}));
  ASSERT_TRUE(memory_->remember(kAnn, {.key = "coffee", .content = "never; TEA instead"}));
  ASSERT_TRUE(memory_->remember(kAnn, {.key = "pet", .content = "a cat"}));
  EXPECT_EQ(keys(memory_->recall(kAnn, "tea")), (Texts{"Tea", "coffee"}));
  EXPECT_EQ(keys(memory_->recall(kAnn, "")), (Texts{"Tea", "coffee", "pet"}));
  EXPECT_EQ(keys(memory_->recall(kAnn, "dog")), Texts{});
}

TEST_F(MemoryTest, TheSameKeyReplacesInPlaceAndForeignLinesStay) {
  write("ann@ex.org/knowledge.jsonl",
        "{\"key\":\"a\",\"content\":\"1\",\"extra\":true}\n# a "
        "remark\n{\"key\":\"b\",\"content\":\"2\"}\n");
  ASSERT_TRUE(memory_->remember(kAnn, {.key = "b", .content = "3"}));
  EXPECT_EQ(read("ann@ex.org/knowledge.jsonl"),
            "{\"key\":\"a\",\"content\":\"1\",\"extra\":true}\n# a remark\n"
            "{\"key\":\"b\",\"content\":\"3\",\"ts\":\"2026-03-02T08:00:00Z\",\"version\":2}\n");
  EXPECT_EQ(keys(memory_->recall(kAnn, "")), (Texts{"a", "b"}));
}

TEST_F(MemoryTest, KnowledgeHasLimits) {
  const auto code = [&](KnowledgeEntry entry) {
    return memory_->remember(kAnn, entry).error().code;
  };
  EXPECT_EQ(code({.key = "", .content = "x"}), Code::kInvalid);
  EXPECT_EQ(code({.key = std::string(129, 'k'), .content = "x"}), Code::kTooLarge);
  EXPECT_EQ(code({.key = "k", .content = std::string(4097, 'x')}), Code::kTooLarge);
  std::string full;
  for (int i = 0; i < 1000; ++i) full += fmt::format("{{\"key\":\"k{}\",\"content\":\"\"}}\n", i);
  write("ann@ex.org/knowledge.jsonl", full);
  EXPECT_EQ(code({.key = "one more", .content = "x"}), Code::kExhausted);
  EXPECT_TRUE(memory_->remember(kAnn, {.key = "k7", .content = "replacing still works"}));
}

// --- places

TEST_F(MemoryTest, EverythingStaysBelowTheRootAndPrivate) {
  for (const char* peer : {"..", "../../evil", "/etc/passwd", ".ssh", "", "a/../../b", "Ann"}) {
    const Conversation odd{"xmpp", peer, "../.."};
    say(odd, "hi", "m1");
    ASSERT_TRUE(memory_->remember(odd, {.key = "k", .content = "v"}));
    ASSERT_TRUE(memory_->archive(odd));
  }
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(home_)) {
    const auto mode = static_cast<unsigned>(entry.status().permissions());
    EXPECT_EQ(mode, entry.is_directory() ? 0700u : 0600u) << entry;
    if (entry.is_regular_file()) ++files;
  }
  EXPECT_EQ(files, 14u);
  EXPECT_EQ(std::distance(fs::directory_iterator(home_), fs::directory_iterator()), 1);
}

TEST(MemoryConfig, ReadsItsSections) {
  auto file = ConfigFile::parse(
      "[memory]\npath = \"/x\"\nbackend = \"markdown\"\n"
      "[session]\nidle_timeout_mins = 30\n",
      "skep.toml");
  ASSERT_TRUE(file);
  const MemoryConfig config = MemoryConfig::read(file->root(), "/home/skep");
  EXPECT_EQ(config.path, "/x");
  EXPECT_EQ(config.backend, "markdown");
  EXPECT_EQ(config.idle_timeout, std::chrono::minutes(30));
  EXPECT_TRUE(file->problems().empty());
  auto empty = ConfigFile::empty();
  EXPECT_EQ(MemoryConfig::read(empty.root(), "/home/skep").path, "/home/skep/memory");
}

TEST_F(MemoryTest, NotesCountTheirVersionsKeepTheirTaintAndAreFoundInAnyScript) {
  EXPECT_EQ(memory_->remember(kAnn, {.key = "où", .content = "ÉCOLE", .taint = "external_network"}),
            Remembered{});
  EXPECT_EQ(memory_->remember(kAnn, {.key = "où", .content = "École", .taint = "external_network"}),
            Remembered{.version = 2});
  const auto found = memory_->recall(kAnn, "école");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].version, 2);
  EXPECT_EQ((*found)[0].taint, "external_network");
}

TEST_F(MemoryTest, ANoteIsDroppedByItsKeyAlone) {
  ASSERT_TRUE(memory_->remember(kAnn, {.key = "pet", .content = "cat"}));
  ASSERT_TRUE(memory_->remember(kAnn, {.key = "pets", .content = "many"}));
  EXPECT_EQ(memory_->drop_note(kAnn, "pet"), true);
  EXPECT_EQ(memory_->drop_note(kAnn, "pet"), false);
  EXPECT_EQ(memory_->recall(kAnn, "")->size(), 1u);
}

TEST_F(MemoryTest, ANoteThatSaysTheSameIsMergedAndNothingIsLost) {
  using Entry = KnowledgeEntry;
  const auto keep = [&](std::string key, std::string content, std::string by = "ann") {
    return memory_->remember(kAnn, Entry{.key = key, .content = content, .by = by}).value();
  };
  EXPECT_EQ(keep("green tea", "Ann likes green tea in the morning"), Remembered{});
  // The same words under another key: nothing is added.
  EXPECT_EQ(keep("tea", "Ann likes green tea in the morning!"), Remembered{.same_as = "green tea"});
  // All of it and more: the older note goes.
  EXPECT_EQ(keep("green tea habit", "Ann likes green tea in the morning, never at night"),
            Remembered{.replaced = {"green tea"}});
  EXPECT_EQ(keys(memory_->recall(kAnn, "")), Texts{"green tea habit"});
  // Fewer words may mean the opposite, and are kept.
  EXPECT_EQ(keep("tea", "Ann likes green tea in the morning, at night"), Remembered{});
  EXPECT_EQ(memory_->recall(kAnn, "")->size(), 2u);
}

TEST_F(MemoryTest, WhatOnlyLooksAlikeStaysApart) {
  const auto apart = [&](KnowledgeEntry first, KnowledgeEntry second) {
    ASSERT_TRUE(memory_->forget(kAnn));
    ASSERT_EQ(memory_->remember(kAnn, first), Remembered{});
    EXPECT_EQ(memory_->remember(kAnn, second), Remembered{}) << second.content;
    EXPECT_EQ(memory_->recall(kAnn, "")->size(), 2u) << second.content;
  };
  apart({.key = "birthday_ann", .content = "3 May"}, {.key = "birthday_bob", .content = "3 May"});
  apart({.key = "a", .content = "done"}, {.key = "a_b", .content = "done"});
  apart({.key = "gate", .content = "the code of the gate is 1111"},
        {.key = "gate_new", .content = "the code of the gate is 2222"});
  apart({.key = "trip", .content = "Ann went to Porto by train with Bob"},
        {.key = "trip_2", .content = "Ann went to Porto by train with Bob"});
  apart({.key = "x", .content = "Romeo trusts Juliet and Juliet fears Romeo"},
        {.key = "y", .content = "Juliet trusts Romeo and Romeo fears Juliet"});
  apart({.key = "tea", .content = "I like green tea very much", .by = "ann"},
        {.key = "the tea", .content = "I like green tea very much", .by = "bob"});
  apart({.key = "the tea", .content = "Ann likes green tea very much"},
        {.key = "tea", .content = "Ann likes green tea very much", .taint = "external_network"});
}

}  // namespace
}  // namespace skep::memory
