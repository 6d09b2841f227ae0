#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "file_io.h"
#include "skep/base/clock.h"
#include "skep/base/log.h"
#include "sqlite.h"

namespace skep::store {
namespace {

using Versions = std::map<std::string, int>;

// The newest version of each room that `migrations` holds.
Result<Versions> known_versions(const std::vector<Migration>& migrations) {
  Versions known;
  for (const Migration& step : migrations) {
    if (step.version != known[step.room] + 1) {
      return fail(Code::kInternal,
                  fmt::format("migrations of {} must ascend from 1 without gaps", step.room));
    }
    known[step.room] = step.version;
  }
  return known;
}

Result<Versions> applied_versions(Sqlite& db) {
  SKEP_TRY(const auto table,
           db.query("SELECT 1 FROM sqlite_schema WHERE name='skep_migrations'", {}));
  if (table.empty()) return Versions{};
  SKEP_TRY(const auto rows,
           db.query("SELECT room, max(version) FROM skep_migrations GROUP BY room", {}));
  Versions applied;
  for (const Row& row : rows) applied[row.text(0)] = static_cast<int>(row.integer(1));
  return applied;
}

Result<void> refuse_newer(const std::string& path, const Versions& applied, const Versions& known) {
  for (const auto& [room, version] : applied) {
    const auto found = known.find(room);
    if (found != known.end() && version <= found->second) continue;
    return fail(
        Code::kConflict,
        fmt::format("{} is newer than this program ({} version {}): start the newer program, "
                    "or put a copy from before the upgrade back ({}.before-…)",
                    path, room, version, path));
  }
  return {};
}

// A whole copy, complete under its name or not there.
Result<void> copy_before(Sqlite& db, const std::string& path, const Migration& step) {
  const std::string target = fmt::format("{}.before-{}-{}", path, step.room, step.version);
  const std::string beside = target + ".tmp";
  // Made empty first for its mode; VACUUM INTO accepts an empty file.
  SKEP_TRY_VOID(open_file(beside, O_RDWR | O_CREAT | O_TRUNC));
  Result<void> done;
  if (auto copied = db.execute("VACUUM INTO ?1", {beside}); !copied) {
    done = fail(std::move(copied).error().in("copying before an upgrade"));
  } else if (::rename(beside.c_str(), target.c_str()) != 0) {
    done = fail(io_error("renaming", beside, errno));
  }
  if (!done) ::unlink(beside.c_str());
  return done;
}

Result<void> apply(Sqlite& db, const Migration& step) {
  const std::int64_t now = Clock::system().now().time_since_epoch().count();
  auto done = db.transaction([&](Connection& c) -> Result<void> {
    SKEP_TRY_VOID(db.run_script(step.sql));
    SKEP_TRY_VOID(c.execute("INSERT INTO skep_migrations VALUES (?1, ?2, ?3)",
                            {step.room, std::int64_t{step.version}, now}));
    return {};
  });
  if (!done) {
    return fail(std::move(done).error().in(
        fmt::format("upgrading the tables of {} to version {}", step.room, step.version)));
  }
  return {};
}

}  // namespace

Result<void> migrate(Sqlite& db, const std::string& path, bool existed,
                     const std::vector<Migration>& migrations) {
  SKEP_TRY(const Versions known, known_versions(migrations));
  SKEP_TRY(const Versions applied, applied_versions(db));
  SKEP_TRY_VOID(refuse_newer(path, applied, known));
  bool first = true;
  for (const Migration& step : migrations) {
    const auto found = applied.find(step.room);
    if (found != applied.end() && step.version <= found->second) continue;
    if (std::exchange(first, false)) {
      if (existed) SKEP_TRY_VOID(copy_before(db, path, step));
      SKEP_TRY_VOID(
          db.run_script("CREATE TABLE IF NOT EXISTS skep_migrations (room TEXT NOT NULL, version "
                        "INTEGER NOT NULL, "
                        "applied_ms INTEGER NOT NULL, PRIMARY KEY (room, version)) WITHOUT ROWID"));
    }
    SKEP_TRY_VOID(apply(db, step));
    if (existed) log::info("store", "{}: {} upgraded to version {}", path, step.room, step.version);
  }
  return {};
}

}  // namespace skep::store
