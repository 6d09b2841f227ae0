// A program that keeps running.
#include "support.h"

namespace skep::sandbox {
namespace {

using namespace testing;

class ProcessTest : public SandboxTest {
 protected:
  std::unique_ptr<Process> start(Command command, Limits limits = {}) {
    command.keep_input_open = true;
    auto process = loop_.run(Process::start(patient(), std::move(command), limits));
    if (!process) ADD_FAILURE() << process.error().to_string();
    return process ? *std::move(process) : nullptr;
  }
  // Takes output until it holds `text`.
  std::string read_until(Process& process, std::string_view text) {
    std::string seen;
    for (int turn = 0; turn < 2000 && !seen.contains(text); ++turn) {
      std::ignore = loop_.run(sleep_for(patient(), 5ms));
      seen += process.take_out().text();
    }
    return seen;
  }
};

TEST_F(ProcessTest, TalksBothWays) {
  auto process = start(shell("while read line; do echo got $line; done; echo end"));
  ASSERT_TRUE(process->write("one\n"));
  EXPECT_EQ(read_until(*process, "one\n"), "got one\n");
  ASSERT_TRUE(process->write("two\n"));
  EXPECT_EQ(read_until(*process, "two\n"), "got two\n") << "taken output is not given again";
  EXPECT_TRUE(process->running());
  process->end_input();
  const auto outcome = loop_.run(process->wait(patient()));
  EXPECT_EQ(outcome->out.text(), "end\n");
  EXPECT_EQ(outcome->end, End::kExited);
  EXPECT_FALSE(process->running());
  EXPECT_EQ(process->write("three\n").error().code, Code::kUnavailable);
}

TEST_F(ProcessTest, RefusesInputThatIsNotTaken) {
  auto process = start(shell("sleep 100"), {.input_bytes = 100'000});
  EXPECT_EQ(process->write(std::string(100'001, 'x')).error().code, Code::kExhausted);
  ASSERT_TRUE(process->write(std::string(100'000, 'x')));
  ASSERT_TRUE(process->write(std::string(60'000, 'x'))) << "the pipe has taken some";
  EXPECT_EQ(process->write(std::string(60'000, 'x')).error().code, Code::kExhausted);
}

TEST_F(ProcessTest, DiesWhenKilled) {
  auto process =
      start(shell("trap '' TERM; echo up; while :; do sleep 0.05; done"), {.grace = 100ms});
  read_until(*process, "up");
  process->terminate();
  const auto outcome = loop_.run(process->wait(patient()));
  EXPECT_EQ(outcome->end, End::kKilled);
  process->kill();  // nothing any more
  EXPECT_FALSE(process->running());
}

TEST_F(ProcessTest, DiesWithItsHandle) {
  auto process = start(shell("while :; do echo . >> beat; sleep 0.02; done"));
  while (read_text(workspace_ / "beat").empty()) std::ignore = loop_.run(sleep_for(patient(), 5ms));
  process.reset();
  const std::string after = read_text(workspace_ / "beat");
  std::ignore = loop_.run(sleep_for(patient(), 200ms));
  EXPECT_EQ(read_text(workspace_ / "beat"), after);
}

TEST_F(ProcessTest, EndsAtItsWallTime) {
  auto process = start(shell("sleep 100"), {.wall = 200ms});
  EXPECT_EQ(loop_.run(process->wait(patient()))->end, End::kTimeout);
}

}  // namespace
}  // namespace skep::sandbox
