// What can be found in one folder: its files as chunks, words and vectors, in a database that can
// be thrown away at any moment. Private to the room.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chunks.h"
#include "skep/memory/embeddings.h"
#include "skep/memory/tables.h"
#include "vectors.h"

namespace skep::memory {

struct IndexPlace {
  std::string directory;  // what is looked at
  std::string file;       // the database
  FileChoice choice;
};

// One chunk that may be an answer.
struct Candidate {
  std::int64_t id = 0;
  std::string path;  // below the directory
  Source source = Source::kNote;
  Chunk chunk;
  WallTime used{};   // it was last given as an answer; not yet: the epoch
  double words = 0;  // BM25, higher is better; 0: none of the words
  float cosine = 0;
};

struct IndexState {
  bool more = false;         // files are left to read
  std::size_t unplaced = 0;  // chunks without a vector
};

struct RankQuery {
  std::vector<std::string> words;
  Vector vector;           // empty: by words alone
  std::size_t count = 64;  // of each kind
};

// Loop thread only. Its work is done on the thread of its database, a few milliseconds at a time,
// so that others who search the same folder get their turn.
class Index {
 public:
  // Text read by one refresh(); some hundred milliseconds the first time.
  static constexpr std::size_t refresh_bytes_max = 2u << 20;
  static constexpr std::size_t file_bytes_max = 16u << 20;  // larger files are left out
  // A word that is in more chunks than this says nothing: only the rarer ones are looked up, or of
  // a single such word its newest chunks.
  static constexpr std::int64_t matches_max = 5'000;

  Index(Loop& loop, IndexPlace place, const Embeddings& embeddings);
  ~Index();

  // Looks which files have changed and reads them, as far as one step goes. A damaged database, or
  // one of another version, is thrown away and built anew, unless somebody else is at it.
  Task<Result<IndexState>> refresh(Ctx ctx);
  // Up to `count` chunks that have no vector yet.
  struct Unplaced {
    std::vector<std::int64_t> ids;
    std::vector<std::string> texts;
  };
  Task<Result<Unplaced>> unplaced(Ctx ctx, std::size_t count);
  Task<Result<void>> place(Ctx ctx, std::vector<std::int64_t> ids, std::vector<Vector> vectors);
  Task<Result<std::vector<Candidate>>> rank(Ctx ctx, RankQuery query);
  // Those were given as answers.
  Task<Result<void>> touch(Ctx ctx, std::vector<std::int64_t> ids, WallTime now);

  // Closes the database and takes its files away. Nobody may be waiting.
  void destroy();
  [[nodiscard]] const IndexPlace& place() const { return place_; }
  [[nodiscard]] std::size_t vector_bytes() const;  // as of the last rank()

 private:
  struct OnThread;  // what the database thread has in memory
  template <class T>
  Task<Result<T>> run(Ctx ctx, std::function<Result<T>(store::Connection&, OnThread&)> work);

  IndexPlace place_;
  const Embeddings& embeddings_;
  std::shared_ptr<OnThread> state_;
  int under_way_ = 0;
  LazyDb db_;
};

}  // namespace skep::memory
