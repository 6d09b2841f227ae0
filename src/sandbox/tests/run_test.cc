// A program run to its end.
#include <csignal>

#include "support.h"

namespace skep::sandbox {
namespace {

using namespace testing;
using SandboxRun = SandboxTest;

TEST_F(SandboxRun, GivesOutputErrorsAndExitCode) {
  const Outcome outcome = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(outcome.end, End::kExited);
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out.text(), "out\n");
  EXPECT_EQ(outcome.err.text(), "err\n");
}

TEST_F(SandboxRun, ReadsItsInputToTheEnd) {
  Command command = shell("wc -c");
  command.input = std::string(300'000, 'x');
  EXPECT_EQ(run(command).out.text(), "300000\n");
  EXPECT_EQ(run(shell("cat")).out.text(), "") << "no input is an end at once";
}

TEST_F(SandboxRun, OutlivesInputThatNobodyReads) {
  Command command = shell("exec 0<&-; sleep 0.2; echo done");
  command.input = std::string(300'000, 'x');
  EXPECT_EQ(run(command).out.text(), "done\n");
}

TEST_F(SandboxRun, WritesItsWorkspaceAndReadsTheSystem) {
  write_text(workspace_ / "in.txt", "5 7");
  const Outcome outcome =
      run(shell("awk '{print $1 * $2}' in.txt > out.txt; pwd; id -un; id -u; hostname"));
  EXPECT_EQ(outcome.err.text(), "");
  EXPECT_EQ(outcome.out.text(), "/workspace\nsandbox\n1000\nsandbox\n");
  EXPECT_EQ(read_text(workspace_ / "out.txt"), "35\n");
}

TEST_F(SandboxRun, CanDoHonestWork) {
  const Outcome outcome =
      run(shell("mkdir -p a/b && echo x > a/b/c && ln -s b a/l && mv a/b/c a/l/d && "
                "cat a/b/d && mkfifo p && (echo y > p &) && cat p && ls /proc/self/fd | wc -l && "
                "echo z > /tmp/t && cat /tmp/t && head -c 4 /dev/zero | wc -c && "
                "printf '#!/bin/sh\\necho script' > s && chmod +x s && ./s"));
  EXPECT_EQ(outcome.err.text(), "");
  EXPECT_EQ(outcome.out.text(), "x\ny\n4\nz\n4\nscript\n");
}

TEST_F(SandboxRun, RunsPython) {
  if (!fs::exists("/usr/bin/python3")) GTEST_FAIL() << "the tests need python3";
  Command command{
      .argv = {"python3", "-c",
               "import threading, subprocess, socket, tempfile\n"
               "t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()\n"
               "print(subprocess.check_output(['echo', 'child'], text=True), end='')\n"
               "a, b = socket.socketpair(); a.send(b'pair'); print(b.recv(4).decode())\n"
               "print(len(tempfile.mkstemp()))"},
      .directory = "/workspace",
      .writable = {{workspace_.str(), "/workspace"}}};
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.out.text(), "thread\nchild\npair\n2\n") << outcome.err.text();
}

TEST_F(SandboxRun, ShowsReadableFoldersReadOnly) {
  TempFolder data;
  write_text(data / "table", "42");
  Command command = shell("cat /data/table && ! touch /data/new 2>&-");
  command.readable = {{data.str(), "/data"}};
  EXPECT_EQ(run(command).out.text(), "42");
  EXPECT_FALSE(fs::exists(data / "new"));
  command.readable = {{data.str(), ""}};
  command.argv = {"cat", data / "table"};
  EXPECT_EQ(run(command).out.text(), "42") << "without another name it stands where it is";
}

TEST_F(SandboxRun, SetsAndHandsOnVariables) {
  setenv("SKEP_TEST_ZONE", "Europe/Berlin", 1);
  Command command = shell("echo $GREETING $SKEP_TEST_ZONE $HOME");
  command.environment = {{"GREETING", "hello"}};
  command.inherit = {"SKEP_TEST_ZONE", "SKEP_TEST_UNSET"};
  EXPECT_EQ(run(command).out.text(), "hello Europe/Berlin /workspace\n");
  unsetenv("SKEP_TEST_ZONE");
}

TEST_F(SandboxRun, SaysThatAProgramIsMissing) {
  Command command = shell("");
  command.argv = {"no-such-program"};
  EXPECT_EQ(refused(command),
            (Error{Code::kNotFound, "there is no program \"no-such-program\" in the sandbox"}));
  command.argv = {"/workspace"};
  EXPECT_EQ(refused(command).code, Code::kInvalid);
  command.argv = {};
  EXPECT_EQ(refused(command).code, Code::kInvalid);
  command.argv = {"echo", std::string("a\0b", 3)};
  EXPECT_EQ(refused(command).code, Code::kInvalid);
  command.input = std::string((1u << 20) + 1, 'x');
  command.argv = {"cat"};
  EXPECT_EQ(refused(command).code, Code::kTooLarge);
  command.argv = {"echo", std::string(200'000, 'x')};
  EXPECT_EQ(refused(command).code, Code::kTooLarge);
}

TEST_F(SandboxRun, SaysThatAPlaceIsMissing) {
  Command command = shell("true");
  command.directory = "/nowhere";
  EXPECT_EQ(refused(command),
            (Error{Code::kInvalid, "cannot start in /nowhere: No such file or directory"}));
  command = shell("true");
  command.readable = {{"/no/such/place", ""}};
  EXPECT_EQ(refused(command).code, Code::kInvalid);
}

TEST_F(SandboxRun, TellsTheSignal) {
  const Outcome outcome = run(shell("kill -SEGV $$"));
  EXPECT_EQ(outcome.end, End::kSignalled);
  EXPECT_EQ(outcome.code, SIGSEGV);
}

TEST_F(SandboxRun, EndsAtItsTimeWithWhatItSaid) {
  const Outcome outcome = run(
      shell("trap 'echo bye; exit' TERM; echo hello; while :; do sleep 0.05; done"), {.wall = 2s});
  EXPECT_EQ(outcome.end, End::kTimeout);
  EXPECT_EQ(outcome.out.text(), "hello\nbye\n") << "SIGTERM comes first";
}

TEST_F(SandboxRun, KeepsHeadAndTailOfLongOutput) {
  const Outcome outcome = run(shell("seq 1 100000"), {.output_bytes = 1000});
  EXPECT_TRUE(outcome.out.head.starts_with("1\n2\n"));
  EXPECT_TRUE(outcome.out.tail.ends_with("\n99999\n100000\n"));
  EXPECT_EQ(outcome.out.head.size() + outcome.out.tail.size() + outcome.out.left_out, 588'895u);
  EXPECT_EQ(outcome.out.head.size() + outcome.out.tail.size(), 1000u);
  EXPECT_TRUE(outcome.out.text().contains("587895 bytes left out"));
}

TEST_F(SandboxRun, EndsWithItsContext) {
  Ctx ctx;
  const auto late = loop_.run(sandbox::run(ctx.within(200ms), shell("sleep 100"), {}));
  EXPECT_EQ(late.error().code, Code::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  const auto stopped =
      loop_.run(sandbox::run(ctx.with_stop(stop.get_token()), shell("sleep 100"), {}));
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
}

TEST_F(SandboxRun, RunsManyAtOnceWithoutLeaks) {
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  run(shell("true"));
  const auto before = descriptors();
  for (int turn = 0; turn < 20; ++turn) EXPECT_EQ(run(shell("echo x")).out.text(), "x\n");
  EXPECT_EQ(descriptors(), before);
}

TEST_F(SandboxRun, ProbeNamesTheLayers) {
  const auto probed = loop_.run(probe(patient()));
  ASSERT_TRUE(probed) << probed.error().to_string();
  EXPECT_TRUE(probed->contains("Landlock ABI") && probed->contains("seccomp")) << *probed;
}

}  // namespace
}  // namespace skep::sandbox
