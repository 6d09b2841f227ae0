#include "skep/store/append_file.h"

#include <gtest/gtest.h>

#include "support.h"

namespace skep::store {
namespace {

AppendFile must_open(const std::string& path) {
  auto file = AppendFile::open(path);
  EXPECT_TRUE(file) << file.error().to_string();
  return *std::move(file);
}

TEST(AppendFile, KeepsWholeLinesAcrossReopening) {
  const TempDir dir;
  const std::string path = dir / "a/b/history.jsonl";
  {
    AppendFile file = must_open(path);
    EXPECT_TRUE(file.append("one"));
    EXPECT_TRUE(file.append_lines({"two", "", "three"}));
    EXPECT_TRUE(file.append_lines({}));
  }
  AppendFile file = must_open(path);
  EXPECT_FALSE(file.repaired());
  EXPECT_TRUE(file.append("four"));
  EXPECT_EQ(slurp(path), "one\ntwo\n\nthree\nfour\n");
  EXPECT_EQ(file.size(), slurp(path).size());
}

TEST(AppendFile, IsPrivateToItsOwner) {
  const TempDir dir;
  must_open(dir / "a/b/history.jsonl");
  EXPECT_EQ(mode_of(dir / "a"), 0700u);
  EXPECT_EQ(mode_of(dir / "a/b"), 0700u);
  EXPECT_EQ(mode_of(dir / "a/b/history.jsonl"), 0600u);
}

TEST(AppendFile, CutsATornLastLineAtEveryByteAndSavesIt) {
  const TempDir dir;
  const std::string path = dir / "log";
  const std::string whole = "first line\nsecond\nthe third, longer line\n";
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const std::string left = whole.substr(0, length);
    const std::size_t kept = left.rfind('\n') == std::string::npos ? 0 : left.rfind('\n') + 1;
    spill(path, left);
    AppendFile file = must_open(path);
    EXPECT_EQ(file.repaired(), kept != length);
    EXPECT_EQ(slurp(path), left.substr(0, kept));
    if (kept != length) EXPECT_EQ(slurp(path + ".torn"), left.substr(kept) + "\n");
    EXPECT_TRUE(file.append("next"));
    EXPECT_EQ(slurp(path), left.substr(0, kept) + "next\n");
    std::filesystem::remove(path + ".torn");
  }
}

TEST(AppendFile, CutsATornLineLongerThanOneReadOfTheTail) {
  const TempDir dir;
  const std::string path = dir / "log";
  spill(path, "whole\n" + std::string(300'000, 'x'));
  EXPECT_TRUE(must_open(path).repaired());
  EXPECT_EQ(slurp(path), "whole\n");
  EXPECT_EQ(slurp(path + ".torn").size(), 300'001u);
}

TEST(AppendFile, RefusesALineWithANewlineAndWritesNothing) {
  const TempDir dir;
  AppendFile file = must_open(dir / "log");
  EXPECT_EQ(file.append("a\nb").error().code, Code::kInvalid);
  EXPECT_EQ(file.append_lines({"fine", "a\n"}).error().code, Code::kInvalid);
  EXPECT_EQ(slurp(dir / "log"), "");
}

TEST(AppendFile, LeavesTheFileAsItWasOnAFullDisk) {
  const TempDir dir;
  AppendFile file = must_open(dir / "log");
  ASSERT_TRUE(file.append("before"));
  {
    const FullDisk full(10);
    EXPECT_EQ(file.append("falls short of its end").error().code, Code::kExhausted);
    EXPECT_EQ(file.append_lines({"ab", "falls short"}).error().code, Code::kExhausted);
  }
  EXPECT_EQ(slurp(dir / "log"), "before\n");
  EXPECT_TRUE(file.append("after"));
  EXPECT_EQ(slurp(dir / "log"), "before\nafter\n");
}

TEST(AppendFile, NamesWhatIsInTheWay) {
  const TempDir dir;
  spill(dir / "file", "x");
  const auto file = AppendFile::open(dir / "file/log");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kInvalid);
  EXPECT_NE(file.error().message.find(dir / "file"), std::string::npos);
}

TEST(Files, WriteFileReplacesTheWholeContent) {
  const TempDir dir;
  EXPECT_TRUE(write_file(dir / "sub/memory.md", "a long first content"));
  EXPECT_TRUE(write_file(dir / "sub/memory.md", "short", Sync::kDisk));
  EXPECT_EQ(slurp(dir / "sub/memory.md"), "short");
  EXPECT_EQ(mode_of(dir / "sub/memory.md"), 0600u);
}

TEST(Files, WriteFileOnAFullDiskKeepsTheOldContentAndLeavesNothingBeside) {
  const TempDir dir;
  ASSERT_TRUE(write_file(dir / "memory.md", "old"));
  {
    const FullDisk full(100);
    const auto done = write_file(dir / "memory.md", std::string(1000, 'n'));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::kExhausted);
  }
  EXPECT_EQ(slurp(dir / "memory.md"), "old");
  using Entries = std::filesystem::directory_iterator;
  EXPECT_EQ(std::distance(Entries(dir.path()), Entries()), 1);
}

TEST(Files, ReadFileHasALimitAndNamesWhatIsMissing) {
  const TempDir dir;
  spill(dir / "ten", "0123456789");
  spill(dir / "empty", "");
  EXPECT_EQ(read_file(dir / "ten", 10).value(), "0123456789");
  EXPECT_EQ(read_file(dir / "empty", 0).value(), "");
  EXPECT_EQ(read_file(dir / "ten", 9).error().code, Code::kTooLarge);
  EXPECT_EQ(read_file(dir / "ten", 0).error().code, Code::kTooLarge);
  EXPECT_EQ(read_file(dir / "none").error().code, Code::kNotFound);
  EXPECT_EQ(read_file(dir.path()).error().code, Code::kInvalid);
}

TEST(Files, MakeDirectoriesIsContentWithWhatIsThere) {
  const TempDir dir;
  EXPECT_TRUE(make_directories(dir / "a/b//c/"));
  EXPECT_TRUE(make_directories(dir / "a/b/c"));
  EXPECT_TRUE(std::filesystem::is_directory(dir / "a/b/c"));
}

}  // namespace
}  // namespace skep::store
