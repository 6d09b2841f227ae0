// Two processes that talk through the router: `skep_peer SOCKET CPU_HERE CPU_THERE [shared]`, by
// the socket or by memory that is shared with the router. Orders: "run 1 COUNT ping:BYTES"
// request/reply; "run WINDOW COUNT oneway:BYTES" and "single:BYTES": a stream with WINDOW messages
// at most not yet acknowledged by the receiver, batched into 64 KiB writes or one write a message;
// "run 1 COUNT fanout:N": a broadcast to N nodes in this process; "run 1 COUNT visible:SOCKET":
// from a newcomer's connect() to another router until a message that this node sends it has arrived
// there. All sizes are of the words alone.
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <memory>

#include "../measure.h"
#include "node.h"

namespace skep::bench {
namespace {

std::string there_of(bool shared) { return shared ? "AI.shared.there" : "AI.there"; }

// Echoes what has the trace "p", counts the rest and gives credit back by halves of the window.
[[noreturn]] void answer(const std::string& socket, int cpu, bool shared) {
  end_with_parent();
  pin(cpu);
  Node node(socket, there_of(shared), shared);
  std::uint64_t heard = 0, window = 1;
  while (true) {
    const fabric::EnvelopeView& view = node.receive();
    if (view.trace == "p") {
      const std::size_t begin = view.payload.find("content\":\"") + 10;
      node.send(view.src.uuid.str(), "p",
                view.payload.substr(begin, view.payload.find('"', begin) - begin));
      node.flush();
    } else if (view.trace.starts_with("w")) {
      std::from_chars(view.trace.data() + 1, view.trace.data() + view.trace.size(), window);
      heard = 0;
    } else if (++heard % (window / 2) == 0 || view.trace == "end") {
      node.send(view.src.uuid.str(), "credit", "");
      node.flush();
    }
  }
}

// A node of another router can be reached once this one has heard of it; until then it says so.
void visible(Node& node, const std::string& other_router, int count) {
  Round round;
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("AI.fresh{}", i);
    const auto started = Steady::now();
    Node fresh(other_router, name);
    pollfd ends[2] = {{fresh.fd(), POLLIN, 0}, {node.fd(), POLLIN, 0}};
    while ((ends[0].revents & POLLIN) == 0) {
      node.send(name + "@bench", "v", "");
      node.flush();
      if (::poll(ends, 2, 10'000) <= 0) die("a message got lost");
      if ((ends[0].revents & POLLIN) == 0) node.receive_any();
    }
    round.add(started);
  }
  round.print();
}

struct Wanted {
  std::string what;
  std::size_t bytes = 0;
  std::string path;
};
Wanted wanted(const std::string& target) {
  const std::size_t colon = target.find(':');
  if (colon == std::string::npos) return {.what = target, .bytes = 0, .path = {}};
  const std::string what = target.substr(0, colon), rest = target.substr(colon + 1);
  if (what == "visible") return {.what = what, .path = rest};
  return {.what = what, .bytes = std::stoul(rest)};
}

void ping(Node& node, const std::string& there, int count, const std::string& words) {
  Round round;
  for (int i = 0; i < count; ++i) {
    const auto started = Steady::now();
    node.send(there, "p", words);
    node.flush();
    if (node.receive().trace != "p") die("a stray answer");
    round.add(started);
  }
  round.print();
}

void stream(Node& node, const std::string& there, int window, int count, const std::string& words,
            bool batched) {
  node.send(there, fmt::format("w{}", window), "");
  node.flush();
  const int half = window / 2, credits = (count + half - 1) / half;
  Round round;
  const auto started = Steady::now();
  int heard = 0;
  for (int i = 1; i <= count; ++i) {
    node.send(there, i == count ? "end" : "x", words);
    if (!batched) node.flush();
    if (i - heard * half < window && i < count) continue;
    node.flush();
    for (bool last = i == count; heard < credits && (last || i - heard * half >= window); ++heard) {
      if (node.receive().trace != "credit") die("a stray answer");
    }
  }
  round.add_stream(started, count);
  round.print();
}

void fanout(Node& node, std::vector<std::unique_ptr<Node>>& ears, int count) {
  Round round;
  for (int i = 0; i < count; ++i) {
    const auto started = Steady::now();
    node.send("broadcast", Uuid::random().str(), "hello everybody");  // known again by its trace
    node.flush();
    for (auto& ear : ears) ear->receive();
    round.add(started);
  }
  round.print();
}

// A thousand nodes are a thousand descriptors.
void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const std::string& socket, int cpu_here, int cpu_there, bool shared) {
  raise_descriptor_limit();
  const pid_t child = ::fork();
  if (child == 0) answer(socket, cpu_there, shared);
  pin(cpu_here);
  const std::string there = there_of(shared) + "@bench";
  Node node(socket, shared ? "AI.shared.here" : "AI.here", shared);
  ::usleep(100'000);  // the other registers
  std::vector<std::unique_ptr<Node>> ears;
  print_line("ready");
  while (const auto order = read_order()) {
    const Wanted want = wanted(order->target);
    const std::string words(want.bytes, 'w');
    if (want.what == "ping") {
      ping(node, there, order->count, words);
    } else if (want.what == "oneway" || want.what == "single") {
      stream(node, there, order->in_flight, order->count, words, want.what == "oneway");
    } else if (want.what == "visible") {
      visible(node, want.path, order->count);
    } else if (want.what == "fanout") {
      for (std::size_t i = ears.size(); i < want.bytes; ++i)
        ears.push_back(std::make_unique<Node>(socket, "AI.ear"));
      fanout(node, ears, order->count);
    } else {
      die("no such order: " + order->target);
    }
  }
  ::kill(child, SIGTERM);
  ::waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace skep::bench

int main(int argc, char** argv) {
  const bool shared = argc == 5 && std::string_view(argv[4]) == "shared";
  if (argc != 4 && !shared) return 64;
  return skep::bench::run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]), shared);
}
