#include "skep/store/db.h"

#include <gtest/gtest.h>

#include <future>
#include <limits>

#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "support.h"

namespace skep::store {
namespace {

const std::vector<Migration> kNotes = {
    {"notes", 1, "CREATE TABLE note (id INTEGER PRIMARY KEY, body, UNIQUE (body));"},
    {"notes", 2,
     "CREATE TABLE tag (note INTEGER NOT NULL REFERENCES note, word TEXT);"
     "CREATE INDEX tag_word ON tag (word);"},
};

class DbTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Db>> try_open(std::vector<Migration> migrations = kNotes,
                                       std::size_t queue_max = 10'000) {
    DbConfig config{.path = path_, .queue_max = queue_max};
    return loop_.run(Db::open(loop_, std::move(config), std::move(migrations)));
  }
  std::unique_ptr<Db> must_open(std::vector<Migration> migrations = kNotes) {
    auto db = try_open(std::move(migrations));
    EXPECT_TRUE(db) << db.error().to_string();
    return db ? *std::move(db) : nullptr;
  }
  Result<std::vector<Row>> query(Db& db, std::string sql, std::vector<Value> args = {}) {
    return loop_.run(db.query(Ctx{}, std::move(sql), std::move(args)));
  }
  Result<std::int64_t> execute(Db& db, std::string sql, std::vector<Value> args = {}) {
    return loop_.run(db.execute(Ctx{}, std::move(sql), std::move(args)));
  }
  std::int64_t count(Db& db, const std::string& table = "note") {
    auto rows = query(db, "SELECT count(*) FROM " + table);
    EXPECT_TRUE(rows) << rows.error().to_string();
    return rows ? rows->at(0).integer(0) : -1;
  }

  TempDir dir_;
  std::string path_ = dir_ / "home/state.db";
  Loop loop_;
};

TEST_F(DbTest, ValuesComeBackAsTheyWere) {
  auto db = must_open();
  const std::vector<Value> values = {Null{},
                                     std::int64_t{0},
                                     std::numeric_limits<std::int64_t>::min(),
                                     0.25,
                                     std::string("grüße"),
                                     std::string("a\0b", 3),
                                     std::string(),
                                     Blob{std::string("\0\xff", 2)},
                                     Blob{}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::vector<Value> args = {static_cast<std::int64_t>(i), values[i]};
    EXPECT_EQ(execute(*db, "INSERT INTO note VALUES (?1, ?2)", args).value(), 1);
  }
  const auto rows = query(*db, "SELECT body FROM note ORDER BY id");
  ASSERT_TRUE(rows) << rows.error().to_string();
  ASSERT_EQ(rows->size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ((*rows)[i].values[0], values[i]) << i;
}

TEST_F(DbTest, ARowGivesTheZeroValueForWhatIsNotThere) {
  const Row row{{std::string("text"), std::int64_t{7}, 1.5, Null{}}};
  EXPECT_EQ(row.text(0), "text");
  EXPECT_EQ(row.integer(0), 0);
  EXPECT_EQ(row.integer(1), 7);
  EXPECT_EQ(row.real(2), 1.5);
  EXPECT_EQ(row.text(2), "");
  EXPECT_FALSE(row.is_null(0));
  EXPECT_TRUE(row.is_null(3));
  EXPECT_TRUE(row.is_null(99));
  EXPECT_EQ(row.integer(99), 0);
}

TEST_F(DbTest, ATransactionIsKeptWholeOrNotAtAll) {
  auto db = must_open();
  const std::function<Result<std::int64_t>(Connection&)> good =
      [](Connection& c) -> Result<std::int64_t> {
    SKEP_TRY_VOID(c.execute("INSERT INTO note (body) VALUES ('a')"));
    SKEP_TRY_VOID(c.execute("INSERT INTO note (body) VALUES (?1)", {std::string("b")}));
    return c.last_insert_id();
  };
  EXPECT_EQ(loop_.run(db->transact<std::int64_t>(Ctx{}, good)).value(), 2);
  const std::function<Result<std::int64_t>(Connection&)> bad =
      [](Connection& c) -> Result<std::int64_t> {
    SKEP_TRY_VOID(c.execute("INSERT INTO note (body) VALUES ('c')"));
    return fail(Code::kDenied, "thought better of it");
  };
  EXPECT_EQ(loop_.run(db->transact<std::int64_t>(Ctx{}, bad)).error(),
            (Error{Code::kDenied, "thought better of it"}));
  EXPECT_EQ(count(*db), 2);
}

TEST_F(DbTest, FailuresCarryACodeToActOn) {
  auto db = must_open();
  ASSERT_TRUE(execute(*db, "INSERT INTO note VALUES (1, 'a')"));
  EXPECT_EQ(execute(*db, "INSERT INTO note VALUES (2, 'a')").error().code, Code::kExists);
  EXPECT_EQ(execute(*db, "INSERT INTO note VALUES (1, 'b')").error().code, Code::kExists);
  EXPECT_EQ(execute(*db, "INSERT INTO tag VALUES (99, 'x')").error().code, Code::kInvalid);
  EXPECT_EQ(execute(*db, "INSERT INTO tag VALUES (NULL, 'x')").error().code, Code::kInvalid);
  EXPECT_EQ(query(*db, "SELEKT").error().code, Code::kInternal);
  EXPECT_EQ(query(*db, "").error().code, Code::kInternal);
  EXPECT_EQ(query(*db, "SELECT 1; SELECT 2").error().code, Code::kInternal);
  EXPECT_EQ(query(*db, "SELECT ?1").error().code, Code::kInternal);
  EXPECT_EQ(count(*db), 1);
}

TEST_F(DbTest, ExecuteCountsTheRowsThatChanged) {
  auto db = must_open();
  EXPECT_EQ(execute(*db, "INSERT INTO note VALUES (1,'a'),(2,'b'),(3,'c')").value(), 3);
  EXPECT_EQ(execute(*db, "UPDATE note SET body = body || '!' WHERE id < 3").value(), 2);
  EXPECT_EQ(execute(*db, "CREATE TABLE other (x)").value(), 0);
  EXPECT_EQ(execute(*db, "DELETE FROM note WHERE id = 99").value(), 0);
}

TEST_F(DbTest, MoreStatementsThanAreKeptPreparedStillRun) {
  auto db = must_open();
  for (int i = 0; i < 600; ++i) {
    const auto rows = query(*db, fmt::format("SELECT {}", i));
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->at(0).integer(0), i);
  }
}

TEST_F(DbTest, FilesArePrivateToTheirOwner) {
  auto db = must_open();
  ASSERT_TRUE(execute(*db, "INSERT INTO note VALUES (1, 'a')"));
  EXPECT_EQ(mode_of(dir_ / "home"), 0700u);
  EXPECT_EQ(mode_of(path_), 0600u);
  EXPECT_EQ(mode_of(path_ + "-wal"), 0600u);
}

TEST_F(DbTest, LaterWritesAllArriveAndOneThatFailsTakesNoOtherWithIt) {
  auto db = must_open();
  for (std::int64_t i = 0; i < 2000; ++i) {
    db->execute_later("INSERT INTO note VALUES (?1, ?2)", {i / 2, i});  // every second one clashes
  }
  EXPECT_EQ(count(*db), 1000);
}

TEST_F(DbTest, ClosingRunsWhatIsQueued) {
  auto db = must_open();
  for (std::int64_t i = 0; i < 500; ++i) db->execute_later("INSERT INTO note VALUES (?1, ?1)", {i});
  db.reset();
  EXPECT_EQ(count(*must_open()), 500);
}

TEST_F(DbTest, MigrationsRunOnceAndAnOldFileIsCopiedFirst) {
  auto first = must_open({kNotes[0]});
  ASSERT_TRUE(execute(*first, "INSERT INTO note VALUES (1, 'kept')"));
  first.reset();
  EXPECT_FALSE(std::filesystem::exists(path_ + ".before-notes-1"));  // there was nothing to copy
  must_open();
  const std::string copy = path_ + ".before-notes-2";
  ASSERT_TRUE(std::filesystem::exists(copy));
  EXPECT_EQ(mode_of(copy), 0600u);
  std::filesystem::remove(copy);
  EXPECT_EQ(count(*must_open(), "tag"), 0);
  EXPECT_FALSE(std::filesystem::exists(copy));  // nothing to do, nothing copied
  EXPECT_EQ(count(*must_open()), 1);
}

TEST_F(DbTest, ACopyFromBeforeAnUpgradeIsAWholeDatabase) {
  auto db = must_open({kNotes[0]});
  ASSERT_TRUE(execute(*db, "INSERT INTO note VALUES (1, 'kept')"));
  db.reset();
  must_open();
  path_ += ".before-notes-2";
  db = must_open({kNotes[0]});
  EXPECT_EQ(count(*db), 1);
  EXPECT_FALSE(query(*db, "SELECT * FROM tag"));
}

TEST_F(DbTest, AMigrationThatFailsChangesNothing) {
  must_open({kNotes[0]});
  const auto broken = try_open({kNotes[0], {"notes", 2, "CREATE TABLE half (x); BROKEN;"}});
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("notes to version 2"), std::string::npos);
  auto db = must_open();
  EXPECT_FALSE(query(*db, "SELECT * FROM half"));
  EXPECT_EQ(count(*db, "tag"), 0);
}

TEST_F(DbTest, RefusesAFileFromANewerProgram) {
  must_open();
  const auto older = try_open({kNotes[0]});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, Code::kConflict);
  EXPECT_NE(older.error().message.find("newer than this program"), std::string::npos);
  EXPECT_EQ(try_open({}).error().code, Code::kConflict);
}

TEST_F(DbTest, MigrationsMustAscendWithoutGaps) {
  EXPECT_EQ(try_open({kNotes[1]}).error().code, Code::kInternal);
  EXPECT_EQ(try_open({kNotes[0], kNotes[0]}).error().code, Code::kInternal);
}

TEST_F(DbTest, RefusesAFileThatIsNoDatabase) {
  std::filesystem::create_directories(dir_ / "home");
  spill(path_, std::string(5000, 'x'));
  const auto db = try_open();
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code, Code::kCorrupt);
  EXPECT_EQ(slurp(path_), std::string(5000, 'x'));
}

TEST_F(DbTest, AFullDiskFailsTheWriteAndHarmsNothing) {
  auto db = must_open();
  ASSERT_TRUE(execute(*db, "INSERT INTO note VALUES (1, 'before')"));
  const std::string large(1'000'000, 'x');
  {
    const FullDisk full(200'000);
    EXPECT_EQ(execute(*db, "INSERT INTO note VALUES (2, ?1)", {large}).error().code,
              Code::kExhausted);
    EXPECT_EQ(count(*db), 1);
  }
  EXPECT_TRUE(execute(*db, "INSERT INTO note VALUES (2, ?1)", {large}));
  db.reset();
  EXPECT_EQ(count(*must_open()), 2);
}

// Holds the database thread until released.
struct Blocker {
  std::promise<void> release;
  bool started = false;  // loop thread
  bool ended = false;
  Result<void> outcome;

  Task<void> hold(Loop& loop, Db& db, Ctx ctx) {
    auto gate = std::make_shared<std::shared_future<void>>(release.get_future().share());
    std::function<Result<int>(Connection&)> work = [this, &loop,
                                                    gate](Connection& c) -> Result<int> {
      loop.post([this] { started = true; });
      gate->wait();
      SKEP_TRY_VOID(c.execute("INSERT INTO note VALUES (1, 'held')"));
      return 0;
    };
    auto done = co_await db.transact<int>(std::move(ctx), std::move(work));
    if (!done) outcome = fail(done.error());
    ended = true;
  }
  Task<void> until_started() {
    while (!started) co_await yield();
  }
};

TEST_F(DbTest, RefusesMoreThanTheQueueHolds) {
  auto opened = try_open(kNotes, 2);
  ASSERT_TRUE(opened);
  Db& db = **opened;
  Blocker blocker;
  auto play = [](Loop& loop, Db& d, Blocker& b) -> Task<void> {
    Gate gate(loop);
    gate.spawn("hold", b.hold(loop, d, Ctx{}));
    co_await b.until_started();
    d.execute_later("INSERT INTO note VALUES (2, 'queued')");
    d.execute_later("INSERT INTO note VALUES (3, 'queued too')");
    const auto refused = co_await d.query(Ctx{}, "SELECT 1");
    EXPECT_FALSE(refused);
    if (!refused) EXPECT_EQ(refused.error().code, Code::kExhausted);
    d.execute_later("INSERT INTO note VALUES (4, 'dropped with a line in the log')");
    b.release.set_value();
    co_await gate.drain(Ctx{});
  };
  loop_.run(play(loop_, db, blocker));
  EXPECT_TRUE(blocker.outcome);
  opened->reset();  // runs what is queued
  EXPECT_EQ(count(*must_open()), 3);
}

TEST_F(DbTest, WhoStopsWaitingIsToldAndTheWorkStillRunsToItsEnd) {
  auto db = must_open();
  Blocker blocker;
  std::stop_source stop;
  auto play = [](Loop& loop, Db& d, Blocker& b, std::stop_source& s) -> Task<void> {
    Gate gate(loop);
    gate.spawn("hold", b.hold(loop, d, Ctx{}.with_stop(s.get_token())));
    co_await b.until_started();
    s.request_stop();
    while (!b.ended) co_await yield();
    b.release.set_value();
    co_await gate.close();
  };
  loop_.run(play(loop_, *db, blocker, stop));
  ASSERT_FALSE(blocker.outcome);
  EXPECT_EQ(blocker.outcome.error().code, Code::kCancelled);
  EXPECT_EQ(count(*db), 1);
  const auto too_late = loop_.run(db->query(Ctx{}.with_stop(stop.get_token()), "SELECT 1"));
  ASSERT_FALSE(too_late);
  EXPECT_EQ(too_late.error().code, Code::kCancelled);
}

}  // namespace
}  // namespace skep::store
