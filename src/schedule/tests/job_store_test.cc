#include "skep/schedule/job_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "skep/async/loop.h"

namespace skep::schedule {
namespace {

using namespace std::chrono_literals;

class JobStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "jobs-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    open();
  }
  void TearDown() override {
    db_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    db_.reset();
    store::DbConfig config{.path = directory_ + "/state.db"};
    auto db = loop_.run(store::Db::open(loop_, std::move(config), JobStore::migrations()));
    ASSERT_TRUE(db) << db.error().to_string();
    db_ = *std::move(db);
  }
  JobStore store() { return JobStore(*db_); }
  JobStore::Loaded loaded() {
    auto s = store();
    auto all = loop_.run(s.load(Ctx()));
    EXPECT_TRUE(all);
    return all ? *std::move(all) : JobStore::Loaded();
  }
  static Job job() {
    const WallTime now = Clock::system().now();
    return {.id = mint_ulid(),
            .agent = Uuid::random(),
            .name = "weather",
            .text = "Say what the weather will be.",
            .when = *When::parse("0 7 * * mon-fri", "Europe/Paris", now),
            .missed = Missed::kAll,
            .peer = "ann@example.org",
            .channel = "xmpp",
            .deliver = *parse_deliveries({"webhook:ops", "file:a.md"}),
            .by_model = true,
            .created_at = now,
            .next = now + 1h,
            .failures = 2,
            .last_result = "Rain."};
  }

  Loop loop_;
  std::string directory_;
  std::unique_ptr<store::Db> db_;
};

TEST_F(JobStoreTest, GivesBackWhatItWasGiven) {
  const Job one = job();
  const Firing run{
      .id = firing_id(one.id, *one.next), .job = one.id, .due = *one.next, .text = "x", .depth = 3};
  auto s = store();
  ASSERT_TRUE(loop_.run(s.save(Ctx(), one, {run})));
  open();
  EXPECT_EQ(loaded().jobs, std::vector{one});
  EXPECT_EQ(loaded().firings, std::vector{run});
}

TEST_F(JobStoreTest, BeginsARunOnceAndEndsItOnce) {
  Job one = job();
  Firing run{.id = firing_id(one.id, *one.next), .job = one.id, .due = *one.next};
  auto s = store();
  ASSERT_TRUE(loop_.run(s.save(Ctx(), one, {run})));
  s.delivered(run);
  ASSERT_TRUE(loop_.run(s.save(Ctx(), one, {run})));
  run.delivered = true;
  EXPECT_EQ(loaded().firings, std::vector{run});
  one.runs = 1;
  EXPECT_EQ(loop_.run(s.finish(Ctx(), one, run.id)), true);
  one.runs = 2;
  EXPECT_EQ(loop_.run(s.finish(Ctx(), one, run.id)), false);
  EXPECT_EQ(loaded().jobs.front().runs, 1);
  EXPECT_TRUE(loaded().firings.empty());
}

TEST_F(JobStoreTest, TakesTheRunsOfAJobAlong) {
  const Job one = job();
  auto s = store();
  ASSERT_TRUE(loop_.run(s.save(Ctx(), one, {{.id = "r", .job = one.id}})));
  ASSERT_TRUE(loop_.run(s.remove(Ctx(), one.id)));
  EXPECT_TRUE(loaded().jobs.empty());
  EXPECT_TRUE(loaded().firings.empty());
}

TEST_F(JobStoreTest, GivesTheSameRunTheSameId) {
  const WallTime time = Clock::system().now();
  EXPECT_EQ(firing_id("a", time), firing_id("a", time));
  EXPECT_EQ(firing_id("a", time).size(), 26U);
  EXPECT_NE(firing_id("a", time), firing_id("b", time));
  EXPECT_NE(firing_id("a", time), firing_id("a", time + 1ms));
  EXPECT_NE(firing_id("a", time, "e1"), firing_id("a", time, "e2"));
}

}  // namespace
}  // namespace skep::schedule
