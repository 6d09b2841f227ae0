// Patches: what they change, and what they say when they cannot.
#include "workspace_support.h"

namespace skep::tools {
namespace {

namespace fs = testing::fs;

class ApplyPatchTest : public testing::WorkspaceTest {
 protected:
  ApplyPatchTest() {
    put(inside / "song", "one\ntwo\nthree\nfour\nfive\n");
    put(inside / "old", "bye\n");
  }
  std::string patch(std::string_view body) {
    return done("apply_patch",
                {{"patch", fmt::format("*** Begin Patch\n{}*** End Patch\n", body)}});
  }
  // What it says; and nothing has changed.
  std::string conflict(std::string_view body) {
    const std::string text =
        refused("apply_patch", {{"patch", fmt::format("*** Begin Patch\n{}*** End Patch", body)}});
    EXPECT_TRUE(text.starts_with("Nothing was changed: ")) << text;
    EXPECT_EQ(get(inside / "song"), "one\ntwo\nthree\nfour\nfive\n");
    EXPECT_EQ(get(inside / "old"), "bye\n");
    EXPECT_EQ(workspace->list(".")->names, (std::vector<std::string>{"old", "song"}));
    return text.substr(21);
  }
};

TEST_F(ApplyPatchTest, AddsUpdatesRenamesAndDeletes) {
  EXPECT_EQ(patch("*** Add File: docs/new\n+a\n+\n+b\n"
                  "*** Update File: song -> chant\n@@\n one\n-two\n+TWO\n+and a half\n three\n@@ "
                  "four\n-five\n+FIVE\n"
                  "*** Delete File: old\n"),
            "Applied:\nA docs/new\nR song -> chant\nD old");
  EXPECT_EQ(get(inside / "docs/new"), "a\n\nb\n");
  EXPECT_EQ(get(inside / "chant"), "one\nTWO\nand a half\nthree\nfour\nFIVE\n");
  EXPECT_FALSE(fs::exists(inside / "song"));
  EXPECT_FALSE(fs::exists(inside / "old"));
}

struct Good {
  const char* name;
  std::string_view before;
  std::string_view hunks;
  std::string_view after;
};

TEST_F(ApplyPatchTest, AppliesTheTableOfHunks) {
  const Good table[] = {
      {"first line", "a\nb\n", "@@\n-a\n+A\n b\n", "A\nb\n"},
      {"without an opening @@", "a\nb\n", "-a\n+A\n", "A\nb\n"},
      {"last line", "a\nb\n", "@@\n a\n-b\n", "a\n"},
      {"append", "a\n", "@@\n+b\n", "a\nb\n"},
      {"into an empty file", "", "@@\n+b\n", "b\n"},
      {"everything goes", "a\n", "@@\n-a\n", ""},
      {"below an anchor", "f\nx\ng\nx\n", "@@ g\n-x\n+y\n", "f\nx\ng\ny\n"},
      {"insert below an anchor", "f\ng\n", "@@ f\n+new\n", "f\nnew\ng\n"},
      {"numbers are ignored", "a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n", "a\nB\n"},
      {"a second hunk goes on below", "x\na\nx\nb\n", "@@\n x\n-a\n+A\n@@\n-x\n+X\n b\n",
       "x\nA\nX\nb\n"},
      {"the end of the file", "x\ny\nx\n", "@@\n-x\n+z\n*** End of File\n", "x\ny\nz\n"},
      {"no newline at the end stays so", "a\nb", "@@\n-a\n+A\n", "A\nb"},
      {"an empty line of context", "a\n\nb\n", "@@\n a\n\n-b\n+B\n", "a\n\nB\n"},
      {"carriage returns are part of a line", "a\r\nb\r\n", "@@\n-a\r\n+A\r\n", "A\r\nb\r\n"},
  };
  for (const Good& c : table) {
    put(inside / "file", c.before);
    patch(fmt::format("*** Update File: file\n{}", c.hunks));
    EXPECT_EQ(get(inside / "file"), c.after) << c.name;
  }
}

TEST_F(ApplyPatchTest, SaysWhereAHunkDoesNotFit) {
  EXPECT_EQ(conflict("*** Update File: song\n@@\n one\n-zwei\n+2\n"),
            "song, hunk in line 3 of the patch: line 2 of the file is \"two\", not \"zwei\"; read "
            "it again.");
  EXPECT_EQ(conflict("*** Update File: song\n@@\n-nothing like it\n"),
            "song, hunk in line 3 of the patch: the file has no line \"nothing like it\" there; "
            "read it again.");
  EXPECT_EQ(conflict("*** Update File: song\n@@\n four\n five\n six\n"),
            "song, hunk in line 3 of the patch: line 6 of the file is its end, not \"six\"; read "
            "it again.");
  EXPECT_EQ(conflict("*** Update File: song\n@@ chorus\n-five\n"),
            "song, hunk in line 3 of the patch: no line after the hunk before it is \"chorus\".");
  EXPECT_EQ(
      conflict("*** Update File: song\n@@\n-three\n+3\n@@\n-one\n+1\n"),
      "song, hunk in line 6 of the patch: the file has no line \"one\" there; read it again.");
}

TEST_F(ApplyPatchTest, RefusesToGuess) {
  put(inside / "song", "x\ny\nx\ny\n");
  const std::string text =
      refused("apply_patch",
              {{"patch", "*** Begin Patch\n*** Update File: song\n@@\n-x\n+z\n*** End Patch"}});
  EXPECT_TRUE(text.contains("occur 2 times (lines 1 and 3")) << text;
  EXPECT_EQ(get(inside / "song"), "x\ny\nx\ny\n");
}

TEST_F(ApplyPatchTest, IsAllOrNothing) {
  const std::string good = "*** Add File: new\n+x\n*** Delete File: old\n";
  EXPECT_EQ(conflict(good + "*** Update File: none\n@@\n-a\n"), "there is no none.");
  EXPECT_EQ(conflict(good + "*** Add File: song\n+x\n"),
            "song exists already; use \"*** Update File\".");
  EXPECT_EQ(conflict(good + "*** Delete File: none\n"), "there is no none.");
  EXPECT_EQ(conflict(good + "*** Update File: song -> old\n@@\n-one\n"),
            "the patch names old more than once.");
  EXPECT_EQ(conflict(good + "*** Delete File: ./old\n"), "the patch names old more than once.");
}

TEST_F(ApplyPatchTest, StaysInTheWorkspace) {
  fs::create_symlink(base / "secret.txt", inside / "z");
  for (const char* path : {"../secret.txt", "/etc/passwd", "z"}) {
    for (const char* body :
         {"*** Update File: {}\n@@\n-the secret\n+x\n", "*** Delete File: {}\n"}) {
      const std::string text =
          refused("apply_patch", {{"patch", fmt::format("*** Begin Patch\n{}*** End Patch",
                                                        fmt::format(fmt::runtime(body), path))}});
      EXPECT_TRUE(text.starts_with("Nothing was changed")) << text;
    }
  }
  refused(
      "apply_patch",
      {{"patch", "*** Begin Patch\n*** Update File: song -> ../song\n@@\n-one\n*** End Patch"}});
  EXPECT_EQ(get(base / "secret.txt"), "the secret");
  EXPECT_TRUE(fs::exists(inside / "song"));
}

TEST_F(ApplyPatchTest, SaysWhichLineOfThePatchIsWrong) {
  const std::pair<const char*, const char*> table[] = {
      {"", "the patch must begin"},
      {"diff --git a b", "line 1 of the patch: the patch must begin"},
      {"*** Begin Patch\n*** End Patch", "line 2 of the patch: the patch changes no file"},
      {"*** Begin Patch\n*** Delete File: old\n", "the patch must end"},
      {"*** Begin Patch\n--- a/old\n*** End Patch", "line 2 of the patch: expected"},
      {"*** Begin Patch\n*** Add File: n\nx\n*** End Patch",
       "line 3 of the patch: each line of a new file"},
      {"*** Begin Patch\n*** Update File: song\n*** End Patch",
       "line 3 of the patch: the file has no hunk"},
      {"*** Begin Patch\n*** Update File: song\n@@\n*** End Patch",
       "the hunk before this line is empty"},
      {"*** Begin Patch\n*** Update File: song\n@@\nx\n*** End Patch",
       "line 4 of the patch: a line of a hunk"},
  };
  for (const auto& [text, says] : table)
    EXPECT_TRUE(refused("apply_patch", {{"patch", text}}).contains(says))
        << refused("apply_patch", {{"patch", text}});
  refused("apply_patch", {{"patch", std::string(2 << 20, '+')}});
}

}  // namespace
}  // namespace skep::tools
