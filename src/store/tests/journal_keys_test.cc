// Keys that go with the next record.
#include <gtest/gtest.h>

#include <functional>

#include "skep/store/journal.h"
#include "support.h"

namespace skep::store {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Journal> must_open(const std::string& directory) {
  auto journal = Journal::open({.directory = directory});
  EXPECT_TRUE(journal) << journal.error().to_string();
  return journal ? *std::move(journal) : nullptr;
}

EntryId id(const std::string& text) { return EntryId(text); }

std::string keys(const Journal& journal) {
  std::string known;
  for (const char* key : {"k1", "k2"}) {
    if (journal.remembers("seen", key)) known += fmt::format("{} ", key);
  }
  return known;
}

// What a process that dies now leaves: the file as it is.
void look_at_copy(const TempDir& dir, const std::function<void(const Journal&)>& look) {
  const TempDir copy;
  fs::copy_file(dir / "journal-1.log", copy / "journal-1.log");
  look(*must_open(copy.path()));
}

TEST(JournalKeys, WritesAKeyTogetherWithTheNextRecord) {
  const TempDir dir;
  auto journal = must_open(dir.path());
  ASSERT_TRUE(journal->begin("turn", id("t1"), "what was said"));
  const std::string bytes = slurp(dir / "journal-1.log");
  ASSERT_TRUE(journal->remember_with_next("seen", "k1"));
  ASSERT_TRUE(journal->remember_with_next("seen", "k2"));
  EXPECT_TRUE(journal->remembers("seen", "k1"));
  EXPECT_EQ(slurp(dir / "journal-1.log"), bytes);
  look_at_copy(dir, [](const Journal& left) { EXPECT_TRUE(left.contains(id("t1"))); });
  ASSERT_TRUE(journal->end(id("t1")));
  look_at_copy(dir, [](const Journal& left) { EXPECT_EQ(keys(left), "k1 k2 "); });
}

TEST(JournalKeys, WritesAKeyThatNothingFollowedWhenItIsClosed) {
  const TempDir dir;
  auto journal = must_open(dir.path());
  ASSERT_TRUE(journal->remember_with_next("seen", "k1"));
  journal.reset();
  EXPECT_TRUE(must_open(dir.path())->remembers("seen", "k1"));
}

TEST(JournalKeys, KeepsAKeyThatWaitsThroughAFullDisk) {
  const TempDir dir;
  auto journal = must_open(dir.path());
  ASSERT_TRUE(journal->remember_with_next("seen", "k1"));
  {
    const FullDisk full(slurp(dir / "journal-1.log").size() + 20);
    EXPECT_EQ(journal->begin("turn", id("t1"), "too long to fit").error().code, Code::kExhausted);
  }
  EXPECT_EQ(keys(*journal), "k1 ");
  ASSERT_TRUE(journal->begin("turn", id("t1"), "there is room again"));
  look_at_copy(dir, [](const Journal& left) { EXPECT_EQ(keys(left), "k1 "); });
}

TEST(JournalKeys, HoldsBackNoMoreKeysThanItsLimit) {
  const TempDir dir;
  auto journal = must_open(dir.path());
  for (std::size_t i = 0; i <= Journal::unwritten_max; ++i) {
    ASSERT_TRUE(journal->remember_with_next("seen", fmt::format("k{}", i)));
  }
  look_at_copy(dir, [](const Journal& left) {
    EXPECT_TRUE(left.remembers("seen", "k0"));
    EXPECT_TRUE(left.remembers("seen", fmt::format("k{}", Journal::unwritten_max)));
  });
}

}  // namespace
}  // namespace skep::store
