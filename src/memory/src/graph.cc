#include "skep/memory/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "skep/base/json.h"

namespace skep::memory {
namespace {

using store::Connection;
using store::Row;

constexpr std::string_view kUnnamedType = "thing";
constexpr std::string_view kEdges =
    "SELECT r.source, r.type, r.target, s.name, t.name, r.confidence, r.properties, r.taint "
    "FROM relation r JOIN entity s ON s.id = r.source JOIN entity t ON t.id = r.target "
    "WHERE s.agent = ?1 AND s.person = ?2";

Result<void> check_name(std::string_view what, const std::string& name) {
  if (name.empty()) return fail(Code::kInvalid, fmt::format("the {} is empty", what));
  if (name.size() <= graph_name_bytes_max) return {};
  return fail(Code::kTooLarge,
              fmt::format("the {} is longer than {} bytes", what, graph_name_bytes_max));
}

Result<void> check_properties(const std::string& properties) {
  if (properties.size() > graph_properties_bytes_max) {
    return fail(Code::kTooLarge,
                fmt::format("the properties are longer than {} bytes", graph_properties_bytes_max));
  }
  const auto value = parse_json(properties);
  if (!value || !value->is_object()) return fail(Code::kInvalid, "properties are no JSON object");
  return {};
}

struct Found {
  std::int64_t id = 0;
  Entity entity;
};

Result<std::optional<Found>> find(Connection& c, const Owner& owner, const std::string& name) {
  SKEP_TRY(const auto rows, c.query("SELECT id, name, type, properties, taint FROM entity "
                                    "WHERE agent = ?1 AND person = ?2 AND folded = ?3",
                                    {owner.agent, owner.person, fold_case(name)}));
  if (rows.empty()) return std::optional<Found>();
  const Row& row = rows[0];
  return Found{
      row.integer(0),
      {.name = row.text(1), .type = row.text(2), .properties = row.text(3), .taint = row.text(4)}};
}

Result<std::int64_t> insert(Connection& c, const Owner& owner, const Entity& entity, WallTime now) {
  SKEP_TRY(const auto count, c.query("SELECT count(*) FROM entity WHERE agent = ?1 AND person = ?2",
                                     {owner.agent, owner.person}));
  if (count[0].integer(0) >= static_cast<std::int64_t>(graph_entities_max)) {
    return fail(Code::kExhausted, fmt::format("{} entities are kept already", graph_entities_max));
  }
  SKEP_TRY_VOID(c.execute(
      "INSERT INTO entity (agent, person, folded, name, type, properties, taint, updated_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      {owner.agent, owner.person, fold_case(entity.name), entity.name, entity.type,
       entity.properties, entity.taint, to_ms(now)}));
  return c.last_insert_id();
}

Result<bool> upsert(Connection& c, const Owner& owner, const Entity& entity, WallTime now) {
  SKEP_TRY(const auto there, find(c, owner, entity.name));
  if (!there) {
    SKEP_TRY_VOID(insert(c, owner, entity, now));
    return true;
  }
  SKEP_TRY_VOID(c.execute(
      "UPDATE entity SET name = ?2, type = ?3, properties = ?4, taint = ?5, updated_ms = ?6 "
      "WHERE id = ?1",
      {there->id, entity.name, entity.type, entity.properties, entity.taint, to_ms(now)}));
  return false;
}

Result<std::int64_t> find_or_make(Connection& c, const Owner& owner, const std::string& name,
                                  const std::string& taint, WallTime now) {
  SKEP_TRY(const auto there, find(c, owner, name));
  if (there) return there->id;
  return insert(c, owner, {.name = name, .type = std::string(kUnnamedType), .taint = taint}, now);
}

Result<bool> upsert(Connection& c, const Owner& owner, const Relation& relation, WallTime now) {
  SKEP_TRY(const std::int64_t source, find_or_make(c, owner, relation.source, relation.taint, now));
  SKEP_TRY(const std::int64_t target, find_or_make(c, owner, relation.target, relation.taint, now));
  SKEP_TRY(const auto before,
           c.query("SELECT 1 FROM relation WHERE source = ?1 AND type = ?2 AND target = ?3",
                   {source, relation.type, target}));
  SKEP_TRY_VOID(c.execute("INSERT OR REPLACE INTO relation VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                          {source, relation.type, target, relation.properties, relation.confidence,
                           relation.taint, to_ms(now)}));
  return before.empty();
}

// Breadth first from one entity, each visited once.
class Walk {
 public:
  Walk(Connection& c, const Owner& owner, const GraphQuery& query, bool backward)
      : c_(c), owner_(owner), query_(query), backward_(backward) {}

  // `goal`: only ways that end there.
  Result<void> from(std::int64_t start, std::optional<std::int64_t> goal, GraphAnswer& answer) {
    std::vector<std::int64_t> front{start};
    seen_.insert(start);
    for (int step = 0; step < query_.depth && !front.empty(); ++step) {
      std::vector<std::int64_t> next;
      for (const std::int64_t at : front) SKEP_TRY_VOID(look(at, goal, next, answer));
      front = std::move(next);
    }
    return {};
  }

 private:
  Result<void> look(std::int64_t at, std::optional<std::int64_t> goal,
                    std::vector<std::int64_t>& next, GraphAnswer& answer) {
    std::string sql = fmt::format("{} AND r.{} = ?3", kEdges, backward_ ? "target" : "source");
    std::vector<store::Value> args{owner_.agent, owner_.person, at};
    if (!query_.relation.empty()) {
      sql += " AND r.type = ?4";
      args.emplace_back(query_.relation);
    }
    sql += fmt::format(" ORDER BY r.confidence DESC, r.updated_ms DESC LIMIT {}", graph_edges_max);
    SKEP_TRY(const auto rows, c_.query(sql, std::move(args)));
    for (const Row& row : rows) {
      if (++edges_ > graph_edges_max || answer.paths.size() >= graph_paths_max) {
        answer.more = true;
        return {};
      }
      take(row, at, goal, next, answer);
    }
    return {};
  }
  void take(const Row& row, std::int64_t at, std::optional<std::int64_t> goal,
            std::vector<std::int64_t>& next, GraphAnswer& answer) {
    const std::int64_t other = row.integer(backward_ ? 0 : 2);
    std::vector<Relation> path = ways_[at];
    const Relation step{.source = row.text(3),
                        .type = row.text(1),
                        .target = row.text(4),
                        .confidence = row.real(5),
                        .properties = row.text(6),
                        .taint = row.text(7)};
    path.insert(backward_ ? path.begin() : path.end(), step);
    if (!goal || other == *goal) answer.paths.push_back(path);
    if (!seen_.insert(other).second) return;
    ways_[other] = std::move(path);
    next.push_back(other);
  }

  Connection& c_;
  const Owner& owner_;
  const GraphQuery& query_;
  bool backward_;
  std::set<std::int64_t> seen_;
  std::map<std::int64_t, std::vector<Relation>> ways_;
  std::size_t edges_ = 0;
};

Result<void> list(Connection& c, const Owner& owner, const GraphQuery& query, GraphAnswer& answer) {
  SKEP_TRY(
      const auto rows,
      c.query(fmt::format("{} AND (?3 = '' OR r.type = ?3) ORDER BY r.updated_ms DESC LIMIT {}",
                          kEdges, graph_paths_max + 1),
              {owner.agent, owner.person, query.relation}));
  for (const Row& row : rows) {
    if (answer.paths.size() == graph_paths_max) {
      answer.more = true;
      break;
    }
    answer.paths.push_back({Relation{.source = row.text(3),
                                     .type = row.text(1),
                                     .target = row.text(4),
                                     .confidence = row.real(5),
                                     .properties = row.text(6),
                                     .taint = row.text(7)}});
  }
  return {};
}

Result<GraphAnswer> answer_to(Connection& c, const Owner& owner, const GraphQuery& query) {
  GraphAnswer answer;
  std::optional<std::int64_t> source, target;
  for (auto [name, id] : {std::pair(&query.source, &source), std::pair(&query.target, &target)}) {
    if (name->empty()) continue;
    SKEP_TRY(const auto found, find(c, owner, *name));
    if (!found) {
      return fail(Code::kNotFound,
                  fmt::format("I know no \"{}\"", cut_utf8(*name, graph_name_bytes_max)));
    }
    *id = found->id;
    answer.entities.push_back(found->entity);
  }
  if (!source && !target) {
    SKEP_TRY_VOID(list(c, owner, query, answer));
    return answer;
  }
  Walk walk(c, owner, query, !source);
  SKEP_TRY_VOID(walk.from(source ? *source : *target, source ? target : std::nullopt, answer));
  return answer;
}

}  // namespace

Task<Result<bool>> Graph::add(Ctx ctx, Owner owner, Entity entity) {
  SKEP_CO_TRY_VOID(check_name("name", entity.name));
  SKEP_CO_TRY_VOID(check_name("type", entity.type));
  SKEP_CO_TRY_VOID(check_properties(entity.properties));
  std::function<Result<bool>(Connection&)> work =
      [owner = std::move(owner), entity = std::move(entity), now = clock_.now()](Connection& c) {
        return upsert(c, owner, entity, now);
      };
  co_return co_await db_.transact<bool>(std::move(ctx), std::move(work));
}

Task<Result<bool>> Graph::add(Ctx ctx, Owner owner, Relation relation) {
  SKEP_CO_TRY_VOID(check_name("source", relation.source));
  SKEP_CO_TRY_VOID(check_name("relation", relation.type));
  SKEP_CO_TRY_VOID(check_name("target", relation.target));
  SKEP_CO_TRY_VOID(check_properties(relation.properties));
  relation.confidence = std::clamp(relation.confidence, 0.0, 1.0);
  std::function<Result<bool>(Connection&)> work =
      [owner = std::move(owner), relation = std::move(relation),
       now = clock_.now()](Connection& c) { return upsert(c, owner, relation, now); };
  co_return co_await db_.transact<bool>(std::move(ctx), std::move(work));
}

Task<Result<GraphAnswer>> Graph::query(Ctx ctx, Owner owner, GraphQuery query) {
  query.depth = std::clamp(query.depth, 1, graph_depth_max);
  std::function<Result<GraphAnswer>(Connection&)> work = [owner = std::move(owner),
                                                          query = std::move(query)](Connection& c) {
    return answer_to(c, owner, query);
  };
  co_return co_await db_.transact<GraphAnswer>(std::move(ctx), std::move(work));
}

Task<Result<bool>> Graph::erase(Ctx ctx, Owner owner, std::string name) {
  std::function<Result<bool>(Connection&)> work =
      [owner = std::move(owner), name = std::move(name)](Connection& c) -> Result<bool> {
    SKEP_TRY(const std::int64_t gone,
             c.execute("DELETE FROM entity WHERE agent = ?1 AND person = ?2 AND folded = ?3",
                       {owner.agent, owner.person, fold_case(name)}));
    return gone > 0;
  };
  co_return co_await db_.transact<bool>(std::move(ctx), std::move(work));
}

Task<Result<std::int64_t>> Graph::erase_all(Ctx ctx, Owner owner) {
  std::function<Result<std::int64_t>(Connection&)> work = [owner =
                                                               std::move(owner)](Connection& c) {
    return c.execute("DELETE FROM entity WHERE agent = ?1 AND person = ?2",
                     {owner.agent, owner.person});
  };
  co_return co_await db_.transact<std::int64_t>(std::move(ctx), std::move(work));
}

}  // namespace skep::memory
