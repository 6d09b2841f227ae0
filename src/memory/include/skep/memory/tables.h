// What the agents of a house share and know in rows: <home>/memory.db. Opened at its first use; a
// file that cannot be used fails the call that wanted it, in words for a person, and is tried again
// at the next.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/clock.h"
#include "skep/base/text.h"
#include "skep/model/message.h"
#include "skep/store/db.h"

namespace skep::memory {

// Who has a row to himself: nobody else reads it.
struct Owner {
  std::string agent;   // lower case; empty with `person` empty: everybody of the house
  std::string person;  // Conversation::peer, with the address of ours behind it where there is one
  bool operator==(const Owner&) const = default;
  [[nodiscard]] bool is_house() const { return agent.empty() && person.empty(); }
};
Owner owner_of(std::string_view agent, const Conversation& conversation);

// A database that is opened when it is first wanted. Loop thread only; nobody may be waiting for it
// when it dies.
class LazyDb {
 public:
  LazyDb(Loop& loop, store::DbConfig config, std::vector<store::Migration> migrations)
      : loop_(loop), config_(std::move(config)), migrations_(std::move(migrations)) {}

  template <class T>
  Task<Result<T>> transact(Ctx ctx, std::function<Result<T>(store::Connection&)> work) {
    SKEP_CO_TRY_VOID(co_await opened(ctx));
    Result<T> done = co_await db_->template transact<T>(std::move(ctx), std::move(work));
    if (!done) co_return fail(for_people(std::move(done).error()));
    co_return done;
  }
  [[nodiscard]] const std::string& path() const { return config_.path; }
  // Why the last use failed for the file's sake; empty: it did not.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  // The file is closed, and opened again by the next use. Nobody may be waiting.
  void close() { db_.reset(); }

 private:
  Task<Result<void>> opened(Ctx ctx);
  Error for_people(Error error);

  Loop& loop_;
  store::DbConfig config_;
  std::vector<store::Migration> migrations_;
  std::unique_ptr<store::Db> db_;
  bool opening_ = false;
  Signal settled_;
  std::string trouble_;
};

// Tables of this room in memory.db. A database of the ancestor (its schema 8) put there under that
// name is taken over: shared values, entities, relations and tasks.
std::vector<store::Migration> table_migrations();

inline std::int64_t to_ms(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_ms(std::int64_t ms) { return WallTime(Millis(ms)); }

}  // namespace skep::memory
