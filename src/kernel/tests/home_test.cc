#include <gtest/gtest.h>
#include <unistd.h>

#include "skep/kernel/kernel.h"
#include "temp_home.h"

namespace skep::kernel {
namespace {

TEST(HomeLock, OneHolderAtATime) {
  const TempHome home;
  const Result<HomeLock> first = HomeLock::take(home.path());
  ASSERT_TRUE(first) << first.error().message;
  const Result<HomeLock> second = HomeLock::take(home.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_TRUE(second.error().message.contains(std::to_string(getpid()))) << second.error().message;
}

TEST(HomeLock, IsFreeAgainAfterItsHolder) {
  const TempHome home;
  {
    const Result<HomeLock> first = HomeLock::take(home.path());
  }
  EXPECT_TRUE(HomeLock::take(home.path()));
}

TEST(LoadConfig, AGivenFileMustExistAndTheUsualOneNeedNot) {
  const TempHome home;
  EXPECT_TRUE(load_config(home.path(), std::nullopt));
  const Result<ConfigFile> missing = load_config(home.path(), home.path() + "/other.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace skep::kernel
