#include "skep/memory/task_board.h"

#include <fmt/format.h>

#include "skep/base/id.h"

namespace skep::memory {
namespace {

using store::Connection;
using store::Row;

// Completed ones that stay on the board.
constexpr std::int64_t kCompletedKept = 1000;
#define SKEP_TASK_COLUMNS                                                                          \
  "id, title, description, status, priority, assigned_to, created_by, person, taint, created_ms, " \
  "claimed_by, result"

BoardTask task_from(const Row& row) {
  return {.id = row.text(0),
          .title = row.text(1),
          .description = row.text(2),
          .status = row.text(3),
          .priority = row.integer(4),
          .assigned_to = row.text(5),
          .created_by = row.text(6),
          .person = row.text(7),
          .taint = row.text(8),
          .created = from_ms(row.integer(9)),
          .claimed_by = row.text(10),
          .result = row.text(11)};
}

Result<void> check_text(std::string_view what, std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return {};
  return fail(Code::kTooLarge, fmt::format("the {} is longer than {} bytes", what, bytes_max));
}

Result<std::string> insert(Connection& c, const BoardTask& task, WallTime now) {
  SKEP_TRY(const auto open, c.query("SELECT count(*) FROM task WHERE status <> 'completed'"));
  if (open[0].integer(0) >= static_cast<std::int64_t>(tasks_open_max)) {
    return fail(Code::kExhausted, fmt::format("{} tasks are open already", tasks_open_max));
  }
  SKEP_TRY_VOID(
      c.execute("DELETE FROM task WHERE id IN (SELECT id FROM task WHERE status = 'completed' "
                "ORDER BY completed_ms DESC LIMIT -1 OFFSET ?1)",
                {kCompletedKept}));
  std::string id = mint_ulid();
  SKEP_TRY_VOID(
      c.execute("INSERT INTO task (id, title, description, status, priority, assigned_to, "
                "created_by, person, "
                "taint, created_ms) VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6, ?7, ?8, ?9)",
                {id, task.title, task.description, task.priority, task.assigned_to, task.created_by,
                 task.person, task.taint, to_ms(now)}));
  return id;
}

Result<BoardTask> finish(Connection& c, const std::string& id, const std::string& agent,
                         const std::string& result, WallTime now) {
  SKEP_TRY(const auto rows, c.query("SELECT " SKEP_TASK_COLUMNS " FROM task WHERE id = ?1", {id}));
  if (rows.empty()) {
    return fail(Code::kNotFound,
                fmt::format("there is no task \"{}\"", cut_utf8(to_valid_utf8(id), 64)));
  }
  BoardTask task = task_from(rows[0]);
  if (task.status == "completed") return fail(Code::kConflict, "that task is completed already");
  if (task.claimed_by.empty()) return fail(Code::kDenied, "claim the task before you complete it");
  if (fold_case(task.claimed_by) != fold_case(agent)) {
    return fail(Code::kDenied, fmt::format("{} has claimed that task", task.claimed_by));
  }
  SKEP_TRY_VOID(c.execute(
      "UPDATE task SET status = 'completed', result = ?2, completed_ms = ?3 WHERE id = ?1",
      {id, result, to_ms(now)}));
  task.status = "completed";
  task.result = result;
  return task;
}

}  // namespace

Task<Result<std::string>> TaskBoard::post(Ctx ctx, BoardTask task) {
  if (trim(task.title).empty()) co_return fail(Code::kInvalid, "a task needs a title");
  SKEP_CO_TRY_VOID(check_text("title", task.title, task_title_bytes_max));
  SKEP_CO_TRY_VOID(check_text("description", task.description, task_text_bytes_max));
  std::function<Result<std::string>(Connection&)> work =
      [task = std::move(task), now = clock_.now()](Connection& c) { return insert(c, task, now); };
  co_return co_await db_.transact<std::string>(std::move(ctx), std::move(work));
}

// One statement, so that two who ask at once never get the same, in whichever processes they are.
Task<Result<std::optional<BoardTask>>> TaskBoard::claim(Ctx ctx, std::string agent) {
  using Claimed = std::optional<BoardTask>;
  const WallTime now = clock_.now();
  std::function<Result<Claimed>(Connection&)> work =
      [agent = std::move(agent), now,
       stale = now - config_.claim](Connection& c) -> Result<Claimed> {
    SKEP_TRY(const auto rows,
             c.query("UPDATE task SET status = 'claimed', claimed_by = ?1, claimed_ms = ?2, "
                     "claims = claims + 1 WHERE id = (SELECT id FROM task "
                     "WHERE (status = 'pending' OR (status = 'claimed' AND claimed_ms < ?3)) "
                     "AND (assigned_to = '' OR assigned_to = ?1 COLLATE NOCASE) "
                     "ORDER BY priority DESC, created_ms, id LIMIT 1) RETURNING " SKEP_TASK_COLUMNS,
                     {agent, to_ms(now), to_ms(stale)}));
    if (rows.empty()) return Claimed();
    return Claimed(task_from(rows[0]));
  };
  co_return co_await db_.transact<Claimed>(std::move(ctx), std::move(work));
}

Task<Result<BoardTask>> TaskBoard::complete(Ctx ctx, std::string id, std::string agent,
                                            std::string result) {
  SKEP_CO_TRY_VOID(check_text("result", result, task_text_bytes_max));
  std::function<Result<BoardTask>(Connection&)> work =
      [id = std::move(id), agent = std::move(agent), result = std::move(result),
       now = clock_.now()](Connection& c) { return finish(c, id, agent, result, now); };
  co_return co_await db_.transact<BoardTask>(std::move(ctx), std::move(work));
}

Task<Result<std::vector<BoardTask>>> TaskBoard::list(Ctx ctx, std::string status) {
  using Listed = std::vector<BoardTask>;
  std::function<Result<Listed>(Connection&)> work =
      [status = std::move(status)](Connection& c) -> Result<Listed> {
    SKEP_TRY(const auto rows,
             c.query("SELECT " SKEP_TASK_COLUMNS " FROM task WHERE ?1 = '' OR status = ?1 "
                     "ORDER BY created_ms DESC, id DESC LIMIT ?2",
                     {status, static_cast<std::int64_t>(tasks_listed_max)}));
    Listed tasks;
    for (const Row& row : rows) tasks.push_back(task_from(row));
    return tasks;
  };
  co_return co_await db_.transact<Listed>(std::move(ctx), std::move(work));
}

}  // namespace skep::memory
