#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "command_line.h"
#include "configure.h"
#include "foreground.h"
#include "skep/base/log.h"
#include "skep/kernel/kernel.h"

namespace skep::cli {

namespace {

// One node of a home, linked to a router of it.
Task<int> run_kernel(Loop& loop, Foreground& foreground, const Options& given,
                     kernel::KernelConfig config, kernel::NodeKind kind) {
  kernel::Kernel* running = nullptr;
  const auto reload = [&given, &running] { return read_again(given, running); };
  foreground.on_hang_up([reload] { (void)reload(); });
  kernel::KernelOptions options{
      .fatal = [&foreground](const Error& error) { foreground.fail_with(error); },
      .only = kind,
      .reload = reload};
  auto kernel = co_await kernel::Kernel::open(loop, std::move(config), std::move(options));
  if (!kernel) co_return report(kernel.error());
  running = kernel->get();
  fmt::print("ready: node {}, pid {}\n", kernel::kind_name(kind), ::getpid());
  std::fflush(stdout);
  co_await foreground.until_stopped();
  log::info("skep", "stopping");
  running = nullptr;
  const Ctx ctx;
  const Ctx brief = ctx.within(std::chrono::seconds(5));
  co_await (*kernel)->close(brief);
  log::info("skep", "stopped");
  co_return foreground.failure() ? report(*foreground.failure()) : 0;
}

int refuse(std::string_view what) {
  fmt::print(stderr, "skep: {}\n", what);
  return kExitConfig;
}

}  // namespace

int run_node(const Options& options) {
  const auto kind = kernel::kind_named(options.name);
  if (!kind) {
    fmt::print(stderr, "skep: there is no node \"{}\"; there are agent and xmpp\n", options.name);
    return kExitUsage;
  }
  std::optional<kernel::KernelConfig> config = configure_or_report(options);
  if (!config) return kExitConfig;
  if (config->nodes.where(*kind) == kernel::NodesConfig::Where::kInside) {
    return refuse(
        fmt::format("[nodes] {} is \"inside\": the process of `skep up` has it. Set it to "
                    "\"process\" or \"by hand\" first",
                    options.name));
  }
  if (*kind == kernel::NodeKind::kXmpp && !config->has_xmpp())
    return refuse("there is no [server] in the configuration, so there is no XMPP");
  log::configure(
      {.level = options.verbose ? log::Level::kDebug : log::level_named(config->log_level),
       .file = config->log_file});
  Loop loop;
  Foreground foreground(loop);
  return loop.run(run_kernel(loop, foreground, options, *std::move(config), *kind));
}

}  // namespace skep::cli
