#include "skep/schedule/job_store.h"

namespace skep::schedule {
namespace {

constexpr std::string_view kSave =
    "INSERT INTO job (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2";
constexpr std::string_view kBegin =
    "INSERT INTO job_run (id, job, due_ms, text, delivered, depth) VALUES (?1, ?2, ?3, ?4, 0, ?5) "
    "ON CONFLICT (id) DO NOTHING";

Result<void> save_job(store::Connection& c, const Job& job) {
  SKEP_TRY_VOID(c.execute(kSave, {job.id, skep::to_json(job.to_json())}));
  return {};
}

}  // namespace

std::vector<store::Migration> JobStore::migrations() {
  return {{"jobs", 1,
           "CREATE TABLE job (id TEXT PRIMARY KEY, body TEXT NOT NULL);"
           "CREATE TABLE job_run ("
           "  id TEXT PRIMARY KEY,"
           "  job TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,"
           "  due_ms INTEGER NOT NULL,"
           "  text TEXT NOT NULL,"
           "  delivered INTEGER NOT NULL"
           ");"
           "CREATE INDEX job_run_job ON job_run (job);"},
          {"jobs", 2, "ALTER TABLE job_run ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;"}};
}

Task<Result<JobStore::Loaded>> JobStore::load(Ctx ctx) {
  Loaded loaded;
  SKEP_CO_TRY(const auto jobs, co_await db_.query(ctx, "SELECT id, body FROM job ORDER BY id"));
  for (const store::Row& row : jobs) {
    const auto body = parse_json(row.text(1));
    auto job = body ? Job::from_json(*body) : Result<Job>(std::unexpected(body.error()));
    if (job)
      loaded.jobs.push_back(*std::move(job));
    else
      loaded.unreadable.push_back(fmt::format("{}: {}", row.text(0), job.error().message));
  }
  SKEP_CO_TRY(const auto runs,
              co_await db_.query(ctx,
                                 "SELECT id, job, due_ms, text, delivered, depth FROM job_run "
                                 "ORDER BY due_ms, id"));
  for (const store::Row& row : runs) {
    loaded.firings.push_back({.id = row.text(0),
                              .job = row.text(1),
                              .due = WallTime(Millis(row.integer(2))),
                              .text = row.text(3),
                              .depth = static_cast<int>(row.integer(5)),
                              .delivered = row.integer(4) != 0});
  }
  co_return loaded;
}

Task<Result<void>> JobStore::save(Ctx ctx, Job job, std::vector<Firing> begun) {
  std::function<Result<bool>(store::Connection&)> work =
      [job = std::move(job), begun = std::move(begun)](store::Connection& c) -> Result<bool> {
    SKEP_TRY_VOID(save_job(c, job));
    for (const Firing& one : begun) {
      SKEP_TRY_VOID(c.execute(kBegin, {one.id, one.job, one.due.time_since_epoch().count(),
                                       one.text, std::int64_t{one.depth}}));
    }
    return true;
  };
  SKEP_CO_TRY_VOID(co_await db_.transact<bool>(std::move(ctx), std::move(work)));
  co_return Result<void>{};
}

Task<Result<bool>> JobStore::finish(Ctx ctx, Job job, std::string firing) {
  std::function<Result<bool>(store::Connection&)> work =
      [job = std::move(job), firing = std::move(firing)](store::Connection& c) -> Result<bool> {
    SKEP_TRY(const std::int64_t gone, c.execute("DELETE FROM job_run WHERE id = ?1", {firing}));
    if (gone == 0) return false;
    SKEP_TRY_VOID(save_job(c, job));
    return true;
  };
  co_return co_await db_.transact<bool>(std::move(ctx), std::move(work));
}

Task<Result<void>> JobStore::remove(Ctx ctx, std::string job) {
  std::vector<store::Value> args{std::move(job)};
  SKEP_CO_TRY_VOID(
      co_await db_.execute(std::move(ctx), "DELETE FROM job WHERE id = ?1", std::move(args)));
  co_return Result<void>{};
}

void JobStore::delivered(const Firing& firing) {
  db_.execute_later("UPDATE job_run SET delivered = 1 WHERE id = ?1", {firing.id});
}

}  // namespace skep::schedule
