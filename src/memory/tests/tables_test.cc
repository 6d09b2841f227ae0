#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "skep/async/gate.h"
#include "skep/memory/graph.h"
#include "skep/memory/shared_values.h"
#include "skep/memory/task_board.h"
#include "temp_folder.h"

namespace skep::memory {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct TestClock final : Clock {
  [[nodiscard]] WallTime now() const override { return time; }
  WallTime time = *parse_rfc3339("2026-03-02T08:00:00Z");
};

class TablesTest : public testing::Test {
 protected:
  std::string file() const { return (folder.path / "memory.db").string(); }
  std::unique_ptr<LazyDb> make() {
    return std::make_unique<LazyDb>(loop, store::DbConfig{.path = file()}, table_migrations());
  }
  // A file as another program leaves it.
  void write(const std::vector<std::string>& statements, std::vector<store::Migration> steps = {}) {
    auto opened = loop.run(store::Db::open(loop, {.path = file()}, std::move(steps)));
    ASSERT_TRUE(opened) << opened.error().to_string();
    for (const std::string& sql : statements) {
      auto done = loop.run((*opened)->execute(Ctx{}, sql));
      ASSERT_TRUE(done) << done.error().to_string();
    }
  }
  template <class T>
  T ok(Task<Result<T>> task) {
    Result<T> result = loop.run(std::move(task));
    EXPECT_TRUE(result) << result.error().to_string();
    return result ? *std::move(result) : T();
  }

  TempFolder folder;
  TestClock clock;
  Loop loop;
  std::unique_ptr<LazyDb> db = make();
  SharedValues values{*db, clock};
  Graph graph{*db, clock};
  TaskBoard board{*db, {}, clock};
};

TEST_F(TablesTest, ASharedValueCountsItsVersions) {
  const SharedValue value{
      .key = "motto", .value = R"("be kind")", .agent = "skep", .person = "ann"};
  EXPECT_EQ(ok(values.put(Ctx{}, value)), 1);
  EXPECT_EQ(ok(values.put(Ctx{}, value)), 2);
  const auto kept = ok(values.get(Ctx{}, "motto"));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->version, 2);
  EXPECT_EQ(kept->updated, clock.time);
  EXPECT_EQ(kept->person, "ann");
  EXPECT_FALSE(ok(values.get(Ctx{}, "Motto")));
}

TEST_F(TablesTest, AnExpectedVersionIsCompared) {
  const SharedValue value{.key = "n", .value = "1"};
  EXPECT_EQ(ok(values.put(Ctx{}, value, 0)), 1);
  const auto late = loop.run(values.put(Ctx{}, value, 0));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kConflict);
  EXPECT_EQ(ok(values.put(Ctx{}, value, 1)), 2);
}

TEST_F(TablesTest, SharedValuesAreFoundInAnyCaseAndErased) {
  ok(values.put(Ctx{}, {.key = "office", .value = R"("Straße 1")"}));
  ok(values.put(Ctx{}, {.key = "other", .value = "{}"}));
  EXPECT_EQ(ok(values.find(Ctx{}, "STRASSE")).size(), 1u);
  EXPECT_EQ(ok(values.find(Ctx{}, "")).size(), 2u);
  EXPECT_TRUE(ok(values.erase(Ctx{}, "office")));
  EXPECT_FALSE(ok(values.erase(Ctx{}, "office")));
}

TEST_F(TablesTest, KeysAndValuesHaveLimits) {
  EXPECT_EQ(loop.run(values.put(Ctx{}, {.key = "", .value = "1"})).error().code, Code::kInvalid);
  EXPECT_EQ(loop.run(values.put(Ctx{}, {.key = std::string(257, 'k'), .value = "1"})).error().code,
            Code::kTooLarge);
  EXPECT_EQ(loop.run(values.put(Ctx{}, {.key = "k", .value = std::string((1 << 20) + 1, '1')}))
                .error()
                .code,
            Code::kTooLarge);
}

// Two programs on one file, as two processes of a home are.
TEST_F(TablesTest, AHundredTasksAreClaimedOnceEach) {
  std::unique_ptr<LazyDb> second = make();
  TaskBoard other{*second, {}, clock};
  for (int i = 0; i < 100; ++i) ok(board.post(Ctx{}, {.title = fmt::format("t{}", i)}));
  std::set<std::string> claimed;
  int both = 0;
  const auto claim_all = [](TaskBoard& from, std::string agent, std::set<std::string>& into,
                            int& count) -> Task<void> {
    for (;;) {
      auto task = co_await from.claim(Ctx{}, agent);
      if (!task || !*task) co_return;
      into.insert((**task).id);
      ++count;
    }
  };
  Gate gate(loop);
  gate.spawn("one", claim_all(board, "one", claimed, both));
  gate.spawn("two", claim_all(other, "two", claimed, both));
  loop.run(gate.drain(Ctx{}));
  EXPECT_EQ(claimed.size(), 100u);
  EXPECT_EQ(both, 100);
}

TEST_F(TablesTest, TheMostUrgentTaskThatIsForMeComesFirst) {
  ok(board.post(Ctx{}, {.title = "for anybody"}));
  ok(board.post(Ctx{}, {.title = "for Otto", .assigned_to = "otto"}));
  ok(board.post(Ctx{}, {.title = "urgent", .priority = 5}));
  EXPECT_EQ(ok(board.claim(Ctx{}, "Otto"))->title, "urgent");
  EXPECT_EQ(ok(board.claim(Ctx{}, "paul"))->title, "for anybody");
  EXPECT_FALSE(ok(board.claim(Ctx{}, "paul")));
  EXPECT_EQ(ok(board.claim(Ctx{}, "Otto"))->title, "for Otto");
}

TEST_F(TablesTest, OnlyWhoClaimedATaskCompletesIt) {
  const std::string id = ok(board.post(Ctx{}, {.title = "t"}));
  EXPECT_EQ(loop.run(board.complete(Ctx{}, id, "a", "r")).error().code, Code::kDenied);
  ok(board.claim(Ctx{}, "a"));
  EXPECT_EQ(loop.run(board.complete(Ctx{}, id, "b", "r")).error().code, Code::kDenied);
  EXPECT_EQ(ok(board.complete(Ctx{}, id, "A", "done")).result, "done");
  EXPECT_EQ(loop.run(board.complete(Ctx{}, id, "a", "r")).error().code, Code::kConflict);
  EXPECT_EQ(loop.run(board.complete(Ctx{}, "no", "a", "r")).error().code, Code::kNotFound);
  EXPECT_EQ(ok(board.list(Ctx{}, "completed")).size(), 1u);
  EXPECT_TRUE(ok(board.list(Ctx{}, "pending")).empty());
}

TEST_F(TablesTest, AClaimThatIsNeverCompletedEnds) {
  ok(board.post(Ctx{}, {.title = "t"}));
  ASSERT_TRUE(ok(board.claim(Ctx{}, "a")));
  clock.time += 59min;
  EXPECT_FALSE(ok(board.claim(Ctx{}, "b")));
  clock.time += 2min;
  EXPECT_TRUE(ok(board.claim(Ctx{}, "b")));
}

TEST_F(TablesTest, AnAncestorsDatabaseIsTakenOverWithACopyBeforehand) {
  write(
      {"CREATE TABLE kv_store (agent_id TEXT, key TEXT, value BLOB, version INTEGER DEFAULT 1, "
       "updated_at TEXT, PRIMARY KEY (agent_id, key))",
       "INSERT INTO kv_store VALUES ('00000000-0000-0000-0000-000000000001', 'city', "
       "CAST('\"Porto\"' AS BLOB), 3, '2026-01-02T03:04:05+00:00')",
       "CREATE TABLE entities (id TEXT PRIMARY KEY, entity_type TEXT, name TEXT, properties TEXT, "
       "created_at TEXT, updated_at TEXT)",
       "INSERT INTO entities VALUES ('e1', '\"person\"', 'Ann', '{}', '', '2026-01-01T00:00:00Z')",
       "INSERT INTO entities VALUES ('e2', '\"project\"', 'Hive', '{}', '', "
       "'2026-01-01T00:00:00Z')",
       "CREATE TABLE relations (id TEXT PRIMARY KEY, source_entity TEXT, relation_type TEXT, "
       "target_entity TEXT, properties TEXT, confidence REAL, created_at TEXT)",
       "INSERT INTO relations VALUES ('r1', 'e1', '\"uses\"', 'Hive', '{}', 0.5, "
       "'2026-01-01T00:00:00Z')",
       "CREATE TABLE task_queue (id TEXT PRIMARY KEY, agent_id TEXT, task_type TEXT, payload BLOB, "
       "status TEXT, priority INTEGER, scheduled_at TEXT, created_at TEXT, completed_at TEXT, "
       "title TEXT, description TEXT, assigned_to TEXT, created_by TEXT, result TEXT)",
       "INSERT INTO task_queue (id, status, priority, created_at, title) VALUES ('t1', "
       "'in_progress', 2, '2026-01-01T00:00:00Z', 'sweep')",
       "CREATE TABLE sessions (id TEXT PRIMARY KEY)", "PRAGMA user_version = 8"});
  const auto city = ok(values.get(Ctx{}, "city"));
  ASSERT_TRUE(city);
  EXPECT_EQ(city->value, "\"Porto\"");
  EXPECT_EQ(city->version, 3);
  EXPECT_EQ(format_rfc3339(city->updated), "2026-01-02T03:04:05Z");
  EXPECT_EQ(city->taint, "external_network");
  const GraphAnswer answer = ok(graph.query(Ctx{}, {}, {.source = "ann"}));
  ASSERT_EQ(answer.paths.size(), 1u);
  EXPECT_EQ(answer.paths[0][0].type, "uses");
  EXPECT_EQ(answer.entities[0].type, "person");
  EXPECT_EQ(ok(board.claim(Ctx{}, "me"))->title, "sweep");
  EXPECT_TRUE(fs::exists(file() + ".before-memory-1"));
}

TEST_F(TablesTest, AnAncestorThatIsNewerThanKnownIsLeftAlone) {
  write({"CREATE TABLE kv_store (x)", "PRAGMA user_version = 9"});
  const auto refused = loop.run(values.get(Ctx{}, "k"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.contains("written_by_a_newer_ancestor"))
      << refused.error().message;
}

TEST_F(TablesTest, ANewerFileIsRefusedAndSaysSo) {
  auto steps = table_migrations();
  steps.push_back({"memory", 2, "CREATE TABLE later (x)"});
  write({}, steps);
  const auto refused = loop.run(values.get(Ctx{}, "k"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_TRUE(refused.error().message.contains("newer than this program"))
      << refused.error().message;
  EXPECT_EQ(db->trouble(), refused.error().message);
}

TEST_F(TablesTest, ADamagedFileIsNamedAndOnceItIsGoneAllGoesOn) {
  std::ofstream(file()) << std::string(8192, 'x');
  const auto refused = loop.run(values.get(Ctx{}, "k"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCorrupt);
  EXPECT_TRUE(refused.error().message.contains("is damaged. Move it away"))
      << refused.error().message;
  fs::remove(file());
  EXPECT_EQ(ok(values.put(Ctx{}, {.key = "k", .value = "1"})), 1);
  EXPECT_EQ(db->trouble(), "");
}

}  // namespace
}  // namespace skep::memory
