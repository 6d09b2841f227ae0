// Programs in the workspace, through the sandbox.
#include "workspace_support.h"

namespace skep::tools {
namespace {

namespace fs = testing::fs;

class ShellToolsTest : public testing::WorkspaceTest {
 protected:
  void open(ShellToolsConfig config = {}) {
    config.limits.grace = std::chrono::milliseconds(200);
    for (auto& tool : make_shell_tools(workspace, config))
      EXPECT_TRUE(toolbox.add(std::move(tool)));
  }
  std::string id_of(const std::string& started) {
    const auto begin = started.find('"') + 1;
    return started.substr(begin, started.find('"', begin) - begin);
  }
  // Polls until the output so far holds `text`.
  std::string poll_until(const std::string& id, std::string_view text) {
    std::string seen;
    for (int turn = 0; turn < 2000 && !seen.contains(text); ++turn) {
      seen += done("process_poll", {{"id", id}});
      Ctx ctx;
      std::ignore = loop.run(sleep_for(ctx, std::chrono::milliseconds(5)));
    }
    return seen;
  }
};

TEST_F(ShellToolsTest, RunsACommandInTheWorkspace) {
  open();
  done("file_write", {{"path", "in.txt"}, {"content", "3\n1\n2\n"}});
  EXPECT_EQ(done("shell_exec", {{"command", "sort in.txt | tee out.txt; pwd"}}),
            "exit code 0\nstdout:\n1\n2\n3\n/workspace");
  EXPECT_EQ(done("file_read", {{"path", "out.txt"}}), "1\n2\n3\n");
  EXPECT_EQ(done("shell_exec", {{"command", "true"}}), "exit code 0");
  EXPECT_EQ(refused("shell_exec", {{"command", "echo no >&2; exit 4"}}),
            "exit code 4\nstderr:\nno");
}

TEST_F(ShellToolsTest, ReachesNothingElse) {
  open();
  const std::string secret = (base / "secret.txt").string();
  for (const std::string& line :
       {"cat " + secret, std::string("cat /etc/shadow"), std::string("echo x > /usr/evil"),
        std::string("cat /proc/1/environ"), std::string("kill -9 1"),
        std::string("echo x > /dev/tcp/127.0.0.1/80"), std::string("mount -t tmpfs x /tmp"),
        "ln -s " + secret + " l && cat l", std::string("ls /root")}) {
    refused("shell_exec", {{"command", line}});
  }
  EXPECT_EQ(testing::WorkspaceTest::get(base / "secret.txt"), "the secret");
  refused("file_read", {{"path", "l"}});
}

TEST_F(ShellToolsTest, KnowsNoKeys) {
  setenv("ANTHROPIC_API_KEY", "sk-very-secret", 1);
  open();
  const std::string text = done("shell_exec", {{"command", "env; cat /proc/self/environ"}});
  unsetenv("ANTHROPIC_API_KEY");
  EXPECT_FALSE(text.contains("sk-very-secret")) << text;
}

TEST_F(ShellToolsTest, EndsACommandAtItsTime) {
  open({.timeout = std::chrono::seconds(30), .timeout_max = std::chrono::seconds(60)});
  EXPECT_EQ(refused("shell_exec", {{"command", "echo begun; sleep 100"}, {"timeout_seconds", 2}}),
            "ended after its 2 s\nstdout:\nbegun");
  EXPECT_TRUE(
      refused("shell_exec", {{"command", "true"}, {"timeout_seconds", 61}}).contains("schema"));
}

TEST_F(ShellToolsTest, NamesTheLimitThatWasReached) {
  ShellToolsConfig config;
  config.timeout = std::chrono::seconds(50);
  config.limits.cpu = std::chrono::seconds(1);
  config.limits.file_bytes = 1 << 20;
  config.limits.output_bytes = 1000;
  open(config);
  EXPECT_TRUE(refused("shell_exec", {{"command", "exec sh -c 'while :; do :; done'"}})
                  .contains("out of CPU time"));
  EXPECT_TRUE(refused("shell_exec", {{"command", "exec head -c 4000000 /dev/zero > big"}})
                  .contains("too large"));
  EXPECT_TRUE(done("shell_exec", {{"command", "seq 1 10000"}}).contains("bytes left out here"));
}

TEST_F(ShellToolsTest, KeepsProgramsRunning) {
  open();
  const std::string id =
      id_of(done("process_start", {{"command", "cat"}, {"args", json::array{"-n"}}}));
  EXPECT_EQ(done("process_list", {}), id + " running: cat -n");
  EXPECT_EQ(done("process_write", {{"id", id}, {"text", "hello\n"}}), "6 bytes written.");
  EXPECT_TRUE(poll_until(id, "hello").contains("1\thello"));
  done("process_write", {{"id", id}, {"text", "bye\n"}, {"end", true}});
  EXPECT_TRUE(done("process_poll", {{"id", id}, {"wait_seconds", 30}})
                  .starts_with("exit code 0\nstdout:\n     2\tbye"));
  EXPECT_EQ(done("process_list", {}), "No program was started.");
  refused("process_poll", {{"id", id}});
}

TEST_F(ShellToolsTest, KillsProgramsAndWhatTheyStarted) {
  open();
  const std::string id = id_of(done(
      "process_start",
      {{"command", "sh"},
       {"args",
        json::array{
            "-c", "(trap '' TERM; while :; do echo . >> beat; sleep 0.02; done) & sleep 1000"}}}));
  while (!fs::exists(inside / "beat")) {
    Ctx ctx;
    std::ignore = loop.run(sleep_for(ctx, std::chrono::milliseconds(5)));
  }
  EXPECT_EQ(done("process_kill", {{"id", id}}), "killed");
  const std::string after = get(inside / "beat");
  Ctx ctx;
  std::ignore = loop.run(sleep_for(ctx, std::chrono::milliseconds(200)));
  EXPECT_EQ(get(inside / "beat"), after);
}

TEST_F(ShellToolsTest, ShowsProgramsToTheirConversationAlone) {
  open();
  const std::string id =
      id_of(done("process_start", {{"command", "sleep"}, {"args", json::array{"1000"}}}));
  EXPECT_EQ(call("process_list", {}, "bob@example.org").text, "No program was started.");
  for (const char* tool : {"process_poll", "process_kill"})
    EXPECT_TRUE(call(tool, {{"id", id}}, "bob@example.org").is_error) << tool;
  EXPECT_TRUE(call("process_write", {{"id", id}, {"text", "x"}}, "bob@example.org").is_error);
  EXPECT_EQ(done("process_list", {}), id + " running: sleep 1000");
}

TEST_F(ShellToolsTest, BoundsHowManyRun) {
  open({.background_max = 2});
  const json::object sleeper{{"command", "sleep"}, {"args", json::array{"1000"}}};
  done("process_start", sleeper);
  const std::string id = id_of(done("process_start", {{"command", "true"}}));
  for (int turn = 0; turn < 2000 && !done("process_list", {}).contains(id + " ended"); ++turn) {
    Ctx ctx;
    std::ignore = loop.run(sleep_for(ctx, std::chrono::milliseconds(5)));
  }
  done("process_start", sleeper);  // the ended one makes room
  EXPECT_TRUE(refused("process_start", sleeper).contains("2 programs run already"));
}

TEST_F(ShellToolsTest, SaysThatAProgramIsMissing) {
  open();
  EXPECT_EQ(refused("process_start", {{"command", "no-such-program"}}),
            "Not run: there is no program \"no-such-program\" in the sandbox.");
  EXPECT_EQ(done("process_list", {}), "No program was started.") << "its place is free again";
}

TEST_F(ShellToolsTest, ProgramsDieWithTheTools) {
  open();
  done("process_start",
       {{"command", "sh"},
        {"args", json::array{"-c", "while :; do echo . >> beat; sleep 0.02; done"}}});
  while (!fs::exists(inside / "beat")) {
    Ctx ctx;
    std::ignore = loop.run(sleep_for(ctx, std::chrono::milliseconds(5)));
  }
  toolbox = Toolbox();
  const std::string after = get(inside / "beat");
  Ctx ctx;
  std::ignore = loop.run(sleep_for(ctx, std::chrono::milliseconds(200)));
  EXPECT_EQ(get(inside / "beat"), after);
}

}  // namespace
}  // namespace skep::tools
