// No path leaves the workspace.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "workspace_support.h"

namespace skep::tools {
namespace {

using namespace testing;

TEST_F(WorkspaceTest, IsItsOwnersAlone) {
  struct stat info{};
  ASSERT_EQ(stat(inside.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

TEST_F(WorkspaceTest, RefusesEveryWayOut) {
  fs::create_symlink(base, inside / "up");
  fs::create_symlink(base / "secret.txt", inside / "absolute");
  fs::create_symlink("../secret.txt", inside / "relative");
  fs::create_symlink("/proc/self/root", inside / "magic");
  fs::create_symlink("/proc/self/cwd", inside / "magic2");
  fs::create_directory(inside / "sub");
  fs::create_symlink("../..", inside / "sub/twice");
  const std::string secret = (base / "secret.txt").string();
  for (const std::string& path :
       {std::string("../secret.txt"), std::string("sub/../../secret.txt"),
        std::string("./../secret.txt"), secret, "/workspace/.." + secret,
        std::string("/workspace/../secret.txt"), std::string("/workspacex"),
        std::string("/workspace2/a"), std::string("up/secret.txt"), std::string("absolute"),
        std::string("relative"), "magic" + secret, std::string("magic2/x"),
        std::string("sub/twice/secret.txt"), std::string("/etc/passwd"),
        std::string("/proc/self/environ"), std::string("//etc/passwd"), std::string("/")}) {
    EXPECT_EQ(workspace->read(path).error().code, Code::kDenied) << path;
    EXPECT_EQ(workspace->list(path).error().code, Code::kDenied) << path;
    const auto made = workspace->make_folder(path + "/new");
    EXPECT_FALSE(made) << path;
    if (path != "absolute" && path != "relative") {
      EXPECT_EQ(workspace->write(path, "evil").error().code, Code::kDenied) << path;
    }
  }
  EXPECT_EQ(get(base / "secret.txt"), "the secret");
  EXPECT_FALSE(fs::exists(base / "new"));
}

TEST_F(WorkspaceTest, RefusesWhatIsNoPath) {
  for (const std::string& path :
       {std::string(), std::string("a\0b", 3), std::string("a\nb"), std::string("a\x7f"),
        std::string("\xff"), std::string(300, 'x'), std::string(2000, '/') + "a"}) {
    EXPECT_EQ(workspace->read(path).error().code, Code::kInvalid) << path;
    EXPECT_EQ(workspace->write(path, "x").error().code, Code::kInvalid) << path;
  }
}

TEST_F(WorkspaceTest, AppendsBehindWhatIsThereAndOnceForAMark) {
  ASSERT_TRUE(workspace->append("notes/log.md", "one\n", "id-1"));
  ASSERT_TRUE(workspace->append("notes/log.md", "two id-2\n", "id-2"));
  ASSERT_TRUE(workspace->append("notes/log.md", "two id-2\n", "id-2"));
  EXPECT_EQ(get(inside / "notes/log.md"), "one\ntwo id-2\n");
  ASSERT_TRUE(workspace->append("notes/log.md", "three\n"));
  EXPECT_EQ(get(inside / "notes/log.md"), "one\ntwo id-2\nthree\n");
  put(inside / "full", std::string(Workspace::file_bytes_max, 'x'));
  EXPECT_EQ(workspace->append("full", "y").error().code, Code::kTooLarge);
}

TEST_F(WorkspaceTest, AppendsToNothingOutside) {
  fs::create_symlink("../secret.txt", inside / "relative");
  fs::create_symlink(base, inside / "up");
  fs::create_directory(inside / "folder");
  ASSERT_EQ(mkfifo((inside / "pipe").c_str(), 0600), 0);
  for (const char* path : {"relative", "up/secret.txt", "../secret.txt", "/etc/motd"})
    EXPECT_EQ(workspace->append(path, "evil").error().code, Code::kDenied) << path;
  for (const char* path : {"folder", "pipe", ".", ""})
    EXPECT_EQ(workspace->append(path, "evil").error().code, Code::kInvalid) << path;
  EXPECT_EQ(get(base / "secret.txt"), "the secret");
}

TEST_F(WorkspaceTest, WritingReplacesALinkAndLeavesItsTarget) {
  fs::create_symlink(base / "secret.txt", inside / "link");
  ASSERT_TRUE(workspace->write("link", "mine"));
  EXPECT_EQ(get(base / "secret.txt"), "the secret");
  EXPECT_FALSE(fs::is_symlink(inside / "link"));
  EXPECT_EQ(get(inside / "link"), "mine");
}

TEST_F(WorkspaceTest, ReadsOverItsOwnLinksButDoesNotWriteOverThem) {
  fs::create_directory(inside / "real");
  fs::create_symlink("real", inside / "alias");
  ASSERT_TRUE(workspace->write("real/a", "1"));
  EXPECT_EQ(*workspace->read("alias/a"), "1");
  EXPECT_EQ(workspace->write("alias/a", "2").error().code, Code::kDenied);
  EXPECT_EQ(workspace->change({{"alias/a", std::nullopt}}).error().code, Code::kDenied);
  EXPECT_EQ(*workspace->read("real/a"), "1");
}

TEST_F(WorkspaceTest, DoesNotWaitForPipesAndDevices) {
  ASSERT_EQ(mkfifo((inside / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(workspace->read("pipe").error().code, Code::kInvalid);
  EXPECT_EQ(workspace->list("pipe").error().code, Code::kInvalid);
}

TEST_F(WorkspaceTest, NoRaceLeadsOut) {
  // One thread turns a folder into a link to the outside and back, as fast as it can.
  std::atomic<bool> stop = false;
  fs::create_directory(inside / "folder");
  put(inside / "folder/secret.txt", "harmless");
  fs::create_symlink(base, inside / "link");
  std::thread swapper([&] {
    const int at = open(inside.c_str(), O_PATH | O_DIRECTORY);
    while (!stop) renameat2(at, "folder", at, "link", RENAME_EXCHANGE);
    close(at);
  });
  int reads = 0;
  for (int turn = 0; turn < 3000; ++turn) {
    if (const auto text = workspace->read("folder/secret.txt")) {
      EXPECT_EQ(*text, "harmless");
      ++reads;
    }
    std::ignore = workspace->write("folder/planted", "evil");
  }
  stop = true;
  swapper.join();
  EXPECT_GT(reads, 0);
  EXPECT_FALSE(fs::exists(base / "planted"));
  EXPECT_EQ(get(base / "secret.txt"), "the secret");
}

TEST_F(WorkspaceTest, WritesWholeFilesWithTheirFolders) {
  ASSERT_TRUE(workspace->write("a/b/c.txt", "one"));
  ASSERT_TRUE(workspace->write("/workspace/./a//b/c.txt", "two"));
  EXPECT_EQ(get(inside / "a/b/c.txt"), "two");
  EXPECT_EQ(workspace->list("a/b")->names, (std::vector<std::string>{"c.txt"}))
      << "nothing temporary stays";
  fs::permissions(inside / "a/b/c.txt", fs::perms::owner_all);
  ASSERT_TRUE(workspace->write("a/b/c.txt", "three"));
  EXPECT_EQ(fs::status(inside / "a/b/c.txt").permissions(), fs::perms::owner_all)
      << "scripts stay executable";
  EXPECT_EQ(workspace->write("a/b", "x").error().code, Code::kInvalid);
  EXPECT_EQ(workspace->write("a/b/c.txt/d", "x").error().code, Code::kInvalid);
  EXPECT_EQ(workspace->write("big", std::string(Workspace::file_bytes_max + 1, 'x')).error().code,
            Code::kTooLarge);
  EXPECT_EQ(workspace->read("none").error().code, Code::kNotFound);
}

TEST_F(WorkspaceTest, ReadsNoMoreThanItsBound) {
  put(inside / "big", std::string(Workspace::file_bytes_max + 1, 'x'));
  EXPECT_EQ(workspace->read("big").error().code, Code::kTooLarge);
  put(inside / "fits", std::string(Workspace::file_bytes_max, 'x'));
  EXPECT_EQ(workspace->read("fits")->size(), Workspace::file_bytes_max);
}

TEST_F(WorkspaceTest, ListsSortedWithKindsAndABound) {
  fs::create_directory(inside / "folder");
  fs::create_symlink("nowhere", inside / "link");
  put(inside / "file", "");
  EXPECT_EQ(workspace->list(".")->names, (std::vector<std::string>{"file", "folder/", "link@"}));
  for (int i = 0; i < 1001; ++i) put(inside / "folder" / std::to_string(i), "");
  const auto many = workspace->list("folder");
  EXPECT_EQ(many->names.size(), Workspace::entries_max);
  EXPECT_TRUE(many->cut);
}

TEST_F(WorkspaceTest, ChangesAllOrNothing) {
  ASSERT_TRUE(workspace->write("a", "1"));
  ASSERT_TRUE(workspace->write("b", "2"));
  fs::create_directories(inside / "folder/in the way");
  using Change = Workspace::Change;
  EXPECT_FALSE(
      workspace->change({Change{"a", "x"}, Change{"b", std::nullopt}, Change{"folder", "y"}}));
  EXPECT_FALSE(
      workspace->change({Change{"a", "x"}, Change{"new", "n"}, Change{"missing", std::nullopt}}));
  EXPECT_EQ(get(inside / "a"), "1");
  EXPECT_EQ(get(inside / "b"), "2");
  EXPECT_FALSE(fs::exists(inside / "new"));
  ASSERT_TRUE(workspace->change({Change{"a", "x"}, Change{"b", std::nullopt}, Change{"c/d", "y"}}));
  EXPECT_EQ(get(inside / "a"), "x");
  EXPECT_FALSE(fs::exists(inside / "b"));
  EXPECT_EQ(get(inside / "c/d"), "y");
  EXPECT_EQ(workspace->list(".")->names, (std::vector<std::string>{"a", "c/", "folder/"}));
}

}  // namespace
}  // namespace skep::tools
