// What one question to the route table costs, with few and many nodes that are not addressed, with
// and without static routes; and what a node costs that comes and goes.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

#include "skep/fabric/routes.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace
void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace skep::fabric {
namespace {

std::string worker(std::size_t i) { return fmt::format("AI.worker.n{}@bench", i); }

void fill(RouteTable& table, std::size_t nodes) {
  for (std::size_t i = 0; i < nodes; ++i) {
    (void)table.add({.id = NodeId{Uuid::random()}, .name = *Name::parse(worker(i))});
  }
}

Rules many_routes() {
  Rules rules;
  for (int i = 0; i < 500; ++i) {
    rules.routes.push_back({{fmt::format("AI.old.n{}@bench", i), Match::kExact},
                            StaticRoute::Action::kDrop,
                            "",
                            100,
                            0});
    rules.routes.push_back({{fmt::format("AI.team{}.*", i), Match::kPrefix},
                            StaticRoute::Action::kFallback,
                            "@farm",
                            100,
                            0});
  }
  return rules;
}

// Names in random order, one after the other in memory, as a message just read has its own in the
// cache.
class Names {
 public:
  explicit Names(std::size_t nodes) {
    std::vector<std::size_t> order(std::min<std::size_t>(nodes * 8, 1u << 20));
    std::mt19937_64 random(1);
    for (std::size_t& i : order) i = random() % nodes;
    for (std::size_t i : order) {
      begins_.push_back(text_.size());
      text_ += worker(i);
    }
    begins_.push_back(text_.size());
  }
  std::string_view next() {
    if (++at_ + 1 == begins_.size()) at_ = 0;
    return std::string_view(text_).substr(begins_[at_], begins_[at_ + 1] - begins_[at_]);
  }

 private:
  std::string text_;
  std::vector<std::size_t> begins_;
  std::size_t at_ = 0;
};

void ask(benchmark::State& state, const Rules& rules) {
  RouteTable table("bench");
  fill(table, static_cast<std::size_t>(state.range(0)));
  table.set_rules(rules);
  Names names(static_cast<std::size_t>(state.range(0)));
  const Asker asker{.zone = 0, .hive = "bench", .thread = "thread:sha256:0123456789abcdef"};
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    const Decision d = table.ask(names.next(), asker);
    if (d.node == nullptr) state.SkipWithError("not found");
    benchmark::DoNotOptimize(d.node);
  }
  state.counters["allocs"] = benchmark::Counter(static_cast<double>(allocations - before),
                                                benchmark::Counter::kAvgIterations);
  state.SetItemsProcessed(state.iterations());
}

void BM_AskExactName(benchmark::State& state) { ask(state, {}); }
void BM_AskExactNameBesideAThousandRoutes(benchmark::State& state) { ask(state, many_routes()); }
BENCHMARK(BM_AskExactName)->Arg(10)->Arg(1'000)->Arg(50'000)->Arg(100'000);
BENCHMARK(BM_AskExactNameBesideAThousandRoutes)->Arg(1'000)->Arg(100'000);

// One node is addressed; the others are only there.
void BM_AskOneNameAmongOthers(benchmark::State& state) {
  RouteTable table("bench");
  fill(table, static_cast<std::size_t>(state.range(0)));
  const std::string name = worker(3);
  const Asker asker{.zone = 0, .hive = "bench", .thread = "thread:sha256:0123456789abcdef"};
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.ask(name, asker).node);
  }
}
BENCHMARK(BM_AskOneNameAmongOthers)->Arg(10)->Arg(1'000)->Arg(50'000)->Arg(100'000);

void BM_RendezvousAmongFour(benchmark::State& state) {
  RouteTable table("bench");
  for (int i = 0; i < 4; ++i) fill(table, static_cast<std::size_t>(state.range(0)) / 4);
  const std::string name = worker(1);
  const Asker asker{.zone = 0,
                    .hive = "bench",
                    .thread =
                        "thread:sha256:"
                        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.ask(name, asker).node);
  }
}
BENCHMARK(BM_RendezvousAmongFour)->Arg(1'000)->Arg(100'000);

void BM_NodeComesAndGoes(benchmark::State& state) {
  RouteTable table("bench");
  fill(table, static_cast<std::size_t>(state.range(0)));
  const Name name = *Name::parse("AI.visitor@bench");
  for (auto _ : state) {
    const NodeId id{Uuid::random()};
    (void)table.add({.id = id, .name = name});
    table.remove(id);
  }
}
BENCHMARK(BM_NodeComesAndGoes)->Arg(10)->Arg(1'000)->Arg(50'000)->Arg(100'000);

}  // namespace
}  // namespace skep::fabric
