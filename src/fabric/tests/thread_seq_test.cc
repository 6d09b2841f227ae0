#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "skep/fabric/turns.h"

namespace skep::fabric {
namespace {

class ThreadSeqTest : public testing::Test {
 protected:
  ThreadSeqTest() {
    char text[] = "/tmp/skep-seq-XXXXXX";
    directory = ::mkdtemp(text);
    path = directory + "/streams/seq";
  }
  ~ThreadSeqTest() override { std::filesystem::remove_all(directory); }
  std::unique_ptr<ThreadSeq> open() { return *ThreadSeq::open(path); }
  std::string directory, path;
};

TEST_F(ThreadSeqTest, EachThreadCountsFromOne) {
  auto seq = open();
  EXPECT_EQ(seq->next("a"), 1u);
  EXPECT_EQ(seq->next("a"), 2u);
  EXPECT_EQ(seq->next("b"), 1u);
  EXPECT_EQ(seq->next("a"), 3u);
}

TEST_F(ThreadSeqTest, GoesOnAboveAfterARestart) {
  std::uint64_t last = 0;
  for (int start = 0; start < 5; ++start) {
    auto seq = open();
    for (int i = 0; i < 3; ++i) {
      const std::uint64_t number = *seq->next("a");
      EXPECT_GT(number, last);
      last = number;
    }
  }
}

TEST_F(ThreadSeqTest, RoutersOfAHiveNeverGiveTheSameNumber) {
  auto one = open(), two = open();
  std::set<std::uint64_t> given;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(given.insert(*one->next("a")).second);
    EXPECT_TRUE(given.insert(*two->next("a")).second);
  }
}

TEST_F(ThreadSeqTest, NeverRepeatsWhatAKilledProcessGave) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  std::uint64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto seq = ThreadSeq::open(path);
      for (int i = 0; i < 10; ++i) {
        const std::uint64_t number = *(*seq)->next("a");
        (void)!::write(pipe[1], &number, sizeof number);
      }
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    for (int i = 0; i < 10; ++i) {
      std::uint64_t number = 0;
      ASSERT_EQ(::read(pipe[0], &number, sizeof number), ssize_t(sizeof number));
      EXPECT_GT(number, last);
      last = number;
    }
  }
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_F(ThreadSeqTest, AForgottenThreadContinuesAbove) {
  auto seq = open();
  std::uint64_t last = 0;
  for (int i = 0; i < 10; ++i) last = *seq->next("old");
  for (std::size_t i = 0; i <= ThreadSeq::threads_max; ++i)
    ASSERT_TRUE(seq->next(std::to_string(i)));
  EXPECT_GT(*seq->next("old"), last);
}

TEST_F(ThreadSeqTest, ABlockThatIsUsedUpIsFollowedByANewOne) {
  auto one = open(), two = open();
  const std::uint64_t of_two = *two->next("a");
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < of_two + 10; ++i) {
    const std::uint64_t number = *one->next("a");
    ASSERT_GT(number, last);
    ASSERT_NE(number, of_two);
    last = number;
  }
  EXPECT_GT(last, of_two);
}

TEST_F(ThreadSeqTest, ADamagedCounterContinuesAboveEverything) {
  std::uint64_t last = 0;
  for (int i = 0; i < 3; ++i) last = *open()->next("a");
  ASSERT_TRUE(store::write_file(path, "2 no sum\n"));
  EXPECT_GT(*open()->next("a"), last);
  const std::uint64_t after = *open()->next("a");
  EXPECT_GT(after, last);
  EXPECT_LT(after, 1ull << 53);
}

TEST_F(ThreadSeqTest, SaysWhyItCannotCount) {
  ASSERT_TRUE(store::write_file(directory + "/streams", "no directory"));
  EXPECT_FALSE(ThreadSeq::open(path));
}

}  // namespace
}  // namespace skep::fabric
