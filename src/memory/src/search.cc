#include "skep/memory/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "index.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "words.h"

namespace skep::memory {
namespace {

constexpr std::size_t kQueryBytesMax = 4096;
constexpr std::size_t kQueryWordsMax = 32;
// What an old answer keeps of its score, whatever its confidence.
constexpr double kAgeless = 0.6;

std::string_view name_of(Source source) {
  switch (source) {
    case Source::kNote:
      return "note";
    case Source::kProfile:
      return "profile";
    case Source::kSession:
      return "session";
    case Source::kShared:
      break;
  }
  return "shared";
}

// What people wrote into files by hand does not age.
bool ages(Source source) { return source == Source::kNote || source == Source::kSession; }

std::vector<std::string> words_of_query(std::string_view text) {
  std::vector<std::string> words;
  std::set<std::string> seen;
  for (std::string& word : search_words(text)) {
    if (words.size() < kQueryWordsMax && seen.insert(word).second) words.push_back(std::move(word));
  }
  return words;
}

struct Seen {
  std::shared_ptr<Index> index;
  std::vector<Candidate> candidates;
};

struct Ranked {
  const Seen* from = nullptr;
  const Candidate* candidate = nullptr;
  SearchHit hit;
};

class SearchImpl final : public Search {
 public:
  SearchImpl(SearchConfig config, Deps deps) : config_(std::move(config)), deps_(std::move(deps)) {}

  Task<Result<SearchAnswer>> find(Ctx ctx, SearchQuery query) override;
  void forget(const std::string& directory, const std::string& index) override;
  std::string describe() const override {
    return fmt::format("Search: {} % by vectors ({}), {} % by words",
                       std::lround(config_.vector_weight * 100), deps_.embeddings.described,
                       std::lround(config_.keyword_weight * 100));
  }

 private:
  struct Slot {
    std::shared_ptr<Index> index;
    std::uint64_t used = 0;
    bool doomed = false;
  };
  static std::string file_of(const std::string& directory, const std::string& folder) {
    return fmt::format("{}/{}.db", folder, hex_encode(sha256(directory)).substr(0, 32));
  }
  std::shared_ptr<Index> open(const std::string& directory, const std::string& folder,
                              FileChoice choice);
  void make_room();
  void end_doomed();
  std::vector<std::shared_ptr<Index>> indexes_for(const SearchQuery& query);
  Task<Result<void>> read_changes(Ctx ctx, Index& index, const Payer& payer, SearchAnswer& answer);
  Task<Result<void>> embed_chunks(Ctx ctx, Index& index, const Payer& payer, SearchAnswer& answer);
  Task<Vector> vector_of(Ctx ctx, const SearchQuery& query, SearchAnswer& answer);
  std::vector<Ranked> ranked(const std::vector<Seen>& seen, const SearchQuery& query) const;
  Ranked weighed(const Seen& from, const Candidate& candidate, double words_best) const;

  SearchConfig config_;
  Deps deps_;
  std::map<std::string, Slot> slots_;  // by the database's path
  std::uint64_t uses_ = 0;
};

std::shared_ptr<Index> SearchImpl::open(const std::string& directory, const std::string& folder,
                                        FileChoice choice) {
  const std::string file = file_of(directory, folder);
  Slot& slot = slots_[file];
  slot.used = ++uses_;
  if (!slot.index) {
    slot.index = std::make_shared<Index>(
        deps_.loop, IndexPlace{.directory = directory, .file = file, .choice = choice},
        deps_.embeddings);
  }
  std::shared_ptr<Index> index = slot.index;
  make_room();
  return index;
}

// The ones unused for longest go, unless somebody is at them.
void SearchImpl::make_room() {
  for (;;) {
    std::size_t bytes = 0;
    auto oldest = slots_.end();
    for (auto at = slots_.begin(); at != slots_.end(); ++at) {
      bytes += at->second.index->vector_bytes();
      const bool idle = at->second.index.use_count() == 1;
      if (idle && (oldest == slots_.end() || at->second.used < oldest->second.used)) oldest = at;
    }
    const bool full = slots_.size() > config_.indexes_open_max || bytes > config_.vector_mb_max
                                                                              << 20;
    if (!full || oldest == slots_.end()) return;
    slots_.erase(oldest);
  }
}

void SearchImpl::forget(const std::string& directory, const std::string& index) {
  const std::string file = file_of(directory, index);
  const auto slot = slots_.find(file);
  if (slot == slots_.end()) {
    Index(deps_.loop, IndexPlace{.directory = directory, .file = file, .choice = {}},
          deps_.embeddings)
        .destroy();
    return;
  }
  slot->second.doomed = true;
  end_doomed();
}

void SearchImpl::end_doomed() {
  std::erase_if(slots_, [](const auto& item) {
    const Slot& slot = item.second;
    if (!slot.doomed || slot.index.use_count() > 1) return false;
    slot.index->destroy();
    return true;
  });
}

std::vector<std::shared_ptr<Index>> SearchImpl::indexes_for(const SearchQuery& query) {
  using Scope = SearchQuery::Scope;
  std::vector<std::shared_ptr<Index>> indexes;
  std::error_code ignored;
  const auto there = [&ignored](const std::string& path) {
    return std::filesystem::is_directory(path, ignored);
  };
  if (query.scope != Scope::kShared && (config_.memory || config_.sessions) &&
      there(query.directory)) {
    indexes.push_back(open(query.directory, query.index,
                           {.memory = config_.memory, .sessions = config_.sessions}));
  }
  if (query.scope != Scope::kSelf && config_.shared && there(config_.shared_path))
    indexes.push_back(open(config_.shared_path, deps_.shared_index, {.shared = true}));
  return indexes;
}

Task<Result<void>> SearchImpl::read_changes(Ctx ctx, Index& index, const Payer& payer,
                                            SearchAnswer& answer) {
  const Ctx bounded = ctx.within(config_.refresh);
  IndexState state;
  do {
    SKEP_CO_TRY(state, co_await index.refresh(ctx));
  } while (state.more && bounded.check());
  if (state.more)
    answer.notes.emplace_back("Not everything has been read yet; search again for the rest.");
  if (state.unplaced > 0 && deps_.embeddings.remote)
    co_return co_await embed_chunks(std::move(ctx), index, payer, answer);
  co_return Result<void>{};
}

Task<Result<void>> SearchImpl::embed_chunks(Ctx ctx, Index& index, const Payer& payer,
                                            SearchAnswer& answer) {
  for (std::size_t done = 0; done < config_.embedded_max;) {
    SKEP_CO_TRY(Index::Unplaced chunks, co_await index.unplaced(ctx, deps_.embeddings.texts_max));
    if (chunks.ids.empty()) co_return Result<void>{};
    done += chunks.ids.size();
    auto vectors = co_await deps_.embeddings.remote(ctx, payer, std::move(chunks.texts));
    if (!vectors) {
      answer.notes.push_back(fmt::format("What is new could only be searched by its words: {}.",
                                         vectors.error().message));
      co_return Result<void>{};
    }
    SKEP_CO_TRY_VOID(co_await index.place(ctx, std::move(chunks.ids), *std::move(vectors)));
  }
  answer.notes.emplace_back("A part could only be searched by its words so far.");
  co_return Result<void>{};
}

Task<Vector> SearchImpl::vector_of(Ctx ctx, const SearchQuery& query, SearchAnswer& answer) {
  if (deps_.embeddings.local) co_return deps_.embeddings.local(query.text);
  std::vector<std::string> texts{query.text};
  auto vectors = co_await deps_.embeddings.remote(std::move(ctx), query.payer, std::move(texts));
  if (vectors && vectors->size() == 1) co_return std::move(vectors->front());
  if (!vectors) {
    std::string note = fmt::format("Searched by words only: {}.", vectors.error().message);
    if (std::ranges::find(answer.notes, note) == answer.notes.end())
      answer.notes.push_back(std::move(note));
  }
  co_return Vector();
}

Ranked SearchImpl::weighed(const Seen& from, const Candidate& candidate, double words_best) const {
  Ranked one{.from = &from, .candidate = &candidate};
  SearchHit& hit = one.hit;
  hit = {.source = std::string(name_of(candidate.source)),
         .path = candidate.path,
         .place = candidate.chunk.place,
         .who = candidate.chunk.who,
         .at = candidate.chunk.at,
         .text = candidate.chunk.text,
         .taint = candidate.chunk.taint};
  hit.words = words_best > 0 ? candidate.words / words_best : 0;
  hit.near = candidate.cosine >= config_.cosine_min ? std::min(1.0F, candidate.cosine) : 0.0F;
  const WallTime fresh = std::max(candidate.used, candidate.chunk.at.value_or(WallTime{}));
  if (ages(candidate.source) && fresh > WallTime{})
    hit.confidence = confidence_after(deps_.clock.now() - fresh);
  hit.score = (config_.vector_weight * hit.near + config_.keyword_weight * hit.words) *
              (kAgeless + (1 - kAgeless) * hit.confidence);
  return one;
}

std::vector<Ranked> SearchImpl::ranked(const std::vector<Seen>& seen,
                                       const SearchQuery& query) const {
  double words_best = 0;
  for (const Seen& one : seen) {
    for (const Candidate& candidate : one.candidates)
      words_best = std::max(words_best, candidate.words);
  }
  std::vector<Ranked> all;
  for (const Seen& one : seen) {
    for (const Candidate& candidate : one.candidates) {
      const bool own = !query.turn.empty() && candidate.chunk.turn == query.turn;
      if (own) continue;
      Ranked ranked = weighed(one, candidate, words_best);
      if (ranked.hit.score > 0) all.push_back(std::move(ranked));
    }
  }
  std::ranges::stable_sort(
      all, [](const Ranked& a, const Ranked& b) { return a.hit.score > b.hit.score; });
  std::set<std::string> texts;  // the same words twice are one answer
  std::erase_if(all, [&](const Ranked& one) { return !texts.insert(one.hit.text).second; });
  if (all.size() > query.hits_max) all.resize(query.hits_max);
  return all;
}

Task<Result<SearchAnswer>> SearchImpl::find(Ctx ctx, SearchQuery query) {
  SearchAnswer answer;
  query.text = cut_utf8(query.text, kQueryBytesMax);
  std::vector<Seen> seen;
  for (std::shared_ptr<Index>& index : indexes_for(query)) seen.push_back({.index = index});
  for (Seen& one : seen)
    SKEP_CO_TRY_VOID(co_await read_changes(ctx, *one.index, query.payer, answer));
  RankQuery rank{.words = words_of_query(query.text)};
  if (!seen.empty()) rank.vector = co_await vector_of(ctx, query, answer);
  for (Seen& one : seen) {
    SKEP_CO_TRY(one.candidates, co_await one.index->rank(ctx, rank));
  }
  std::vector<Ranked> best = ranked(seen, query);
  for (Seen& one : seen) {
    std::vector<std::int64_t> ids;
    for (const Ranked& ranked : best) {
      if (ranked.from == &one) ids.push_back(ranked.candidate->id);
    }
    if (ids.empty()) continue;
    // An answer that cannot be marked as used is an answer all the same.
    auto touched = co_await one.index->touch(ctx, std::move(ids), deps_.clock.now());
    if (!touched) log::debug("memory", "search: {}", touched.error().to_string());
  }
  for (Ranked& one : best) answer.hits.push_back(std::move(one.hit));
  seen.clear();
  end_doomed();
  make_room();
  co_return answer;
}

}  // namespace

double confidence_after(std::chrono::milliseconds unused) {
  constexpr double kWeekMs = 7.0 * 24 * 3600 * 1000;
  const double weeks = std::floor(static_cast<double>(unused.count()) / kWeekMs);
  return weeks <= 0 ? 1 : std::max(0.1, std::pow(0.9, weeks));
}

std::unique_ptr<Search> Search::make(SearchConfig config, Deps deps) {
  return std::make_unique<SearchImpl>(std::move(config), std::move(deps));
}

}  // namespace skep::memory
