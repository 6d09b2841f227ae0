// SQLite on its own thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/loop.h"
#include "skep/async/task.h"
#include "skep/base/result.h"
#include "skep/store/append_file.h"

namespace skep::store {

struct Null {
  bool operator==(const Null&) const = default;
};
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};
using Value = std::variant<Null, std::int64_t, double, std::string, Blob>;

struct Row {
  std::vector<Value> values;
  // By column index; a NULL or another type gives the zero value.
  [[nodiscard]] std::int64_t integer(std::size_t column) const;
  [[nodiscard]] double real(std::size_t column) const;
  [[nodiscard]] const std::string& text(std::size_t column) const;
  [[nodiscard]] bool is_null(std::size_t column) const;
};

// Used inside a transaction, on the database thread only. Failures: kExhausted full disk, kCorrupt
// damaged file, kConflict locked by another process for 5 s, kExists a key that must be unique is
// there already, kInvalid another constraint, kInternal bad SQL or arguments.
class Connection {
 public:
  virtual ~Connection() = default;
  // One statement with ?1, ?2, … Statements are prepared once and kept.
  virtual Result<std::vector<Row>> query(std::string_view sql, std::vector<Value> args = {}) = 0;
  virtual Result<std::int64_t> execute(std::string_view sql,
                                       std::vector<Value> args = {}) = 0;  // rows changed
  virtual std::int64_t last_insert_id() = 0;
};

// One step forward of one room's tables. Versions of a room ascend from 1; an applied step never
// changes.
struct Migration {
  std::string room;
  int version;
  std::string sql;  // any number of statements
};

struct DbConfig {
  std::string path;
  Sync sync = Sync::kProcess;      // kDisk: synchronous=FULL
  std::size_t queue_max = 10'000;  // jobs waiting; more are refused with kExhausted
};

// Every call runs on the database thread, in order; results come back to the loop thread.
class Db {
 public:
  // WAL, foreign keys, busy timeout 5 s. Applies what is missing of `migrations`, each in one
  // transaction, after one copy of an existing file to `<path>.before-<room>-<version>`, named for
  // the first missing step. kConflict "newer than this program" when the file holds a version we do
  // not know; kCorrupt when it is no database.
  static Task<Result<std::unique_ptr<Db>>> open(Loop& loop, DbConfig config,
                                                std::vector<Migration> migrations);
  // Runs what is queued, then joins the thread. Nobody may be waiting for a result.
  virtual ~Db() = default;

  // Runs `work` inside one transaction: committed when it returns ok, else rolled back. `work` must
  // own all it touches: it still runs to its end when the Ctx ends first. kExhausted on a full disk
  // or queue.
  template <class T>
  Task<Result<T>> transact(Ctx ctx, std::function<Result<T>(Connection&)> work) {
    auto value = std::make_shared<std::optional<Result<T>>>();
    std::function<Result<void>(Connection&)> job =
        [value, work = std::move(work)](Connection& c) -> Result<void> {
      value->emplace(work(c));
      if (!**value) return fail((*value)->error());
      return {};
    };
    SKEP_CO_TRY_VOID(co_await run_transaction(std::move(ctx), std::move(job)));
    co_return std::move(**value);
  }
  // One statement in a transaction of its own. More than rows_max rows are refused with kTooLarge.
  static constexpr std::size_t rows_max = 1'000'000;
  Task<Result<std::vector<Row>>> query(Ctx ctx, std::string sql, std::vector<Value> args = {});
  Task<Result<std::int64_t>> execute(Ctx ctx, std::string sql, std::vector<Value> args = {});
  // Queues a write and returns; a failure, a full queue included, is logged. Writes queued in a row
  // share a transaction. For figures whose loss at kill -9 is acceptable (usage counters).
  virtual void execute_later(std::string sql, std::vector<Value> args = {}) = 0;

 protected:
  using Work = std::function<Result<void>(Connection&)>;
  virtual Task<Result<void>> run_transaction(Ctx ctx, Work work) = 0;
  virtual Task<Result<void>> run_statement(Ctx ctx,
                                           Work work) = 0;  // as above, but `work` is one statement
};

}  // namespace skep::store
