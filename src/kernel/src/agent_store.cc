#include "agent_store.h"

namespace skep::kernel {
namespace {

constexpr std::string_view kStates[] = {"",          "created", "running",
                                        "suspended", "crashed", "terminated"};

Result<AgentState> state_from(std::string_view name) {
  const auto* at = std::ranges::find(kStates, name);
  if (name.empty() || at == std::end(kStates))
    return fail(Code::kCorrupt, fmt::format("the registry has an agent in state \"{}\"", name));
  return static_cast<AgentState>(at - std::begin(kStates));
}

// Columns: id, name, state, mode, parent, created_ms, last_active_ms, why, main.
Result<AgentEntry> entry_from(const store::Row& row) {
  AgentEntry entry{.name = row.text(1),
                   .created_at = WallTime(Millis(row.integer(5))),
                   .last_active = WallTime(Millis(row.integer(6))),
                   .why = row.text(7),
                   .main = row.integer(8) != 0};
  SKEP_TRY(entry.id, Uuid::parse(row.text(0)));
  SKEP_TRY(entry.state, state_from(row.text(2)));
  const auto mode = mode_from(row.text(3));
  if (!mode)
    return fail(Code::kCorrupt,
                fmt::format("the registry has an agent in mode \"{}\"", row.text(3)));
  entry.mode = *mode;
  if (row.is_null(4)) return entry;
  SKEP_TRY(entry.parent, Uuid::parse(row.text(4)));
  return entry;
}

std::vector<store::Value> values_of(const AgentEntry& entry) {
  store::Value parent = store::Null();
  if (entry.parent) parent = entry.parent->str();
  return {entry.id.str(),
          entry.name,
          std::string(state_name(entry.state)),
          std::string(mode_name(entry.mode)),
          parent,
          entry.created_at.time_since_epoch().count(),
          entry.last_active.time_since_epoch().count(),
          entry.why,
          std::int64_t{entry.main}};
}

constexpr std::string_view kInsert =
    "INSERT INTO agent (id, name, state, mode, parent, created_ms, last_active_ms, why, main) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

}  // namespace

std::string_view state_name(AgentState state) { return kStates[static_cast<std::size_t>(state)]; }

std::vector<store::Migration> AgentStore::migrations() {
  return {{"agents", 1,
           "CREATE TABLE agent ("
           "  id TEXT PRIMARY KEY,"
           "  name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
           "  state TEXT NOT NULL,"
           "  mode TEXT NOT NULL,"
           "  parent TEXT REFERENCES agent (id) ON DELETE SET NULL,"
           "  created_ms INTEGER NOT NULL,"
           "  last_active_ms INTEGER NOT NULL,"
           "  why TEXT NOT NULL,"
           "  main INTEGER NOT NULL"
           ");"
           "CREATE INDEX agent_parent ON agent (parent);"}};
}

Task<Result<std::vector<AgentEntry>>> AgentStore::load(Ctx ctx) {
  SKEP_CO_TRY(const auto rows,
              co_await db_.query(std::move(ctx),
                                 "SELECT id, name, state, mode, parent, created_ms, "
                                 "last_active_ms, why, main FROM agent ORDER BY created_ms, id"));
  std::vector<AgentEntry> entries;
  entries.reserve(rows.size());
  for (const store::Row& row : rows) {
    SKEP_CO_TRY(AgentEntry entry, entry_from(row));
    entries.push_back(std::move(entry));
  }
  co_return entries;
}

Task<Result<void>> AgentStore::insert(Ctx ctx, AgentEntry entry) {
  SKEP_CO_TRY_VOID(co_await db_.execute(std::move(ctx), std::string(kInsert), values_of(entry)));
  co_return Result<void>{};
}

Task<Result<void>> AgentStore::insert_all(Ctx ctx, std::vector<AgentEntry> entries) {
  std::function<Result<bool>(store::Connection&)> work =
      [entries = std::move(entries)](store::Connection& c) -> Result<bool> {
    for (const AgentEntry& entry : entries) SKEP_TRY_VOID(c.execute(kInsert, values_of(entry)));
    return true;
  };
  SKEP_CO_TRY_VOID(co_await db_.transact<bool>(std::move(ctx), std::move(work)));
  co_return Result<void>{};
}

Task<Result<void>> AgentStore::update(Ctx ctx, AgentEntry entry) {
  SKEP_CO_TRY(const std::int64_t changed,
              co_await db_.execute(std::move(ctx),
                                   "UPDATE agent SET name = ?2, state = ?3, mode = ?4, parent = "
                                   "?5, last_active_ms = ?7, why = ?8, main = ?9 "
                                   "WHERE id = ?1 AND created_ms = ?6",
                                   values_of(entry)));
  if (changed == 0) co_return fail(Code::kNotFound, "the agent is not in the registry any more");
  co_return Result<void>{};
}

Task<Result<void>> AgentStore::remove(Ctx ctx, Uuid id) {
  std::vector<store::Value> args{id.str()};
  SKEP_CO_TRY_VOID(
      co_await db_.execute(std::move(ctx), "DELETE FROM agent WHERE id = ?1", std::move(args)));
  co_return Result<void>{};
}

void AgentStore::touch(const AgentEntry& entry) {
  db_.execute_later("UPDATE agent SET last_active_ms = ?2 WHERE id = ?1",
                    {entry.id.str(), entry.last_active.time_since_epoch().count()});
}

}  // namespace skep::kernel
