#include "sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <cerrno>

#include "file_io.h"

namespace skep::store {
namespace {

constexpr int kBusyMs = 5000;

Code code_of(int code, int extended, int os_error) {
  switch (code) {
    case SQLITE_FULL:
      return Code::kExhausted;
    case SQLITE_NOMEM:
      return Code::kExhausted;
    case SQLITE_IOERR: {
      // A commit into the write-ahead log that fails for a quota or a limit has lost its errno.
      const bool refused = extended == SQLITE_IOERR_WRITE && os_error == 0;
      const bool full = os_error == ENOSPC || os_error == EFBIG || os_error == EDQUOT;
      return full || refused ? Code::kExhausted : Code::kInternal;
    }
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kConflict;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return Code::kDenied;
    case SQLITE_CANTOPEN:
      return Code::kUnavailable;
    case SQLITE_TOOBIG:
      return Code::kTooLarge;
    case SQLITE_CONSTRAINT:
      return extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
                     extended == SQLITE_CONSTRAINT_ROWID
                 ? Code::kExists
                 : Code::kInvalid;
    default:
      return Code::kInternal;
  }
}

int bind_value(sqlite3_stmt* statement, int index, const Value& value) {
  // SQLITE_STATIC: the arguments outlive the statement's run, and the bindings are cleared after
  // it.
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return sqlite3_bind_double(statement, index, *real);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  if (const auto* blob = std::get_if<Blob>(&value)) {
    return sqlite3_bind_blob64(statement, index, blob->bytes.data(), blob->bytes.size(),
                               SQLITE_STATIC);
  }
  return sqlite3_bind_null(statement, index);
}

Value column_value(sqlite3_stmt* statement, int column) {
  const auto bytes = [&](const void* data) {
    return std::string(static_cast<const char*>(data),
                       static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT:
      return bytes(sqlite3_column_text(statement, column));
    case SQLITE_BLOB: {
      const void* data = sqlite3_column_blob(statement, column);
      return Blob{data == nullptr ? std::string() : bytes(data)};
    }
    default:
      return Null{};
  }
}

Row read_row(sqlite3_stmt* statement) {
  Row row;
  const int columns = sqlite3_column_count(statement);
  row.values.reserve(static_cast<std::size_t>(columns));
  for (int column = 0; column < columns; ++column) {
    row.values.push_back(column_value(statement, column));
  }
  return row;
}

}  // namespace

struct Sqlite::Statement {
  sqlite3_stmt* handle = nullptr;
  ~Statement() { sqlite3_finalize(handle); }
};

Sqlite::Sqlite(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

Sqlite::~Sqlite() {
  statements_.clear();
  sqlite3_close(db_);
}

Error Sqlite::error(std::string_view what, int code) const {
  const int extended = db_ == nullptr ? code : sqlite3_extended_errcode(db_);
  const int os_error = db_ == nullptr ? 0 : sqlite3_system_errno(db_);
  const char* text = db_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db_);
  return {code_of(code & 0xff, extended, os_error), fmt::format("{} {}: {}", what, path_, text)};
}

Result<std::unique_ptr<Sqlite>> Sqlite::open(const std::string& path, Sync sync) {
  // Created here for its mode, which SQLite gives to its -wal and -shm files too.
  SKEP_TRY_VOID(open_file(path, O_RDWR | O_CREAT));
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Sqlite> db(new Sqlite(handle, path));
  if (code != SQLITE_OK) return fail(db->error("opening", code));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMs);
  SKEP_TRY_VOID(db->run_script(
      fmt::format("PRAGMA journal_mode=WAL; PRAGMA synchronous={}; PRAGMA foreign_keys=ON; "
                  "PRAGMA temp_store=MEMORY;",
                  sync == Sync::kDisk ? "FULL" : "NORMAL")));
  return db;
}

Result<Sqlite::Statement*> Sqlite::prepare(std::string_view sql) {
  std::string key(sql);
  if (const auto found = statements_.find(key); found != statements_.end()) {
    return found->second.get();
  }
  auto statement = std::make_unique<Statement>();
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement->handle, &rest);
  if (code != SQLITE_OK) return fail(error("preparing a statement for", code));
  const std::string_view behind = sql.substr(static_cast<std::size_t>(rest - sql.data()));
  if (statement->handle == nullptr || behind.find_first_not_of("; \n\t") != behind.npos) {
    return fail(Code::kInternal, "expected exactly one SQL statement");
  }
  if (statements_.size() >= statements_max) statements_.clear();
  return statements_.emplace(std::move(key), std::move(statement)).first->second.get();
}

Result<void> Sqlite::each_row(std::string_view sql, const std::vector<Value>& args,
                              std::vector<Row>* rows) {
  SKEP_TRY(Statement* const statement, prepare(sql));
  sqlite3_stmt* const handle = statement->handle;
  struct Reset {
    sqlite3_stmt* handle;
    ~Reset() {
      sqlite3_reset(handle);
      sqlite3_clear_bindings(handle);
    }
  } const reset{handle};
  if (static_cast<std::size_t>(sqlite3_bind_parameter_count(handle)) != args.size()) {
    return fail(Code::kInternal, fmt::format("{} arguments for: {}", args.size(), sql));
  }
  for (std::size_t i = 0; i < args.size(); ++i) {
    const int code = bind_value(handle, static_cast<int>(i + 1), args[i]);
    if (code != SQLITE_OK) return fail(error("binding an argument for", code));
  }
  int code = sqlite3_step(handle);
  for (; code == SQLITE_ROW; code = sqlite3_step(handle)) {
    if (rows == nullptr) continue;
    if (rows->size() == Db::rows_max) {
      return fail(Code::kTooLarge, fmt::format("more than {} rows", Db::rows_max));
    }
    rows->push_back(read_row(handle));
  }
  if (code != SQLITE_DONE) return fail(error("using", code));
  return {};
}

Result<std::vector<Row>> Sqlite::query(std::string_view sql, std::vector<Value> args) {
  std::vector<Row> rows;
  SKEP_TRY_VOID(each_row(sql, args, &rows));
  return rows;
}

Result<std::int64_t> Sqlite::execute(std::string_view sql, std::vector<Value> args) {
  // sqlite3_changes() keeps the count of an earlier statement when this one changes no rows by
  // nature (CREATE …).
  const std::int64_t before = sqlite3_total_changes64(db_);
  SKEP_TRY_VOID(each_row(sql, args, nullptr));
  return sqlite3_total_changes64(db_) == before ? 0 : sqlite3_changes64(db_);
}

std::int64_t Sqlite::last_insert_id() { return sqlite3_last_insert_rowid(db_); }

Result<void> Sqlite::run_script(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error("using", code));
  return {};
}

Result<void> Sqlite::transaction(const std::function<Result<void>(Connection&)>& work) {
  // IMMEDIATE: a transaction that begins reading and then writes could otherwise fail half-way when
  // another process wrote in between.
  SKEP_TRY_VOID(execute("BEGIN IMMEDIATE", {}));
  Result<void> done = work(*this);
  if (done) {
    auto committed = execute("COMMIT", {});
    if (!committed) done = fail(std::move(committed).error());
  }
  // Some failures (a full disk) have rolled back by themselves.
  if (!done && sqlite3_get_autocommit(db_) == 0) (void)execute("ROLLBACK", {});
  return done;
}

}  // namespace skep::store
