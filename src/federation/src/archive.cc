#include "archive.h"

namespace skep::federation {

std::vector<store::Migration> Archive::migrations() {
  return {{"federation", 1,
           "CREATE TABLE agent_results (peer TEXT NOT NULL, exec_id TEXT NOT NULL, digest TEXT NOT "
           "NULL, result TEXT NOT NULL, finished_ms INTEGER NOT NULL, PRIMARY KEY (peer, exec_id)) "
           "WITHOUT ROWID;"
           "CREATE INDEX agent_results_by_time ON agent_results (finished_ms);"}};
}

Task<Result<std::optional<Archive::Kept>>> Archive::find(Ctx ctx, std::string peer,
                                                         std::string exec_id) {
  const std::int64_t oldest = (clock_.now() - kept_for_).time_since_epoch().count();
  SKEP_CO_TRY(const std::vector<store::Row> rows,
              co_await db_.query(std::move(ctx),
                                 "SELECT digest, result FROM agent_results WHERE peer = ?1 AND "
                                 "exec_id = ?2 AND finished_ms >= ?3",
                                 {std::move(peer), std::move(exec_id), oldest}));
  if (rows.empty()) co_return std::nullopt;
  SKEP_CO_TRY(const xmpp::Element element, xmpp::parse_element(rows.front().text(1)));
  SKEP_CO_TRY(xmpp::ExecResult result, xmpp::read_exec_result(element));
  co_return Kept{rows.front().text(0), std::move(result)};
}

Task<Result<void>> Archive::put(Ctx ctx, const Execution& e) {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  const std::int64_t oldest = now - kept_for_.count();
  std::vector<store::Value> row{e.peer(), e.exec_id, e.digest,
                                xmpp::to_xml(xmpp::to_element(e.result.value())), now};
  using Work = std::function<Result<std::int64_t>(store::Connection&)>;
  Work work = [row = std::move(row), oldest](store::Connection& db) -> Result<std::int64_t> {
    SKEP_TRY_VOID(
        db.execute("INSERT INTO agent_results (peer, exec_id, digest, result, finished_ms) VALUES "
                   "(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                   row));
    SKEP_TRY_VOID(db.execute("DELETE FROM agent_results WHERE finished_ms < ?1", {oldest}));
    return db.execute(
        "DELETE FROM agent_results WHERE (SELECT count(*) FROM agent_results) > ?1 AND finished_ms "
        "<= (SELECT finished_ms FROM agent_results ORDER BY finished_ms LIMIT 1)",
        {kResultsMax});
  };
  auto done = co_await db_.transact<std::int64_t>(std::move(ctx), std::move(work));
  co_return done ? Result<void>() : fail(done.error());
}

}  // namespace skep::federation
