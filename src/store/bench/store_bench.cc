// What durability costs: a turn pays a begin, some steps and an end; a chat message pays one
// append.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "skep/store/append_file.h"
#include "skep/store/db.h"
#include "skep/store/journal.h"

namespace skep::store {
namespace {

class TempDir {
 public:
  TempDir() {
    std::string path = (std::filesystem::temp_directory_path() / "skep-bench-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// One entry with two steps of `range` bytes, with the rotations that come with it.
void journal_turn(benchmark::State& state) {
  const TempDir dir;
  auto journal = *Journal::open({.directory = dir / "journal"});
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  const EntryId id("01JD0000000000000000000000");
  for (auto _ : state) {
    if (!journal->begin("turn", id, payload) || !journal->step(id, payload) ||
        !journal->step(id, payload) || !journal->end(id)) {
      state.SkipWithError("journal failed");
    }
  }
}
BENCHMARK(journal_turn)->Arg(256)->Arg(4096)->Arg(65536);

void journal_open(benchmark::State& state) {
  const TempDir dir;
  {
    auto journal = *Journal::open({.directory = dir / "journal"});
    for (int i = 0; i < 4096; ++i) (void)journal->remember("seen", "message-" + std::to_string(i));
    for (int i = 0; i < 100; ++i) (void)journal->begin("turn", EntryId(std::to_string(i)), "hello");
  }
  for (auto _ : state) {
    auto journal = Journal::open({.directory = dir / "journal"});
    if (!journal) state.SkipWithError("open failed");
  }
}
BENCHMARK(journal_open);

void append_line(benchmark::State& state) {
  const TempDir dir;
  auto file = *AppendFile::open(dir / "history.jsonl");
  const std::string line(256, 'x');
  for (auto _ : state) {
    if (!file.append(line)) state.SkipWithError("append failed");
  }
}
BENCHMARK(append_line);

const std::vector<Migration> kTables = {
    {"bench", 1, "CREATE TABLE t (id INTEGER PRIMARY KEY, x);"}};

std::unique_ptr<Db> open_db(Loop& loop, const TempDir& dir) {
  DbConfig config{.path = dir / "state.db"};
  return *loop.run(Db::open(loop, std::move(config), kTables));
}

// Start-up's share: the file is there and up to date.
void db_open(benchmark::State& state) {
  const TempDir dir;
  Loop loop;
  open_db(loop, dir).reset();
  for (auto _ : state) open_db(loop, dir).reset();
}
BENCHMARK(db_open)->UseRealTime();

// There and back over the database thread.
void db_query(benchmark::State& state) {
  const TempDir dir;
  Loop loop;
  auto db = open_db(loop, dir);
  for (auto _ : state) {
    auto rows = loop.run(db->query(Ctx{}, "SELECT 1"));
    if (!rows) state.SkipWithError("query failed");
  }
}
BENCHMARK(db_query)->UseRealTime();

void db_insert(benchmark::State& state) {
  const TempDir dir;
  Loop loop;
  auto db = open_db(loop, dir);
  for (auto _ : state) {
    auto done = loop.run(db->execute(Ctx{}, "INSERT INTO t (x) VALUES ('a row')"));
    if (!done) state.SkipWithError("insert failed");
  }
}
BENCHMARK(db_insert)->UseRealTime();

}  // namespace
}  // namespace skep::store
