// Hybrid search over many chunks, through memory::Search: one person's sessions, of words as
// frequent as words are (the n-th a share of 1/n). Then how many of the truly nearest vectors the
// packed ones find.
//
//   bench_search FOLDER [CHUNKS]    prints one line of JSON
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>

#include "measure.h"
#include "skep/base/log.h"
#include "skep/memory/memory.h"
#include "skep/memory/search.h"
#include "vectors.h"

namespace skep::bench {
namespace {

constexpr std::size_t kWords = 30'000;   // in the language
constexpr std::size_t kInAText = 40;     // words of a message
constexpr std::size_t kInAFile = 1'000;  // messages
constexpr std::size_t kQueries = 300;
constexpr std::size_t kInAQuery = 8;
constexpr std::size_t kNearest = 10;

class Language {
 public:
  Language() {
    double sum = 0;
    for (std::size_t n = 1; n <= kWords; ++n) share_.push_back(sum += 1.0 / static_cast<double>(n));
    std::uniform_int_distribution<int> letter('a', 'z'), length(3, 9);
    for (std::size_t n = 0; n < kWords; ++n) {
      std::string word;
      for (int i = length(random_); i > 0; --i) word += static_cast<char>(letter(random_));
      words_.push_back(std::move(word));
    }
  }
  std::string text(std::size_t words) {
    std::uniform_real_distribution<double> pick(0, share_.back());
    std::string out;
    for (std::size_t i = 0; i < words; ++i) {
      const auto at = std::ranges::lower_bound(share_, pick(random_)) - share_.begin();
      out += (out.empty() ? "" : " ") + words_[static_cast<std::size_t>(at)];
    }
    return out;
  }

 private:
  std::mt19937 random_{4711};
  std::vector<double> share_;
  std::vector<std::string> words_;
};

std::vector<std::string> write_sessions(memory::Memory& memory, Language& language,
                                        std::size_t chunks) {
  std::vector<std::string> texts;
  for (std::size_t number = 0; texts.size() < chunks; ++number) {
    const Conversation who{"bench", "ann@example.org", fmt::format("thread {}", number)};
    std::vector<memory::TranscriptEntry> entries;
    for (std::size_t i = 0; i < kInAFile && texts.size() < chunks; ++i) {
      texts.push_back(language.text(kInAText));
      entries.emplace_back(
          memory::TranscriptMessage{.content = texts.back(), .ts = Clock::system().now()});
    }
    if (auto kept = memory.append_all(who, entries); !kept) die(kept.error().to_string());
  }
  return texts;
}

double milliseconds_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

double at_share(std::vector<double>& sorted, double share) {
  std::ranges::sort(sorted);
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

class Searched {
 public:
  Searched(Loop& loop, const std::string& folder, memory::Memory& memory) : loop_(loop) {
    query_ = {.directory = memory.directory({"bench", "ann@example.org", ""}),
              .index = folder + "/index",
              .hits_max = 8};
    memory::SearchConfig config;
    config.shared_path = folder + "/memory/shared";
    search_ = memory::Search::make(config, {.loop = loop,
                                            .clock = Clock::system(),
                                            .embeddings = memory::hashed_embeddings(),
                                            .shared_index = folder + "/index"});
  }
  memory::SearchAnswer ask(std::string text) {
    query_.text = std::move(text);
    auto found = loop_.run(search_->find(Ctx{}, query_));
    if (!found) die(found.error().to_string());
    return *std::move(found);
  }
  void read_all() {
    while (!ask("nothing").notes.empty()) {
    }
  }

 private:
  Loop& loop_;
  memory::SearchQuery query_;
  std::unique_ptr<memory::Search> search_;
};

// The share of the truly nearest that are among the nearest of the packed ones.
double recall(const std::vector<std::string>& texts, const std::vector<std::string>& queries,
              double& scan_ms) {
  const memory::Embeddings embeddings = memory::hashed_embeddings();
  std::vector<memory::Vector> exact;
  memory::VectorSet packed;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    exact.push_back(embeddings.local(texts[i]));
    packed.add(static_cast<std::int64_t>(i), memory::pack_vector(exact.back()));
  }
  std::size_t found = 0;
  std::vector<double> scans;
  for (const std::string& text : queries) {
    const memory::Vector query = embeddings.local(text);
    std::vector<std::pair<float, std::int64_t>> all;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      float sum = 0;
      for (std::size_t d = 0; d < query.size(); ++d) sum += query[d] * exact[i][d];
      all.emplace_back(-sum, static_cast<std::int64_t>(i));
    }
    std::ranges::partial_sort(all, all.begin() + kNearest);
    const auto start = Steady::now();
    const auto near = packed.nearest(query, kNearest);
    scans.push_back(milliseconds_since(start));
    std::set<std::int64_t> ids;
    for (const memory::Near& one : near) ids.insert(one.id);
    for (std::size_t i = 0; i < kNearest; ++i) found += ids.contains(all[i].second) ? 1 : 0;
  }
  scan_ms = at_share(scans, 0.5);
  return static_cast<double>(found) / static_cast<double>(queries.size() * kNearest);
}

void run(const std::string& folder, std::size_t chunks) {
  Loop loop;
  auto memory = memory::Memory::open({.path = folder + "/memory"});
  if (!memory) die(memory.error().to_string());
  Language language;
  const std::vector<std::string> texts = write_sessions(**memory, language, chunks);
  Searched searched(loop, folder, **memory);
  auto start = Steady::now();
  searched.read_all();
  const double reading = milliseconds_since(start);
  std::vector<std::string> queries;
  for (std::size_t i = 0; i < kQueries; ++i) queries.push_back(language.text(kInAQuery));
  std::vector<double> times;
  for (const std::string& query : queries) {
    start = Steady::now();
    if (searched.ask(query).hits.empty()) die("a query found nothing");
    times.push_back(milliseconds_since(start));
  }
  double scan = 0;
  queries.resize(100);
  const double found = recall(texts, queries, scan);
  print_line(fmt::format(
      R"({{"chunks":{},"reading_ms":{:.0f},"p50_ms":{:.2f},"p99_ms":{:.2f},"scan_ms":{:.2f},"recall":{:.4f}}})",
      texts.size(), reading, at_share(times, 0.5), at_share(times, 0.99), scan, found));
}

}  // namespace
}  // namespace skep::bench

int main(int argc, char** argv) {
  if (argc < 2) skep::bench::die("usage: bench_search FOLDER [CHUNKS]");
  skep::bench::run(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100'000);
}
