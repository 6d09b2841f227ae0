// One SQLite connection, used by one thread. The only place that knows sqlite3.h is sqlite.cc.
// Private to the room.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "skep/store/db.h"

struct sqlite3;

namespace skep::store {

class Sqlite final : public Connection {
 public:
  static constexpr std::size_t statements_max = 256;  // kept prepared; one more drops them all

  // Creates the file (0600) when it is missing.
  static Result<std::unique_ptr<Sqlite>> open(const std::string& path, Sync sync);
  ~Sqlite() override;

  Result<std::vector<Row>> query(std::string_view sql, std::vector<Value> args) override;
  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> args) override;
  std::int64_t last_insert_id() override;

  // Any number of statements, without arguments.
  Result<void> run_script(const std::string& sql);
  // Runs `work` in a transaction: commit on ok, else rollback.
  Result<void> transaction(const std::function<Result<void>(Connection&)>& work);

 private:
  struct Statement;
  Sqlite(sqlite3* db, std::string path);
  Result<Statement*> prepare(std::string_view sql);
  Result<void> each_row(std::string_view sql, const std::vector<Value>& args,
                        std::vector<Row>* rows);
  [[nodiscard]] Error error(std::string_view what, int code) const;

  sqlite3* db_;
  std::string path_;
  std::unordered_map<std::string, std::unique_ptr<Statement>> statements_;
};

// Brings the tables up to date; see Db::open. `existed`: the file was there before, so a copy is
// made first.
Result<void> migrate(Sqlite& db, const std::string& path, bool existed,
                     const std::vector<Migration>& migrations);

}  // namespace skep::store
