// The promise itself: a process that dies by SIGKILL has lost nothing that a call had returned ok
// for.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skep/store/journal.h"
#include "support.h"

namespace skep::store {
namespace {

// Works until killed: begins, steps and ends entries, and tells the number of each finished round.
[[noreturn]] void work_forever(const std::string& directory, int report_fd) {
  auto journal = Journal::open({.directory = directory, .segment_bytes_max = 4096});
  if (!journal) ::_exit(1);
  for (std::uint32_t round = 1;; ++round) {
    const EntryId entry(std::to_string(round));
    if (!(*journal)->begin("turn", entry, std::string(round % 500, 'b'))) ::_exit(1);
    if (!(*journal)->step(entry, "step")) ::_exit(1);
    if (!(*journal)->remember("seen", entry.str())) ::_exit(1);
    if (round > 3 && !(*journal)->end(EntryId(std::to_string(round - 3)))) ::_exit(1);
    if (::write(report_fd, &round, sizeof round) != sizeof round) ::_exit(1);
  }
}

// Reads reports until `kill_at`, kills, and reads the rest: the last round that was finished for
// certain.
std::uint32_t run_and_kill(const std::string& directory, std::uint32_t kill_at) {
  int pipe_fds[2];
  EXPECT_EQ(::pipe(pipe_fds), 0);
  const pid_t child = ::fork();
  if (child == 0) work_forever(directory, pipe_fds[1]);
  ::close(pipe_fds[1]);
  std::uint32_t round = 0;
  std::uint32_t last = 0;
  while (::read(pipe_fds[0], &round, sizeof round) == sizeof round) {
    last = round;
    if (round == kill_at) ::kill(child, SIGKILL);
  }
  ::close(pipe_fds[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  return last;
}

TEST(JournalKill, LosesNothingThatWasAccepted) {
  for (const std::uint32_t kill_at : {1u, 2u, 5u, 17u, 60u, 111u, 300u}) {
    const TempDir dir;
    const std::uint32_t last = run_and_kill(dir.path(), kill_at);
    auto journal = Journal::open({.directory = dir.path()});
    ASSERT_TRUE(journal) << journal.error().to_string();
    for (std::uint32_t round = 1; round <= last; ++round) {
      const EntryId entry(std::to_string(round));
      EXPECT_TRUE((*journal)->remembers("seen", entry.str()));
      // The round after `last` may have run in part: it ends the entry of last - 2.
      if (round + 2 > last) EXPECT_TRUE((*journal)->contains(entry)) << round << " of " << last;
      if (round + 3 <= last) EXPECT_FALSE((*journal)->contains(entry)) << round << " of " << last;
    }
    for (const JournalEntry& entry : (*journal)->unfinished("turn")) {
      const std::size_t number = std::stoul(entry.id.str());
      EXPECT_EQ(entry.steps[0], std::string(number % 500, 'b'));
      if (number <= last) EXPECT_EQ(entry.steps.size(), 2u);
    }
  }
}

}  // namespace
}  // namespace skep::store
