// Finding again what was noted and said: by words (BM25) and by meaning (vectors) at once.
//
// Every person has an index of their own, and the shared folder has one; a search opens those it
// may see and no other. They are databases beside the memory that can be thrown away at any moment:
// files are looked at when somebody searches, and read where they have changed.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/loop.h"
#include "skep/async/task.h"
#include "skep/base/clock.h"
#include "skep/base/config.h"
#include "skep/base/secret.h"
#include "skep/memory/embeddings.h"

namespace skep::memory {

// [memory.search], [memory.search.hybrid]
struct SearchConfig {
  bool enabled = true;
  bool memory = true, sessions = true, shared = true;  // sources
  double vector_weight = 0.7, keyword_weight = 0.3;    // together 1
  // What lies less near than this counts only by its words.
  double cosine_min = 0.25;
  std::size_t indexes_open_max = 8;
  std::size_t vector_mb_max = 256;  // of open indexes
  std::chrono::milliseconds refresh{
      20'000};                     // reading changed files may take this long in a search
  std::size_t embedded_max = 512;  // chunks that one search sends to the embedding model

  // Where vectors come from: "local", or a provider of the catalogue with the OpenAI or Ollama
  // wire.
  std::string provider = "local";
  std::string model, base_url;
  Secret api_key;
  std::string shared_path;  // [memory.shared] path; default <memory>/shared

  static SearchConfig read(ConfigSection memory, const std::string& memory_path);
};

struct SearchQuery {
  enum class Scope : std::uint8_t { kSelf = 1, kShared, kAll };
  std::string directory;  // of the person (Memory::directory)
  std::string index;      // folder for that person's index
  std::string text;
  Scope scope = Scope::kAll;
  std::size_t hits_max = 8;
  std::string turn;  // that asks: its own question is no answer
  Payer payer;       // for embeddings that cost
};

struct SearchHit {
  std::string source;  // "note", "profile", "session", "shared"
  std::string path;    // below the person's folder, or the shared one
  std::string place;   // "line 12", a note's key
  std::string who;
  std::optional<WallTime> at;
  std::string text;
  std::string taint;           // where the words come from, when not from the people themselves
  double score = 0;            // 0 to 1
  double words = 0, near = 0;  // what it is made of, each 0 to 1
  double confidence = 1;       // 1 when it is fresh or was used lately, 0.1 at least
};
struct SearchAnswer {
  std::vector<SearchHit> hits;     // best first
  std::vector<std::string> notes;  // what limits this answer: files not read yet, no vectors, …
};

// What is left of 1 after so long without use: nine tenths for each week, 0.1 at least.
double confidence_after(std::chrono::milliseconds unused);

// Loop thread only.
class Search {
 public:
  struct Deps {
    Loop& loop;
    const Clock& clock;
    Embeddings embeddings;
    std::string shared_index;  // folder for the index of shared files
  };
  static std::unique_ptr<Search> make(SearchConfig config, Deps deps);
  virtual ~Search() = default;

  // Vectors that cannot be had cost the vectors, not the answer.
  virtual Task<Result<SearchAnswer>> find(Ctx ctx, SearchQuery query) = 0;
  // What is kept of that folder goes, at once or as soon as a search that is under way has ended.
  virtual void forget(const std::string& directory, const std::string& index) = 0;
  [[nodiscard]] virtual std::string describe() const = 0;  // one line for /status
};

}  // namespace skep::memory
