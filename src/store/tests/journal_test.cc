#include "skep/store/journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "support.h"

namespace skep::store {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Journal> must_open(const std::string& directory, JournalConfig config = {}) {
  config.directory = directory;
  auto journal = Journal::open(std::move(config));
  EXPECT_TRUE(journal) << journal.error().to_string();
  return journal ? *std::move(journal) : nullptr;
}

// What a journal holds, as one comparable text.
std::string contents(const Journal& journal) {
  std::string text;
  for (const char* kind : {"turn", "out"}) {
    for (const JournalEntry& entry : journal.unfinished(kind)) {
      text += fmt::format("{} {}:", entry.kind, entry.id.str());
      for (const std::string& step : entry.steps) text += fmt::format(" [{}]", step);
      text += "\n";
    }
  }
  for (const char* key : {"k1", "k2", "k3"}) {
    if (journal.remembers("seen", key)) text += fmt::format("seen {}\n", key);
  }
  return text;
}

EntryId id(const std::string& text) { return EntryId(text); }

// A little history that uses every kind of record. Stops after each step for `look`.
template <class F>
void write_history(Journal& journal, F look) {
  const std::string any_bytes("\0\xff\n\r\"binary\x01", 12);
  look();
  EXPECT_TRUE(journal.begin("turn", id("t1"), "what was said"));
  look();
  EXPECT_TRUE(journal.remember("seen", "k1"));
  look();
  EXPECT_TRUE(journal.step(id("t1"), any_bytes));
  look();
  EXPECT_TRUE(journal.begin("out", id("o1"), ""));
  look();
  EXPECT_TRUE(journal.step(id("t1"), std::string(300, 's')));
  look();
  EXPECT_TRUE(journal.begin("turn", id("t2"), "second"));
  look();
  EXPECT_TRUE(journal.end(id("t1")));
  look();
  EXPECT_TRUE(journal.remember("seen", "k2"));
  look();
  EXPECT_TRUE(journal.begin("turn", id("t1"), "an id may come again after its end"));
  look();
}

TEST(Journal, KeepsUnfinishedEntriesAndKeysAcrossReopening) {
  const TempDir dir;
  std::string before;
  {
    auto journal = must_open(dir.path());
    write_history(*journal, [] {});
    before = contents(*journal);
    EXPECT_EQ(journal->size(), 3u);
  }
  auto journal = must_open(dir.path());
  EXPECT_EQ(contents(*journal), before);
  EXPECT_EQ(journal->size(), 3u);
  const auto turns = journal->unfinished("turn");
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[0].id, id("t2"));  // oldest first
  EXPECT_FALSE(journal->remembers("seen", "k3"));
  EXPECT_FALSE(journal->remembers("other", "k1"));
}

TEST(Journal, TellsWhatCannotBe) {
  const TempDir dir;
  auto journal = must_open(dir.path(), {.directory = {}, .step_bytes_max = 10});
  ASSERT_TRUE(journal->begin("turn", id("a"), "x"));
  EXPECT_EQ(journal->begin("out", id("a"), "y").error().code, Code::kExists);
  EXPECT_EQ(journal->step(id("b"), "y").error().code, Code::kNotFound);
  EXPECT_EQ(journal->end(id("b")).error().code, Code::kNotFound);
  EXPECT_EQ(journal->step(id("a"), "eleven byte").error().code, Code::kTooLarge);
  EXPECT_EQ(journal->begin("turn", id(std::string(70'000, 'i')), "").error().code, Code::kTooLarge);
  EXPECT_TRUE(journal->step(id("a"), "ten bytes."));
  EXPECT_TRUE(journal->end(id("a")));
  EXPECT_EQ(journal->end(id("a")).error().code, Code::kNotFound);
}

TEST(Journal, RecoversFromBeingCutAtEveryByte) {
  const TempDir dir;
  const std::string segment = dir / "journal-1.log";
  std::vector<std::pair<std::uint64_t, std::string>> marks;  // file size, contents
  {
    auto journal = must_open(dir.path());
    write_history(*journal,
                  [&] { marks.emplace_back(fs::file_size(segment), contents(*journal)); });
  }
  const std::string whole = slurp(segment);
  ASSERT_EQ(whole.size(), marks.back().first);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    spill(segment, std::string_view(whole).substr(0, length));
    auto journal = must_open(dir.path());
    ASSERT_TRUE(journal);
    std::string expected;
    for (const auto& [size, text] : marks) {
      if (size <= length) expected = text;
    }
    EXPECT_EQ(contents(*journal), expected) << "cut to " << length;
    EXPECT_TRUE(journal->begin("out", id("next"), "goes on"));
    journal.reset();
    EXPECT_EQ(must_open(dir.path())->unfinished("out").back().id, id("next"));
  }
}

TEST(Journal, ReportsDamageInFrontOfGoodRecordsAndLeavesTheFileAlone) {
  const TempDir dir;
  const std::string segment = dir / "journal-1.log";
  std::uint64_t last_record = 0;
  {
    auto journal = must_open(dir.path());
    write_history(*journal, [] {});
    last_record = fs::file_size(segment);
    ASSERT_TRUE(journal->begin("turn", id("t9"), "last"));
  }
  const std::string whole = slurp(segment);
  for (std::size_t at = 0; at < last_record; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    spill(segment, damaged);
    auto journal = Journal::open({.directory = dir.path()});
    ASSERT_FALSE(journal) << "byte " << at;
    EXPECT_EQ(journal.error().code, Code::kCorrupt) << "byte " << at;
    EXPECT_EQ(slurp(segment), damaged);
  }
}

TEST(Journal, DamageInTheLastRecordIsATornWrite) {
  const TempDir dir;
  const std::string segment = dir / "journal-1.log";
  std::string expected;
  std::uint64_t last_record = 0;
  {
    auto journal = must_open(dir.path());
    write_history(*journal, [] {});
    expected = contents(*journal);
    last_record = fs::file_size(segment);
    ASSERT_TRUE(journal->begin("turn", id("t9"), "last"));
  }
  const std::string whole = slurp(segment);
  for (std::size_t at = last_record; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    spill(segment, damaged);
    EXPECT_EQ(contents(*must_open(dir.path())), expected) << "byte " << at;
    EXPECT_EQ(fs::file_size(segment), last_record);
  }
}

TEST(Journal, ATornPayloadThatLooksLikeAJournalIsStillJustTorn) {
  const TempDir dir;
  const std::string segment = dir / "journal-1.log";
  std::string image;
  {
    auto journal = must_open(dir.path());
    write_history(*journal, [] {});
    image = slurp(segment);
    ASSERT_TRUE(journal->begin("turn", id("t9"), image));
  }
  fs::resize_file(segment, fs::file_size(segment) - 1);
  auto journal = must_open(dir.path());
  ASSERT_TRUE(journal);
  EXPECT_FALSE(journal->contains(id("t9")));
  EXPECT_EQ(journal->size(), 3u);
}

TEST(Journal, RefusesASecondProcessAndNamesTheHolder) {
  const TempDir dir;
  auto journal = must_open(dir.path());
  const auto second = Journal::open({.directory = dir.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
  journal.reset();
  EXPECT_TRUE(Journal::open({.directory = dir.path()}));
}

TEST(Journal, RefusesAForeignFile) {
  const TempDir dir;
  spill(dir / "journal-1.log", "this is somebody's diary, and not a journal at all\n");
  EXPECT_EQ(Journal::open({.directory = dir.path()}).error().code, Code::kCorrupt);
}

std::vector<std::string> segments(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name != "journal.lock") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Journal, RotationKeepsWhatLivesAndForgetsTheRest) {
  const TempDir dir;
  auto journal = must_open(dir.path(), {.directory = {}, .segment_bytes_max = 4096});
  write_history(*journal, [] {});
  const std::string before = contents(*journal);
  for (int i = 0; i < 200; ++i) {
    const EntryId passing = id(fmt::format("p{}", i));
    ASSERT_TRUE(journal->begin("out", passing, std::string(100, 'p')));
    ASSERT_TRUE(journal->end(passing));
  }
  EXPECT_EQ(contents(*journal), before);
  const auto names = segments(dir.path());
  ASSERT_EQ(names.size(), 1u);
  EXPECT_NE(names[0], "journal-1.log");
  EXPECT_LT(fs::file_size(dir / names[0]), 8192u);
  journal.reset();
  EXPECT_EQ(contents(*must_open(dir.path())), before);
}

TEST(Journal, MuchUnfinishedWorkDoesNotRotateOnEveryRecord) {
  const TempDir dir;
  auto journal = must_open(dir.path(), {.directory = {}, .segment_bytes_max = 1024});
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(journal->begin("turn", id(fmt::format("t{}", i)), std::string(100, 'x')));
  }
  // Each rotation doubles the size that calls for the next.
  const auto names = segments(dir.path());
  ASSERT_EQ(names.size(), 1u);
  EXPECT_LT(names[0].size(), std::string("journal-100.log").size());
  journal.reset();
  EXPECT_EQ(must_open(dir.path())->size(), 1000u);
}

// A rotation writes a temporary file, renames it, then deletes the old segment. Every moment at
// which the process can die is a directory made of those pieces.
TEST(Journal, SurvivesDeathBetweenAnyTwoStepsOfARotation) {
  const TempDir dir;
  std::string expected;
  std::string old_segment;
  std::string new_segment;
  {
    auto journal = must_open(dir.path(), {.directory = {}, .segment_bytes_max = 2048});
    write_history(*journal, [] {});
    while (segments(dir.path()) == std::vector<std::string>{"journal-1.log"}) {
      old_segment = slurp(dir / "journal-1.log");
      expected = contents(*journal);
      ASSERT_TRUE(journal->remember("filler", fmt::format("f{}", old_segment.size())));
    }
    new_segment = slurp(dir / "journal-2.log");
    EXPECT_EQ(contents(*journal), expected);
  }
  const auto check = [&](const std::string& left) {
    const TempDir copy;
    if (left != "new") spill(copy / "journal-1.log", old_segment);
    if (left == "old and new" || left == "new") spill(copy / "journal-2.log", new_segment);
    if (left.starts_with("old and part")) {
      const std::size_t part = std::stoul(left.substr(13));
      spill(copy / "journal-2.log.tmp", std::string_view(new_segment).substr(0, part));
    }
    auto journal = must_open(copy.path());
    ASSERT_TRUE(journal) << left;
    EXPECT_EQ(contents(*journal), expected) << left;
    EXPECT_EQ(segments(copy.path()).size(), 1u) << left;
    ASSERT_TRUE(journal->begin("turn", id("t9"), "goes on"));
    journal.reset();
    EXPECT_TRUE(must_open(copy.path())->contains(id("t9"))) << left;
  };
  check("old");
  for (std::size_t part = 0; part <= new_segment.size(); part += 97) {
    check(fmt::format("old and part {}", part));
  }
  check("old and new");
  check("new");
}

TEST(Journal, AFullDiskFailsTheCallAndLeavesTheJournalAsItWas) {
  const TempDir dir;
  auto journal = must_open(dir.path());
  write_history(*journal, [] {});
  const std::string before = contents(*journal);
  const std::string bytes = slurp(dir / "journal-1.log");
  {
    const FullDisk full(bytes.size() + 20);
    EXPECT_EQ(journal->begin("turn", id("t9"), "too long to fit").error().code, Code::kExhausted);
    EXPECT_EQ(journal->step(id("t1"), "neither does this").error().code, Code::kExhausted);
    EXPECT_EQ(journal->remember("seen", "k3 and a long tail").error().code, Code::kExhausted);
  }
  EXPECT_EQ(contents(*journal), before);
  EXPECT_EQ(slurp(dir / "journal-1.log"), bytes);
  EXPECT_TRUE(journal->begin("turn", id("t9"), "there is room again"));
  journal.reset();
  EXPECT_TRUE(must_open(dir.path())->contains(id("t9")));
}

TEST(Journal, ARotationThatFindsNoRoomGoesOnInTheOldSegment) {
  const TempDir dir;
  auto journal = must_open(dir.path(), {.directory = {}, .segment_bytes_max = 512});
  ASSERT_TRUE(journal->begin("turn", id("t1"), std::string(400, 'x')));
  fs::create_directory(dir / "journal-2.log.tmp");  // in the way of the new segment
  ASSERT_TRUE(journal->begin("turn", id("t2"), std::string(400, 'y')));
  EXPECT_TRUE(journal->end(id("t1")));
  fs::remove(dir / "journal-2.log.tmp");
  journal.reset();
  journal = must_open(dir.path());
  EXPECT_EQ(journal->size(), 1u);
  EXPECT_TRUE(journal->contains(id("t2")));
}

TEST(Journal, RemembersTheNewestKeysOfEachSet) {
  const TempDir dir;
  auto journal = must_open(dir.path());
  for (std::size_t i = 0; i < Journal::kept_max + 10; ++i) {
    ASSERT_TRUE(journal->remember("seen", fmt::format("k{}", i)));
  }
  ASSERT_TRUE(journal->remember("other", "k0"));
  const std::string newest = fmt::format("k{}", Journal::kept_max + 9);
  const auto check = [&] {
    EXPECT_FALSE(journal->remembers("seen", "k9"));
    EXPECT_TRUE(journal->remembers("seen", "k10"));
    EXPECT_TRUE(journal->remembers("seen", newest));
    EXPECT_TRUE(journal->remembers("other", "k0"));
  };
  check();
  journal.reset();
  journal = must_open(dir.path());
  check();
}

TEST(Journal, RefusesOneSetTooMany) {
  const TempDir dir;
  auto journal = must_open(dir.path());
  for (std::size_t i = 0; i < Journal::sets_max; ++i) {
    ASSERT_TRUE(journal->remember(fmt::format("set{}", i), "k"));
  }
  EXPECT_EQ(journal->remember("one more", "k").error().code, Code::kExhausted);
  EXPECT_TRUE(journal->remember("set0", "another key"));
}

}  // namespace
}  // namespace skep::store
