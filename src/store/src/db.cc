#include "skep/store/db.h"

#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "file_io.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "sqlite.h"

namespace skep::store {
namespace {

// Queued later-writes that share one transaction; more start the next one, so that a caller in
// between waits for at most this many.
constexpr std::size_t kLaterBatchMax = 512;

// One waiting coroutine. Touched by the loop thread only: the database thread just carries it back
// by post.
struct Waiter {
  Signal signal;
  std::optional<Result<void>> result;
};

struct LaterWrite {
  std::string sql;
  std::vector<Value> args;
};
// Runs on the database thread.
using Job = std::function<void()>;
using QueueItem = std::variant<Job, LaterWrite>;

// The thread and its queue. Both kinds of items keep their order.
class DbThread {
 public:
  explicit DbThread(std::size_t queue_max) : queue_max_(queue_max) {}
  ~DbThread() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  DbThread(const DbThread&) = delete;
  DbThread& operator=(const DbThread&) = delete;

  // `run_later` gets the writes that were queued in a row.
  void start(std::function<void(std::vector<LaterWrite>)> run_later) {
    run_later_ = std::move(run_later);
    thread_ = std::thread([this] { run(); });
  }
  Result<void> push(QueueItem item) {
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() >= queue_max_) {
        return fail(Code::kExhausted, fmt::format("{} database jobs are waiting", queue_max_));
      }
      queue_.push_back(std::move(item));
    }
    wake_.notify_one();
    return {};
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      if (std::holds_alternative<Job>(queue_.front())) {
        Job job = std::get<Job>(std::move(queue_.front()));
        queue_.pop_front();
        lock.unlock();
        job();
        job = nullptr;  // what it owns dies before the lock is taken again
      } else {
        std::vector<LaterWrite> writes = take_later();
        lock.unlock();
        run_later_(std::move(writes));
      }
      lock.lock();
    }
  }
  std::vector<LaterWrite> take_later() {
    std::vector<LaterWrite> writes;
    while (!queue_.empty() && writes.size() < kLaterBatchMax &&
           std::holds_alternative<LaterWrite>(queue_.front())) {
      writes.push_back(std::get<LaterWrite>(std::move(queue_.front())));
      queue_.pop_front();
    }
    return writes;
  }

  const std::size_t queue_max_;
  std::function<void(std::vector<LaterWrite>)> run_later_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<QueueItem> queue_;  // with mutex_
  bool closing_ = false;         // with mutex_
  std::thread thread_;
};

class SqliteDb final : public Db {
 public:
  SqliteDb(Loop& loop, DbConfig config)
      : loop_(loop), config_(std::move(config)), thread_(config_.queue_max) {
    thread_.start([this](std::vector<LaterWrite> writes) { run_later(std::move(writes)); });
  }

  Task<Result<void>> load(std::vector<Migration> migrations) {
    std::function<Result<void>()> job = [this, migrations = std::move(migrations)] {
      return open_file_and_migrate(migrations);
    };
    co_return co_await submit(Ctx{}, std::move(job));
  }
  void execute_later(std::string sql, std::vector<Value> args) override {
    if (auto queued = thread_.push(LaterWrite{std::move(sql), std::move(args)}); !queued) {
      log::warn("store", "a write was dropped: {}", queued.error().to_string());
    }
  }

 protected:
  Task<Result<void>> run_transaction(Ctx ctx, Work work) override {
    std::function<Result<void>()> job = [this, work = std::move(work)] {
      return connection_->transaction(work);
    };
    co_return co_await submit(std::move(ctx), std::move(job));
  }
  Task<Result<void>> run_statement(Ctx ctx, Work work) override {
    std::function<Result<void>()> job = [this, work = std::move(work)] {
      return work(*connection_);
    };
    co_return co_await submit(std::move(ctx), std::move(job));
  }

 private:
  // Runs `work` on the database thread and waits for its result.
  Task<Result<void>> submit(Ctx ctx, std::function<Result<void>()> work) {
    SKEP_CO_TRY_VOID(ctx.check());
    auto waiter = std::make_shared<Waiter>();
    Job job = [loop = &loop_, waiter, work = std::move(work)]() mutable {
      Result<void> result = work();
      // Moved, not copied: the last owner must be on the loop thread.
      loop->post([waiter = std::move(waiter), result = std::move(result)]() mutable {
        waiter->result = std::move(result);
        waiter->signal.notify_all();
      });
    };
    SKEP_CO_TRY_VOID(thread_.push(std::move(job)));
    while (!waiter->result) SKEP_CO_TRY_VOID(co_await waiter->signal.wait(ctx));
    co_return *waiter->result;
  }
  Result<void> open_file_and_migrate(const std::vector<Migration>& migrations);
  void run_later(std::vector<LaterWrite> writes);

  Loop& loop_;
  DbConfig config_;
  std::unique_ptr<Sqlite> connection_;  // database thread only
  DbThread thread_;                     // last: joined before the connection closes
};

Result<void> SqliteDb::open_file_and_migrate(const std::vector<Migration>& migrations) {
  SKEP_TRY_VOID(make_directories(parent_of(config_.path)));
  struct stat info{};
  const bool existed = ::stat(config_.path.c_str(), &info) == 0 && info.st_size > 0;
  SKEP_TRY(connection_, Sqlite::open(config_.path, config_.sync));
  return migrate(*connection_, config_.path, existed, migrations);
}

void SqliteDb::run_later(std::vector<LaterWrite> writes) {
  std::size_t failed = 0;
  Error first;
  // A statement that fails takes back its own changes only; the others stand.
  auto done = connection_->transaction([&](Connection& c) -> Result<void> {
    for (LaterWrite& write : writes) {
      auto changed = c.execute(write.sql, std::move(write.args));
      if (!changed && failed++ == 0) first = std::move(changed).error();
    }
    return {};
  });
  if (!done) {
    failed = writes.size();
    first = std::move(done).error();
  }
  if (failed == 0) return;
  log::warn("store", "{} of {} queued writes failed: {}", failed, writes.size(), first.to_string());
}

}  // namespace

Task<Result<std::unique_ptr<Db>>> Db::open(Loop& loop, DbConfig config,
                                           std::vector<Migration> migrations) {
  auto db = std::make_unique<SqliteDb>(loop, std::move(config));
  SKEP_CO_TRY_VOID(co_await db->load(std::move(migrations)));
  co_return std::unique_ptr<Db>(std::move(db));
}

Task<Result<std::vector<Row>>> Db::query(Ctx ctx, std::string sql, std::vector<Value> args) {
  auto rows = std::make_shared<std::vector<Row>>();
  Work work = [rows, sql = std::move(sql), args = std::move(args)](Connection& c) -> Result<void> {
    SKEP_TRY(*rows, c.query(sql, args));
    return {};
  };
  SKEP_CO_TRY_VOID(co_await run_statement(std::move(ctx), std::move(work)));
  co_return std::move(*rows);
}

Task<Result<std::int64_t>> Db::execute(Ctx ctx, std::string sql, std::vector<Value> args) {
  auto changed = std::make_shared<std::int64_t>(0);
  Work work = [changed, sql = std::move(sql),
               args = std::move(args)](Connection& c) -> Result<void> {
    SKEP_TRY(*changed, c.execute(sql, args));
    return {};
  };
  SKEP_CO_TRY_VOID(co_await run_statement(std::move(ctx), std::move(work)));
  co_return *changed;
}

std::int64_t Row::integer(std::size_t column) const {
  const auto* value = column < values.size() ? std::get_if<std::int64_t>(&values[column]) : nullptr;
  return value == nullptr ? 0 : *value;
}

double Row::real(std::size_t column) const {
  const auto* value = column < values.size() ? std::get_if<double>(&values[column]) : nullptr;
  return value == nullptr ? 0 : *value;
}

const std::string& Row::text(std::size_t column) const {
  static const std::string kEmpty;
  const auto* value = column < values.size() ? std::get_if<std::string>(&values[column]) : nullptr;
  return value == nullptr ? kEmpty : *value;
}

bool Row::is_null(std::size_t column) const {
  return column >= values.size() || std::holds_alternative<Null>(values[column]);
}

}  // namespace skep::store
