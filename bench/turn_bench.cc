// One-tool turns through the whole house below the network: this program opens a Kernel in its
// process, attaches itself to the router as a channel and talks to the agent like any channel does,
// journal and transcripts on. In a home with an agent "sleeper" the target "stuck" has that one
// wait in a tool all the time.
//
//   bench_turn HOME [--text TEXT]     HOME/skep.toml names the model; prints the reply's text
//   instead of measuring
#include <fmt/format.h>

#include <cstring>
#include <memory>

#include "people.h"
#include "skep/base/log.h"
#include "skep/kernel/kernel.h"

namespace skep::bench {

namespace {

std::unique_ptr<kernel::Kernel> open_kernel(Loop& loop, const std::string& home) {
  auto file = kernel::load_config(home, std::nullopt);
  if (!file) die(file.error().to_string());
  kernel::KernelConfig config = kernel::KernelConfig::read(*file, home);
  for (const ConfigProblem& problem : file->problems()) die(problem.where + ": " + problem.message);
  auto kernel = loop.run(kernel::Kernel::open(loop, std::move(config), {.networks = false}));
  if (!kernel) die(kernel.error().to_string());
  return *std::move(kernel);
}

void serve(Loop& loop, kernel::Kernel& kernel, const char* text) {
  People people(loop);
  const std::string& hive = kernel.config().hive;
  auto port = kernel.router().attach(Name::from_label(NodeType::kChannel, "bench", hive),
                                     NodeId{Uuid::random()}, people);
  if (!port) die(port.error().to_string());
  const auto to = [&port](Name agent) {
    return [&port, agent = std::move(agent)](Message message) {
      message.dst = agent;
      return port->send(std::move(message));
    };
  };
  people.send_through(to(Name::from_label(NodeType::kAgent, kernel.config().agent.name, hive)));
  people.stuck_with(to(Name::from_label(NodeType::kAgent, "sleeper", hive)));
  if (text != nullptr) {
    people.accept_any_reply();
    loop.run(people.run({.in_flight = 1, .count = 1}, text));
    print_line(people.last_reply());
    return;
  }
  print_line(fmt::format("ready {}", kTurnsPerConversation));
  while (const auto order = read_order()) loop.run(people.run(*order, "What time is it, please?"));
}

}  // namespace

}  // namespace skep::bench

// NOLINTNEXTLINE(bugprone-exception-escape): an exception out of a benchmark ends it, as it should
int main(int argc, char** argv) {
  using namespace skep;
  const bool one = argc == 4 && std::strcmp(argv[2], "--text") == 0;
  if (argc != 2 && !one) bench::die("usage: bench_turn HOME [--text TEXT]");
  log::configure({.level = log::Level::kWarn});
  Loop loop;
  const auto kernel = bench::open_kernel(loop, argv[1]);
  bench::serve(loop, *kernel, one ? argv[3] : nullptr);
  loop.run(kernel->close(Ctx{}.within(std::chrono::seconds(5))));
}
