#include <gtest/gtest.h>
#include <sys/stat.h>

#include "skep/api/api.h"
#include "skep/store/append_file.h"
#include "temp_home.h"

namespace skep::api {
namespace {

TEST(DaemonFile, RoundTripsAndIsForItsOwnerOnly) {
  const kernel::TempHome home;
  const DaemonFile written{.pid = 12,
                           .address = "127.0.0.1:4545",
                           .token = "t",
                           .started_at = "2026-03-02T08:00:00Z",
                           .version = "0.1.0"};
  ASSERT_TRUE(written.write(home.path()));
  struct stat info{};
  ASSERT_EQ(stat((home.path() + "/run/daemon.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const Result<DaemonFile> read = DaemonFile::read(home.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->pid, 12);
  EXPECT_EQ(read->address, "127.0.0.1:4545");
  EXPECT_EQ(read->token, "t");
}

TEST(DaemonFile, RefusesHalfAFile) {
  const kernel::TempHome home;
  ASSERT_TRUE(store::write_file(home.path() + "/run/daemon.json", R"({"pid":12})"));
  const Result<DaemonFile> read = DaemonFile::read(home.path());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace skep::api
