// What one hop through the router costs: stamp, look up, hand over, with few and many nodes
// attached.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <filesystem>

#include "skep/fabric/router.h"
#include "skep/fabric/turns.h"

namespace skep::fabric {
namespace {

struct Sink : Inbox {
  std::uint64_t messages = 0;
  Message last;
  Result<void> deliver(Message message) override {
    ++messages;
    last = std::move(message);
    return {};
  }
};

struct Hive {
  std::unique_ptr<Router> router = std::move(*Router::open({.hive = "bench"}));
  Sink sink;
  std::vector<Port> ports;
  explicit Hive(std::int64_t nodes) {
    for (std::int64_t i = 0; i < nodes; ++i) {
      Name name = *Name::parse(fmt::format("AI.worker.n{}@bench", i));
      ports.push_back(std::move(*router->attach(name, NodeId{Uuid::random()}, sink)));
    }
  }
};

template <class Choose>
void send_round_robin(benchmark::State& state, Choose destination) {
  Hive hive(state.range(0));
  Message message;
  message.id = MessageId(mint_ulid());
  message.parts = {TextPart{"hello"}};
  std::size_t next = 0;
  for (auto _ : state) {
    next = (next + 7919) % hive.ports.size();
    message.dst = destination(hive.ports[next]);
    benchmark::DoNotOptimize(hive.ports[0].send(std::move(message)));
    message = std::move(hive.sink.last);  // the receiver gives it back: what is timed is the hop
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_UnicastByNodeId(benchmark::State& state) {
  send_round_robin(state, [](const Port& port) { return Destination(port.id()); });
}
void BM_UnicastByName(benchmark::State& state) {
  send_round_robin(state, [](const Port& port) { return Destination(port.name()); });
}

// What numbering (second argument 1) adds to a message of a thread, of 1 or 1,000 threads.
void BM_MessageOfAThread(benchmark::State& state) {
  Hive hive(10);
  const std::string directory =
      (std::filesystem::temp_directory_path() / ("skep-bench-" + mint_ulid())).string();
  auto seq = *ThreadSeq::open(directory + "/thread_seq");
  if (state.range(1) == 1) number_threads(*hive.router, seq.get());
  std::vector<std::string> threads;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    threads.push_back(fmt::format("thread:sha256:{:064x}", i * 7919));
  Message message;
  message.id = MessageId(mint_ulid());
  message.dst = hive.ports[1].name();
  message.parts = {TextPart{"hello"}};
  std::size_t next = 0;
  for (auto _ : state) {
    next = (next + 1) % threads.size();
    message.meta["thread_id"] = threads[next];
    message.meta.erase("thread_seq");
    benchmark::DoNotOptimize(hive.ports[0].send(std::move(message)));
    message = std::move(hive.sink.last);
  }
  state.SetItemsProcessed(state.iterations());
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_MessageOfAThread)->ArgsProduct({{1, 1'000}, {0, 1}});

BENCHMARK(BM_UnicastByNodeId)->Arg(10)->Arg(1'000)->Arg(50'000);
BENCHMARK(BM_UnicastByName)->Arg(10)->Arg(1'000)->Arg(50'000);

}  // namespace
}  // namespace skep::fabric
