#include "index.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>

#include "index_tables.h"
#include "skep/base/log.h"

namespace skep::memory {
namespace {

using store::Connection;
using store::Row;

constexpr std::int64_t kPlacedAtOnce = 2000;  // vectors computed here in one step
constexpr std::size_t kCountsKept = 10'000;

void remove_files(const std::string& file) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file + suffix, ignored);
}

bool is_worthless(const Error& error) {
  return error.code == Code::kCorrupt ||
         (error.code == Code::kConflict && error.message.contains("newer than this program"));
}

Result<std::string> about(Connection& c, const std::string& name) {
  SKEP_TRY(const auto rows, c.query("SELECT value FROM about WHERE name = ?1", {name}));
  return rows.empty() ? std::string() : rows[0].text(0);
}

Result<std::int64_t> number(Connection& c, std::string_view sql) {
  SKEP_TRY(const auto rows, c.query(sql));
  return rows.empty() ? 0 : rows[0].integer(0);
}

const std::string& blob_of(const Row& row, std::size_t column) {
  static const std::string kNone;
  const auto* blob = std::get_if<store::Blob>(&row.values[column]);
  return blob == nullptr ? kNone : blob->bytes;
}

}  // namespace

struct Index::OnThread {
  VectorSet vectors;
  std::atomic<std::size_t> vector_bytes = 0;
  bool loaded = false;
  std::int64_t others = 0;                     // PRAGMA data_version: another process wrote
  std::map<std::string, std::int64_t> counts;  // in how many chunks a word is, as of counted_at
  std::int64_t counted_at = 0;                 // as a chunk's id

  Result<void> load(Connection& c) {
    SKEP_TRY(const std::int64_t version, number(c, "PRAGMA data_version"));
    if (loaded && version == others) return {};
    others = version;
    vectors.clear();
    counts.clear();
    SKEP_TRY(const auto rows, c.query("SELECT id, vector FROM chunk WHERE vector IS NOT NULL"));
    for (const Row& row : rows) vectors.add(row.integer(0), blob_of(row, 1));
    loaded = true;
    return {};
  }

  Result<void> put(Connection& c, std::int64_t id, const Vector& vector) {
    const std::string packed = pack_vector(vector);
    SKEP_TRY_VOID(
        c.execute("UPDATE chunk SET vector = ?2 WHERE id = ?1", {id, store::Blob{packed}}));
    if (loaded) vectors.add(id, packed);
    return {};
  }

  // Vectors of another kind are worth nothing.
  Result<void> settle_kind(Connection& c, const std::string& kind) {
    SKEP_TRY(const std::string before, about(c, "vectors"));
    if (before == kind) return {};
    SKEP_TRY_VOID(c.execute("UPDATE chunk SET vector = NULL"));
    SKEP_TRY_VOID(c.execute("INSERT OR REPLACE INTO about VALUES ('vectors', ?1)", {kind}));
    vectors.clear();
    return {};
  }

  Result<void> place_some(Connection& c, const Embeddings& embeddings) {
    SKEP_TRY(const auto rows,
             c.query("SELECT id, text FROM chunk WHERE vector IS NULL LIMIT ?1", {kPlacedAtOnce}));
    for (const Row& row : rows)
      SKEP_TRY_VOID(put(c, row.integer(0), embeddings.local(row.text(1))));
    return {};
  }

  // In how many chunks a word is; over matches_max is all the same.
  Result<std::int64_t> count(Connection& c, const std::string& word) {
    if (const auto known = counts.find(word); known != counts.end()) return known->second;
    SKEP_TRY(const auto rows,
             c.query("SELECT count(*) FROM (SELECT 1 FROM word WHERE word MATCH ?1 LIMIT ?2)",
                     {match_of({word}), matches_max + 1}));
    if (counts.size() >= kCountsKept) counts.clear();
    return counts[word] = rows[0].integer(0);
  }

  // By BM25, on the rarest of the words.
  Result<std::map<std::int64_t, double>> by_words(Connection& c,
                                                  const std::vector<std::string>& words,
                                                  std::size_t wanted) {
    std::map<std::int64_t, double> found;
    // Ids ascend: the highest says how much has come, at no cost.
    SKEP_TRY(const std::int64_t highest, number(c, "SELECT coalesce(max(id), 0) FROM chunk"));
    if (highest > counted_at + counted_at / 8) {
      counts.clear();
      counted_at = highest;
    }
    std::vector<std::pair<std::int64_t, std::string>> rarest;
    for (const std::string& word : words) {
      SKEP_TRY(const std::int64_t in, count(c, word));
      if (in > 0) rarest.emplace_back(in, word);
    }
    std::ranges::sort(rarest);
    std::vector<std::string> chosen;
    std::int64_t matches = 0;
    for (const auto& [in, word] : rarest) {
      if ((matches += in) > matches_max) break;
      chosen.push_back(word);
    }
    if (rarest.empty()) return found;
    const bool newest_only = chosen.empty();
    if (newest_only) chosen.push_back(rarest.front().second);
    const auto rows =
        c.query(newest_only ? "SELECT rowid, bm25(word) FROM word WHERE word MATCH ?1 "
                              "ORDER BY rowid DESC LIMIT ?2"
                            : "SELECT rowid, bm25(word) FROM word WHERE word MATCH ?1 "
                              "ORDER BY rank LIMIT ?2",
                {match_of(chosen), static_cast<std::int64_t>(wanted)});
    if (!rows) return fail(rows.error());
    for (const Row& row : *rows) found[row.integer(0)] = std::max(-row.real(1), 1e-9);
    return found;
  }

  static Result<std::optional<Candidate>> fetch(Connection& c, std::int64_t id) {
    SKEP_TRY(const auto rows,
             c.query("SELECT f.path, f.source, c.place, c.who, c.text, c.at_ms, c.taint, c.turn, "
                     "c.used_ms FROM chunk c JOIN file f ON f.id = c.file WHERE c.id = ?1",
                     {id}));
    if (rows.empty()) return std::optional<Candidate>();
    const Row& row = rows[0];
    Candidate one{.id = id,
                  .path = row.text(0),
                  .source = static_cast<Source>(row.integer(1)),
                  .chunk = {.place = row.text(2),
                            .who = row.text(3),
                            .text = row.text(4),
                            .taint = row.text(6),
                            .turn = row.text(7)},
                  .used = from_ms(row.integer(8))};
    if (row.integer(5) != 0) one.chunk.at = from_ms(row.integer(5));
    return std::optional(std::move(one));
  }

  Result<std::vector<Candidate>> rank(Connection& c, const RankQuery& query) {
    SKEP_TRY_VOID(load(c));
    vector_bytes = vectors.bytes();
    SKEP_TRY(auto words, by_words(c, query.words, query.count));
    std::map<std::int64_t, float> cosines;
    for (const Near& near : vectors.nearest(query.vector, query.count)) {
      cosines[near.id] = near.cosine;
      words.emplace(near.id, 0);
    }
    std::vector<Candidate> found;
    for (const auto& [id, score] : words) {
      SKEP_TRY(auto one, fetch(c, id));
      if (!one) continue;
      one->words = score;
      const auto near = cosines.find(id);
      one->cosine = near != cosines.end() ? near->second : vectors.cosine(query.vector, id);
      found.push_back(*std::move(one));
    }
    return found;
  }
};

Index::Index(Loop& loop, IndexPlace place, const Embeddings& embeddings)
    : place_(std::move(place)),
      embeddings_(embeddings),
      state_(std::make_shared<OnThread>()),
      db_(loop, {.path = place_.file}, index_migrations()) {}
Index::~Index() = default;

std::size_t Index::vector_bytes() const { return state_->vector_bytes; }

void Index::destroy() {
  db_.close();
  remove_files(place_.file);
  state_ = std::make_shared<OnThread>();
}

template <class T>
Task<Result<T>> Index::run(Ctx ctx, std::function<Result<T>(Connection&, OnThread&)> work) {
  std::function<Result<T>(Connection&)> job =
      [state = state_, work = std::move(work)](Connection& c) { return work(c, *state); };
  // What a transaction that fails had changed in memory is read again.
  ++under_way_;
  Result<T> done = co_await db_.transact<T>(std::move(ctx), std::move(job));
  --under_way_;
  if (!done) state_ = std::make_shared<OnThread>();
  co_return done;
}

Task<Result<IndexState>> Index::refresh(Ctx ctx) {
  const auto step = [place = place_, embeddings = embeddings_](
                        Connection& c, OnThread& state) -> Result<IndexState> {
    SKEP_TRY_VOID(state.settle_kind(c, embeddings.id));
    const auto files = files_to_index(place.directory, place.choice);
    SKEP_TRY(const Changes changes,
             take_changes(c, place.directory, files, refresh_bytes_max, file_bytes_max));
    state.vectors.erase({changes.gone.begin(), changes.gone.end()});
    if (embeddings.local) SKEP_TRY_VOID(state.place_some(c, embeddings));
    SKEP_TRY(const std::int64_t unplaced,
             number(c, "SELECT count(*) FROM chunk WHERE vector IS NULL"));
    return IndexState{.more = changes.more || (embeddings.local && unplaced > 0),
                      .unplaced = static_cast<std::size_t>(unplaced)};
  };
  std::function<Result<IndexState>(Connection&, OnThread&)> work = step;
  auto done = co_await run<IndexState>(ctx, work);
  if (done || under_way_ > 0 || !is_worthless(done.error())) co_return done;
  log::warn("memory", "{} is built anew: {}", place_.file, done.error().message);
  destroy();
  co_return co_await run<IndexState>(std::move(ctx), std::move(work));
}

Task<Result<Index::Unplaced>> Index::unplaced(Ctx ctx, std::size_t count) {
  std::function<Result<Unplaced>(Connection&, OnThread&)> work =
      [count](Connection& c, OnThread&) -> Result<Unplaced> {
    SKEP_TRY(const auto rows,
             c.query("SELECT id, text FROM chunk WHERE vector IS NULL ORDER BY id DESC LIMIT ?1",
                     {static_cast<std::int64_t>(count)}));
    Unplaced found;
    for (const Row& row : rows) {
      found.ids.push_back(row.integer(0));
      found.texts.push_back(row.text(1));
    }
    return found;
  };
  co_return co_await run<Unplaced>(std::move(ctx), std::move(work));
}

Task<Result<void>> Index::place(Ctx ctx, std::vector<std::int64_t> ids,
                                std::vector<Vector> vectors) {
  std::function<Result<bool>(Connection&, OnThread&)> work =
      [ids = std::move(ids), vectors = std::move(vectors)](Connection& c,
                                                           OnThread& state) -> Result<bool> {
    for (std::size_t i = 0; i < ids.size() && i < vectors.size(); ++i)
      SKEP_TRY_VOID(state.put(c, ids[i], vectors[i]));
    return true;
  };
  SKEP_CO_TRY_VOID(co_await run<bool>(std::move(ctx), std::move(work)));
  co_return Result<void>{};
}

Task<Result<std::vector<Candidate>>> Index::rank(Ctx ctx, RankQuery query) {
  using Found = std::vector<Candidate>;
  std::function<Result<Found>(Connection&, OnThread&)> work =
      [query = std::move(query)](Connection& c, OnThread& state) { return state.rank(c, query); };
  co_return co_await run<Found>(std::move(ctx), std::move(work));
}

Task<Result<void>> Index::touch(Ctx ctx, std::vector<std::int64_t> ids, WallTime now) {
  std::function<Result<bool>(Connection&, OnThread&)> work =
      [ids = std::move(ids), now](Connection& c, OnThread&) -> Result<bool> {
    for (const std::int64_t id : ids)
      SKEP_TRY_VOID(c.execute("UPDATE chunk SET used_ms = ?2 WHERE id = ?1", {id, to_ms(now)}));
    return true;
  };
  SKEP_CO_TRY_VOID(co_await run<bool>(std::move(ctx), std::move(work)));
  co_return Result<void>{};
}

}  // namespace skep::memory
