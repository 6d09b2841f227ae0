// The file tools as a model sees them.
#include "skep/base/text.h"
#include "workspace_support.h"

namespace skep::tools {
namespace {

using FileToolsTest = testing::WorkspaceTest;

TEST_F(FileToolsTest, WritesListsAndReads) {
  EXPECT_EQ(done("file_write", {{"path", "notes/todo.md"}, {"content", "buy milk\n"}}),
            "Wrote 9 bytes to notes/todo.md.");
  EXPECT_EQ(done("file_list", {{"path", "."}}), "notes/");
  EXPECT_EQ(done("file_list", {{"path", "/workspace/notes"}}), "todo.md");
  EXPECT_EQ(done("file_read", {{"path", "notes/todo.md"}}), "buy milk\n");
  EXPECT_EQ(done("create_directory", {{"path", "a/b"}}), "The folder a/b is there.");
  EXPECT_EQ(done("create_directory", {{"path", "a/b"}}), "The folder a/b is there.");
  EXPECT_EQ(done("file_list", {{"path", "a/b"}}), "(empty folder)");
}

TEST_F(FileToolsTest, ReadsInPieces) {
  std::string text;
  for (int i = 1; i <= 5000; ++i) text += fmt::format("line {}\n", i);
  done("file_write", {{"path", "long"}, {"content", text}});
  EXPECT_TRUE(done("file_read", {{"path", "long"}})
                  .ends_with("line 2000\n[lines 1 to 2000 of 5000; go on with offset 2001]"));
  EXPECT_EQ(done("file_read", {{"path", "long"}, {"offset", 4999}, {"limit", 1}}),
            "line 4999\n[lines 4999 to 4999 of 5000; go on with offset 5000]");
  EXPECT_EQ(done("file_read", {{"path", "long"}, {"offset", 5000}}),
            "line 5000\n[lines 5000 to 5000 of 5000]");
  EXPECT_EQ(refused("file_read", {{"path", "long"}, {"offset", 5001}}),
            "long has only 5000 lines.");
  done("file_write", {{"path", "wide"}, {"content", std::string(100'000, 'x')}});
  EXPECT_TRUE(done("file_read", {{"path", "wide"}}).contains("line 1 of 1 is longer"));
  done("file_write", {{"path", "empty"}, {"content", ""}});
  EXPECT_EQ(done("file_read", {{"path", "empty"}}), "(empty is empty)");
}

TEST_F(FileToolsTest, RefusesBinaryDataInWords) {
  put(inside / "nul", std::string("a\0b", 3));
  put(inside / "latin1", "caf\xe9");
  EXPECT_EQ(refused("file_read", {{"path", "nul"}}),
            "nul is binary data (3 bytes); only UTF-8 text can be read.");
  refused("file_read", {{"path", "latin1"}});
}

TEST_F(FileToolsTest, SaysWhatIsWrong) {
  EXPECT_EQ(refused("file_read", {{"path", "../secret.txt"}}),
            "Not read: ../secret.txt has \"..\"; give a path relative to the workspace.");
  EXPECT_EQ(refused("file_read", {{"path", "/etc/passwd"}}),
            "Not read: /etc/passwd is outside the workspace; give a path relative to it.");
  EXPECT_EQ(refused("file_read", {{"path", "none"}}), "Not read: there is no none.");
  EXPECT_EQ(refused("file_read", {{"path", "."}}), "Not read: . is a folder.");
  EXPECT_EQ(refused("file_write", {{"path", "."}, {"content", "x"}}),
            "Not written: the workspace itself is a folder.");
  refused("file_read", json::object{});
  refused("file_read", {{"path", "x"}, {"offset", 0}});
  refused("file_write", {{"path", "x"}});
}

}  // namespace
}  // namespace skep::tools
