#include "index_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "index.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"
#include "words.h"

namespace skep::memory {
namespace {

using store::Connection;
using store::Row;

constexpr std::size_t kTailBytes = 4096;

// What was read before.
struct KnownFile {
  std::int64_t id = 0;
  IndexedFile file;
  std::uint64_t done = 0;  // bytes that are chunks
  std::size_t lines = 0;   // in them
  std::string tail;        // hash of the last of those bytes
};

std::string tail_of(std::string_view text) {
  return hex_encode(sha256(text.substr(text.size() - std::min(text.size(), kTailBytes))));
}

// FTS5 splits at blanks what search_words() has split already.
std::string indexed_text(std::string_view text) {
  const std::vector<std::string> words = search_words(text);
  return join(words, " ");
}

Result<void> insert(Connection& c, std::int64_t file, const Chunk& chunk) {
  SKEP_TRY_VOID(c.execute(
      "INSERT INTO chunk (file, place, who, at_ms, text, taint, turn) VALUES (?1, ?2, ?3, ?4, ?5, "
      "?6, ?7)",
      {file, chunk.place, chunk.who, chunk.at ? chunk.at->time_since_epoch().count() : 0,
       chunk.text, chunk.taint, chunk.turn}));
  const std::int64_t id = c.last_insert_id();
  SKEP_TRY_VOID(
      c.execute("INSERT INTO word (rowid, text) VALUES (?1, ?2)", {id, indexed_text(chunk.text)}));
  return {};
}

Result<void> erase(Connection& c, std::int64_t id, const std::string& text) {
  // A table without content is told what it had.
  SKEP_TRY_VOID(c.execute("INSERT INTO word (word, rowid, text) VALUES ('delete', ?1, ?2)",
                          {id, indexed_text(text)}));
  SKEP_TRY_VOID(c.execute("DELETE FROM chunk WHERE id = ?1", {id}));
  return {};
}

Result<void> erase_file(Connection& c, std::int64_t file, std::vector<std::int64_t>& gone) {
  SKEP_TRY(const auto rows, c.query("SELECT id, text FROM chunk WHERE file = ?1", {file}));
  for (const Row& row : rows) {
    SKEP_TRY_VOID(erase(c, row.integer(0), row.text(1)));
    gone.push_back(row.integer(0));
  }
  SKEP_TRY_VOID(c.execute("DELETE FROM file WHERE id = ?1", {file}));
  return {};
}

// Chunks that are as they were keep their vectors and when they were used.
Result<void> replace(Connection& c, std::int64_t file, const std::vector<Chunk>& chunks,
                     std::vector<std::int64_t>& gone) {
  SKEP_TRY(const auto rows,
           c.query("SELECT id, text, taint, who, turn FROM chunk WHERE file = ?1", {file}));
  std::multimap<std::string, std::int64_t> before;
  std::map<std::int64_t, std::string> texts;
  const auto key = [](const std::string& text, const std::string& taint, const std::string& who,
                      const std::string& turn) {
    return fmt::format("{}\n{}\n{}\n{}", taint, who, turn, text);
  };
  for (const Row& row : rows) {
    before.emplace(key(row.text(1), row.text(2), row.text(3), row.text(4)), row.integer(0));
    texts.emplace(row.integer(0), row.text(1));
  }
  for (const Chunk& chunk : chunks) {
    const auto same = before.find(key(chunk.text, chunk.taint, chunk.who, chunk.turn));
    if (same == before.end()) {
      SKEP_TRY_VOID(insert(c, file, chunk));
      continue;
    }
    SKEP_TRY_VOID(c.execute(
        "UPDATE chunk SET place = ?2, at_ms = ?3 WHERE id = ?1",
        {same->second, chunk.place, chunk.at ? chunk.at->time_since_epoch().count() : 0}));
    before.erase(same);
  }
  for (const auto& [unused, id] : before) {
    SKEP_TRY_VOID(erase(c, id, texts[id]));
    gone.push_back(id);
  }
  return {};
}

Result<void> note_file(Connection& c, const KnownFile& known) {
  SKEP_TRY_VOID(c.execute(
      "UPDATE file SET path = ?2, inode = ?3, size = ?4, modified_ns = ?5, done = ?6, lines = ?7, "
      "tail = ?8 WHERE id = ?1",
      {known.id, known.file.path, static_cast<std::int64_t>(known.file.inode),
       static_cast<std::int64_t>(known.file.size), known.file.modified_ns,
       static_cast<std::int64_t>(known.done), static_cast<std::int64_t>(known.lines), known.tail}));
  return {};
}

Result<std::int64_t> new_file(Connection& c, const IndexedFile& file) {
  SKEP_TRY_VOID(
      c.execute("INSERT INTO file (path, source, inode, size, modified_ns, done, lines, tail) "
                "VALUES (?1, ?2, "
                "0, 0, 0, 0, 0, '')",
                {file.path, static_cast<std::int64_t>(file.source)}));
  return c.last_insert_id();
}

// A session that has grown at its end is read from there; anything else as a whole.
Result<void> read(Connection& c, const std::string& directory, KnownFile& known,
                  const IndexedFile& now, std::size_t file_bytes_max, Changes& changes) {
  auto text = store::read_file(directory + "/" + now.path, file_bytes_max);
  if (!text && text.error().code == Code::kTooLarge) text = std::string();  // left out
  if (!text && text.error().code == Code::kNotFound) return {};  // gone meanwhile: the next time
  if (!text) return fail(std::move(text).error());
  changes.bytes += text->size();
  const std::string_view all = *text;
  const bool session = now.source == Source::kSession;
  const std::string_view whole_lines =
      session ? all.substr(0, all.rfind('\n') == all.npos ? 0 : all.rfind('\n') + 1) : all;
  const bool grown = session && known.done > 0 && known.file.inode == now.inode &&
                     known.done <= whole_lines.size() &&
                     tail_of(whole_lines.substr(0, known.done)) == known.tail;
  if (grown) {
    const std::string_view fresh = whole_lines.substr(known.done);
    for (const Chunk& chunk : session_chunks(fresh, known.lines))
      SKEP_TRY_VOID(insert(c, known.id, chunk));
    known.lines += static_cast<std::size_t>(std::ranges::count(fresh, '\n'));
  } else {
    const std::vector<Chunk> chunks = session                       ? session_chunks(whole_lines, 0)
                                      : now.source == Source::kNote ? note_chunks(all)
                                                                    : document_chunks(all);
    SKEP_TRY_VOID(replace(c, known.id, chunks, changes.gone));
    known.lines = static_cast<std::size_t>(std::ranges::count(whole_lines, '\n'));
  }
  known.done = whole_lines.size();
  known.tail = tail_of(whole_lines);
  known.file = now;
  return note_file(c, known);
}

bool is_same(const IndexedFile& a, const IndexedFile& b) {
  return a.path == b.path && a.inode == b.inode && a.size == b.size &&
         a.modified_ns == b.modified_ns;
}

Result<std::vector<KnownFile>> known_files(Connection& c) {
  SKEP_TRY(
      const auto rows,
      c.query("SELECT id, path, source, inode, size, modified_ns, done, lines, tail FROM file"));
  std::vector<KnownFile> known;
  for (const Row& row : rows) {
    known.push_back({.id = row.integer(0),
                     .file = {.path = row.text(1),
                              .source = static_cast<Source>(row.integer(2)),
                              .inode = static_cast<std::uint64_t>(row.integer(3)),
                              .size = static_cast<std::uint64_t>(row.integer(4)),
                              .modified_ns = row.integer(5)},
                     .done = static_cast<std::uint64_t>(row.integer(6)),
                     .lines = static_cast<std::size_t>(row.integer(7)),
                     .tail = row.text(8)});
  }
  return known;
}

// Which known file each present one is: the same file, under its old name or (an archive) another;
// else what stood under that name before. The rest of `known` is gone.
class Matched {
 public:
  Matched(std::vector<KnownFile> known, const std::vector<IndexedFile>& present)
      : known_(std::move(known)), of_(present.size(), nullptr) {
    std::map<std::pair<std::uint64_t, Source>, KnownFile*> inodes;
    std::map<std::string_view, KnownFile*> paths;
    for (KnownFile& one : known_) {
      inodes.emplace(std::pair(one.file.inode, one.file.source), &one);
      paths.emplace(one.file.path, &one);
      left_.insert(&one);
    }
    for (std::size_t i = 0; i < present.size(); ++i)
      take(i, inodes, std::pair(present[i].inode, present[i].source));
    for (std::size_t i = 0; i < present.size(); ++i) {
      if (of_[i] == nullptr) take(i, paths, std::string_view(present[i].path));
    }
  }
  [[nodiscard]] KnownFile* of(std::size_t present) const { return of_[present]; }
  [[nodiscard]] const std::set<KnownFile*>& left() const { return left_; }

 private:
  template <class Map, class Key>
  void take(std::size_t present, const Map& map, const Key& key) {
    const auto found = map.find(key);
    if (found != map.end() && left_.erase(found->second) > 0) of_[present] = found->second;
  }
  std::vector<KnownFile> known_;
  std::vector<KnownFile*> of_;
  std::set<KnownFile*> left_;
};

}  // namespace

std::vector<store::Migration> index_migrations() {
  return {{"index", 1, R"sql(
CREATE TABLE file (id INTEGER PRIMARY KEY, path TEXT NOT NULL, source INTEGER NOT NULL, inode INTEGER NOT NULL,
  size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, done INTEGER NOT NULL, lines INTEGER NOT NULL, tail TEXT NOT NULL);
CREATE TABLE chunk (id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL REFERENCES file(id), place TEXT NOT NULL, who TEXT NOT NULL,
  at_ms INTEGER NOT NULL, text TEXT NOT NULL, taint TEXT NOT NULL, turn TEXT NOT NULL, used_ms INTEGER NOT NULL DEFAULT 0, vector BLOB);
CREATE INDEX chunk_file ON chunk (file);
CREATE INDEX chunk_unplaced ON chunk (id) WHERE vector IS NULL;
CREATE VIRTUAL TABLE word USING fts5 (text, content = '', tokenize = "unicode61 remove_diacritics 0");
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
)sql"}};
}

Result<Changes> take_changes(Connection& c, const std::string& directory,
                             const std::vector<IndexedFile>& present, std::size_t bytes_max,
                             std::size_t file_bytes_max) {
  Changes changes;
  SKEP_TRY(auto known, known_files(c));
  const Matched matched(std::move(known), present);
  for (KnownFile* file : matched.left()) SKEP_TRY_VOID(erase_file(c, file->id, changes.gone));
  for (std::size_t i = 0; i < present.size(); ++i) {
    const IndexedFile& now = present[i];
    KnownFile* const file = matched.of(i);
    if (file != nullptr && is_same(file->file, now)) continue;
    if (changes.bytes >= bytes_max) {
      changes.more = true;
      break;
    }
    KnownFile fresh;
    if (file == nullptr) {
      SKEP_TRY(fresh.id, new_file(c, now));
    }
    SKEP_TRY_VOID(
        read(c, directory, file == nullptr ? fresh : *file, now, file_bytes_max, changes));
  }
  return changes;
}

std::string match_of(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(fmt::format("\"{}\"", word));
  return join(quoted, " OR ");
}

}  // namespace skep::memory
