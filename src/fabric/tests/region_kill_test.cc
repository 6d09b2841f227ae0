// A writer that dies by SIGKILL anywhere inside a write: readers keep the last published content,
// and the next writer starts clean.
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "region_support.h"

namespace skep::fabric {
namespace {

[[noreturn]] void write_forever(const std::string& path, int ready_fd) {
  auto writer = RegionWriter::open(path, RegionKind::kNodes, "lab", "RT.main");
  if (!writer) ::_exit(1);
  for (std::uint64_t number = 1;; ++number) {
    if (!(*writer)->write(numbered(number, number * 7'919 % 60'000))) ::_exit(1);
    if (number == 1 && ::write(ready_fd, "r", 1) != 1) ::_exit(1);
  }
}

void run_and_kill(const std::string& path, std::chrono::microseconds after) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) write_forever(path, ready[1]);
  ::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  std::this_thread::sleep_for(after);
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST(RegionKill, LeavesTheLastPublishedContentAndALockThatIsFree) {
  const RegionPlace place;
  std::mt19937 random(20260101);
  std::uint64_t generation = 0;
  for (int round = 0; round < 300; ++round) {
    run_and_kill(place.path(), std::chrono::microseconds(random() % 1'500));
    auto left = place.read();
    ASSERT_TRUE(left) << left.error().to_string() << " in round " << round;
    EXPECT_TRUE(is_numbered(left->content)) << "in round " << round;
    EXPECT_FALSE(left->info.owner_alive);
    EXPECT_GT(left->info.generation, generation);
    generation = left->info.generation;
  }
  auto writer = place.writer();
  auto fresh = place.read();
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->content, "");  // nothing of the dead writer
  EXPECT_TRUE(fresh->info.owner_alive);
  EXPECT_GT(fresh->info.generation, generation);
}

}  // namespace
}  // namespace skep::fabric
