// allowed_commands: what is run without a shell, and what is refused in words.
#include "workspace_support.h"

namespace skep::tools {
namespace {

class AllowedCommandsTest : public testing::WorkspaceTest {
 protected:
  AllowedCommandsTest() {
    const ShellToolsConfig config{.allowed_commands = {"cat", "sort", "echo", "python3"}};
    for (auto& tool : make_shell_tools(workspace, config))
      EXPECT_TRUE(toolbox.add(std::move(tool)));
    put(inside / "a b.txt", "2\n1\n");
  }
};

TEST_F(AllowedCommandsTest, RunsListedProgramsWithTheirQuotedWords) {
  const std::pair<const char*, const char*> table[] = {
      {"sort 'a b.txt'", "1\n2"},
      {"sort a\\ b.txt", "1\n2"},
      {"  sort\t\"a b.txt\"  -r ", "2\n1"},
      {"sort '/workspace/a b.txt'", "1\n2"},
      {"echo '$(id); `x` | y & z' \"it's\" \"a \\\"b\\\"\" '' \\;",
       "$(id); `x` | y & z it's a \"b\"  ;"},
      {"echo --option=value -x", "--option=value -x"},
  };
  for (const auto& [line, output] : table)
    EXPECT_EQ(done("shell_exec", {{"command", line}}),
              fmt::format("exit code 0\nstdout:\n{}", output))
        << line;
}

TEST_F(AllowedCommandsTest, RefusesEverythingElse) {
  const std::pair<const char*, const char*> table[] = {
      {"ls", "\"ls\" is not one of the programs that may be run: cat, sort, echo, python3"},
      {"/bin/cat x", "\"/bin/cat\" is not one of"},
      {"./cat x", "\"./cat\" is not one of"},
      {"env FOO=1 sh", "\"env\" is not one of"},
      {"FOO=1 cat x", "\"FOO=1\" is not one of"},
      {"cat /etc/passwd", "/etc/passwd is outside the workspace"},
      {"cat ../secret.txt", "../secret.txt is outside the workspace"},
      {"cat a/../../secret.txt", "is outside the workspace"},
      {"sort --files0-from=/etc/passwd", "is outside the workspace"},
      {"echo a; echo b", "\";\" means something to a shell only"},
      {"echo a | sort", "\"|\" means"},
      {"echo a > b", "\">\" means"},
      {"echo a < b", "\"<\" means"},
      {"echo a & echo b", "\"&\" means"},
      {"echo $(id)", "\"$\" means"},
      {"echo \"$(id)\"", "\"$\" means"},
      {"echo \"`id`\"", "\"`\" means"},
      {"echo $HOME", "\"$\" means"},
      {"echo ${HOME}", "\"$\" means"},
      {"echo {a,b}", "\"{\" means"},
      {"echo *", "\"*\" means"},
      {"echo ~", "\"~\" means"},
      {"echo a\necho b", "a line break means"},
      {"echo a\recho b", "a line break means"},
      {"echo 'a", "a quote (') is not closed"},
      {"echo \"a", "a quote (\") is not closed"},
      {"echo a\\", "ends with a backslash"},
      {"   ", "there is no command"},
      {"python3 -c 'print(1)'", "code is run from files of the workspace only"},
      {"python3 -Ic 'print(1)'", "code is run from files of the workspace only"},
  };
  for (const auto& [line, says] : table) {
    const std::string text = refused("shell_exec", {{"command", line}});
    EXPECT_TRUE(text.starts_with("Not run: ") && text.contains(says)) << line << ": " << text;
  }
  for (const char* program : {"ls", "sh", "/bin/cat"})
    EXPECT_TRUE(refused("process_start", {{"command", program}}).contains("is not one of"))
        << program;
  EXPECT_TRUE(refused("process_start", {{"command", "cat"}, {"args", json::array{"/etc/passwd"}}})
                  .contains("outside the workspace"));
}

TEST(AllowedCommands, NoShellAndNoWrapperCanBeListed) {
  for (const char* name : {"sh", "bash", "env", "xargs", "sudo", "timeout", "/bin/cat", ""}) {
    const std::string toml =
        fmt::format("[tools.shell]\nallowed_commands = [\"cat\", \"{}\"]\n", name);
    ConfigFile file = ConfigFile::parse(toml, "x.toml").value();
    const auto config = ShellToolsConfig::read(file.root().child("tools").child("shell"));
    EXPECT_EQ(file.problems().size(), 1u) << name;
    EXPECT_EQ(config.allowed_commands.size(), 2u);
  }
}

}  // namespace
}  // namespace skep::tools
