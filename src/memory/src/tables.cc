#include "skep/memory/tables.h"

#include <fmt/format.h>

#include "skep/base/log.h"

namespace skep::memory {
namespace {

// As the ancestor's eighth schema has them, so that the copying below finds them in any case.
constexpr std::string_view kAncestorTables = R"sql(
CREATE TEMP TABLE skep_ancestor (
  version INTEGER CONSTRAINT written_by_a_newer_ancestor CHECK (version <= 8));
INSERT INTO skep_ancestor SELECT user_version FROM pragma_user_version;
DROP TABLE skep_ancestor;
CREATE TABLE IF NOT EXISTS kv_store (agent_id TEXT, key TEXT, value BLOB, version INTEGER, updated_at TEXT);
CREATE TABLE IF NOT EXISTS entities (id TEXT, entity_type TEXT, name TEXT, properties TEXT, created_at TEXT, updated_at TEXT);
CREATE TABLE IF NOT EXISTS relations (id TEXT, source_entity TEXT, relation_type TEXT, target_entity TEXT, properties TEXT, confidence REAL, created_at TEXT);
CREATE TABLE IF NOT EXISTS task_queue (id TEXT, agent_id TEXT, task_type TEXT, payload BLOB, status TEXT, priority INTEGER, scheduled_at TEXT,
  created_at TEXT, completed_at TEXT, title TEXT, description TEXT, assigned_to TEXT, created_by TEXT, result TEXT);
)sql";

constexpr std::string_view kTables = R"sql(
CREATE TABLE shared_value (
  key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
  agent TEXT NOT NULL, person TEXT NOT NULL, taint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entity (
  id INTEGER PRIMARY KEY, agent TEXT NOT NULL, person TEXT NOT NULL, folded TEXT NOT NULL, name TEXT NOT NULL,
  type TEXT NOT NULL, properties TEXT NOT NULL, taint TEXT NOT NULL, updated_ms INTEGER NOT NULL,
  UNIQUE (agent, person, folded));
CREATE TABLE relation (
  source INTEGER NOT NULL REFERENCES entity(id) ON DELETE CASCADE, type TEXT NOT NULL,
  target INTEGER NOT NULL REFERENCES entity(id) ON DELETE CASCADE,
  properties TEXT NOT NULL, confidence REAL NOT NULL, taint TEXT NOT NULL, updated_ms INTEGER NOT NULL,
  PRIMARY KEY (source, type, target)) WITHOUT ROWID;
CREATE INDEX relation_target ON relation (target);
CREATE TABLE task (
  id TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL, status TEXT NOT NULL, priority INTEGER NOT NULL,
  assigned_to TEXT NOT NULL, created_by TEXT NOT NULL, person TEXT NOT NULL, taint TEXT NOT NULL, created_ms INTEGER NOT NULL,
  claimed_by TEXT NOT NULL DEFAULT '', claimed_ms INTEGER NOT NULL DEFAULT 0, claims INTEGER NOT NULL DEFAULT 0,
  result TEXT NOT NULL DEFAULT '', completed_ms INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX task_next ON task (status, priority DESC, created_ms);
)sql";

// Times were RFC 3339 text, kinds JSON strings, and names may occur twice: the newest row stands.
// Nobody says for whom these rows were written, so they come as words from outside.
constexpr std::string_view kTakeOver = R"sql(
INSERT INTO shared_value SELECT key, CAST(value AS TEXT), max(coalesce(version, 1), 1),
    coalesce(CAST(round((julianday(updated_at) - 2440587.5) * 86400000) AS INTEGER), 0), '', '', 'external_network'
  FROM kv_store WHERE agent_id = '00000000-0000-0000-0000-000000000001' AND json_valid(CAST(value AS TEXT));
INSERT OR REPLACE INTO entity (agent, person, folded, name, type, properties, taint, updated_ms)
  SELECT '', '', lower(name), name, trim(entity_type, '"'), coalesce(properties, '{}'), 'external_network',
    coalesce(CAST(round((julianday(updated_at) - 2440587.5) * 86400000) AS INTEGER), 0)
  FROM entities ORDER BY updated_at;
INSERT OR REPLACE INTO relation
  SELECT s.id, trim(r.relation_type, '"'), t.id, coalesce(r.properties, '{}'), coalesce(r.confidence, 1.0), 'external_network',
    coalesce(CAST(round((julianday(r.created_at) - 2440587.5) * 86400000) AS INTEGER), 0)
  FROM relations r
    JOIN entity s ON s.folded = coalesce((SELECT lower(name) FROM entities WHERE id = r.source_entity), lower(r.source_entity))
    JOIN entity t ON t.folded = coalesce((SELECT lower(name) FROM entities WHERE id = r.target_entity), lower(r.target_entity));
INSERT OR IGNORE INTO task (id, title, description, status, priority, assigned_to, created_by, person, taint, created_ms, result)
  SELECT id, coalesce(title, task_type, ''), coalesce(description, ''), CASE status WHEN 'completed' THEN 'completed' ELSE 'pending' END,
    coalesce(priority, 0), coalesce(assigned_to, ''), coalesce(created_by, ''), '', 'external_network',
    coalesce(CAST(round((julianday(created_at) - 2440587.5) * 86400000) AS INTEGER), 0), coalesce(result, '')
  FROM task_queue;
DROP TABLE kv_store; DROP TABLE relations; DROP TABLE entities; DROP TABLE task_queue;
)sql";

}  // namespace

Owner owner_of(std::string_view agent, const Conversation& conversation) {
  std::string person = conversation.peer;
  if (!conversation.entrypoint.empty()) person += " at " + conversation.entrypoint;
  return {.agent = fold_case(agent), .person = std::move(person)};
}

std::vector<store::Migration> table_migrations() {
  return {{"memory", 1, fmt::format("{}{}{}", kAncestorTables, kTables, kTakeOver)}};
}

Task<Result<void>> LazyDb::opened(Ctx ctx) {
  while (opening_) SKEP_CO_TRY_VOID(co_await settled_.wait(ctx));
  if (db_) co_return Result<void>{};
  opening_ = true;
  auto db = co_await store::Db::open(loop_, config_, migrations_);
  opening_ = false;
  settled_.notify_all();
  if (!db) co_return fail(for_people(std::move(db).error()));
  db_ = *std::move(db);
  trouble_.clear();
  co_return Result<void>{};
}

// The file's own troubles in words that somebody can act on; the details go to the log. Refusals of
// the work itself do not name the file.
Error LazyDb::for_people(Error error) {
  if (!error.message.contains(path())) return error;
  std::string what;
  switch (error.code) {
    case Code::kCorrupt:
      what = fmt::format(
          "{} is damaged. Move it away, or put a copy from before an upgrade ({}.before-…) in its "
          "place",
          path(), path());
      break;
    case Code::kExhausted:
      what = fmt::format("the disk is full or cannot be written: {} takes nothing more", path());
      break;
    case Code::kConflict:
      what = error.message.contains("newer than this program")
                 ? error.message
                 : fmt::format("{} is in use by another program. Try again in a moment", path());
      break;
    default:
      what = fmt::format("{} cannot be used: {}", path(), error.message);
  }
  if (what != trouble_) log::warn("memory", "{}", error.to_string());
  trouble_ = what;
  return {error.code, std::move(what)};
}

}  // namespace skep::memory
