#include "skep/memory/shared_values.h"

#include <fmt/format.h>

namespace skep::memory {
namespace {

using store::Connection;
using store::Row;

constexpr std::string_view kSelect =
    "SELECT key, value, version, updated_ms, agent, person, taint FROM shared_value";

SharedValue value_from(const Row& row) {
  return {.key = row.text(0),
          .value = row.text(1),
          .version = row.integer(2),
          .updated = from_ms(row.integer(3)),
          .agent = row.text(4),
          .person = row.text(5),
          .taint = row.text(6)};
}

Result<void> check(const SharedValue& value) {
  if (value.key.empty()) return fail(Code::kInvalid, "a value needs a key");
  if (value.key.size() > shared_key_bytes_max) {
    return fail(Code::kTooLarge,
                fmt::format("the key is longer than {} bytes", shared_key_bytes_max));
  }
  if (value.value.size() > shared_value_bytes_max) {
    return fail(Code::kTooLarge,
                fmt::format("the value is longer than {} bytes", shared_value_bytes_max));
  }
  return {};
}

Result<std::int64_t> write(Connection& c, const SharedValue& value, WallTime now,
                           std::optional<std::int64_t> expected) {
  SKEP_TRY(const auto rows,
           c.query("SELECT version FROM shared_value WHERE key = ?1", {value.key}));
  const std::int64_t before = rows.empty() ? 0 : rows[0].integer(0);
  if (expected && *expected != before) {
    return fail(Code::kConflict, fmt::format("\"{}\" is at version {} meanwhile, not at {}",
                                             value.key, before, *expected));
  }
  if (rows.empty()) {
    SKEP_TRY(const auto count, c.query("SELECT count(*) FROM shared_value"));
    if (count[0].integer(0) >= static_cast<std::int64_t>(shared_values_max)) {
      return fail(Code::kExhausted,
                  fmt::format("{} shared values are kept already", shared_values_max));
    }
  }
  SKEP_TRY_VOID(c.execute(
      "INSERT OR REPLACE INTO shared_value VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      {value.key, value.value, before + 1, to_ms(now), value.agent, value.person, value.taint}));
  return before + 1;
}

}  // namespace

Task<Result<std::int64_t>> SharedValues::put(Ctx ctx, SharedValue value,
                                             std::optional<std::int64_t> expected) {
  SKEP_CO_TRY_VOID(check(value));
  std::function<Result<std::int64_t>(Connection&)> work =
      [value = std::move(value), now = clock_.now(), expected](Connection& c) {
        return write(c, value, now, expected);
      };
  co_return co_await db_.transact<std::int64_t>(std::move(ctx), std::move(work));
}

Task<Result<std::optional<SharedValue>>> SharedValues::get(Ctx ctx, std::string key) {
  using Found = std::optional<SharedValue>;
  std::function<Result<Found>(Connection&)> work =
      [key = std::move(key)](Connection& c) -> Result<Found> {
    SKEP_TRY(const auto rows, c.query(fmt::format("{} WHERE key = ?1", kSelect), {key}));
    if (rows.empty()) return Found();
    return Found(value_from(rows[0]));
  };
  co_return co_await db_.transact<Found>(std::move(ctx), std::move(work));
}

Task<Result<std::vector<SharedValue>>> SharedValues::find(Ctx ctx, std::string query) {
  using Found = std::vector<SharedValue>;
  std::function<Result<Found>(Connection&)> work =
      [query = fold_case(query)](Connection& c) -> Result<Found> {
    SKEP_TRY(const auto rows, c.query(fmt::format("{} ORDER BY key", kSelect)));
    Found found;
    for (const Row& row : rows) {
      const bool matches = fold_case(row.text(0)).contains(query) ||
                           (!query.empty() && fold_case(row.text(1)).contains(query));
      if (matches) found.push_back(value_from(row));
    }
    return found;
  };
  co_return co_await db_.transact<Found>(std::move(ctx), std::move(work));
}

Task<Result<bool>> SharedValues::erase(Ctx ctx, std::string key) {
  std::function<Result<bool>(Connection&)> work =
      [key = std::move(key)](Connection& c) -> Result<bool> {
    SKEP_TRY(const std::int64_t gone, c.execute("DELETE FROM shared_value WHERE key = ?1", {key}));
    return gone > 0;
  };
  co_return co_await db_.transact<bool>(std::move(ctx), std::move(work));
}

}  // namespace skep::memory
