#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "command_line.h"
#include "configure.h"
#include "daemon.h"
#include "foreground.h"
#include "skep/base/log.h"

namespace skep::cli {

namespace {

// What processes of nodes need to find the same configuration.
std::vector<std::string> node_arguments(const Options& options) {
  std::vector<std::string> words{"--home", std::filesystem::absolute(options.home).string()};
  if (options.config_path) {
    words.emplace_back("--config");
    words.push_back(std::filesystem::absolute(*options.config_path).string());
  }
  if (options.verbose) words.emplace_back("--verbose");
  return words;
}

// From start to clean end.
class Up {
 public:
  Up(Loop& loop, const Options& options, kernel::KernelConfig config)
      : loop_(loop), options_(options), foreground_(loop), config_(std::move(config)) {
    foreground_.on_hang_up([this] { (void)reload(); });
  }

  Task<int> run() {
    Daemon::Callbacks callbacks;
    callbacks.shutdown = [this] { foreground_.request_stop(); };
    callbacks.fatal = [this](const Error& error) { foreground_.fail_with(error); };
    callbacks.node_arguments = node_arguments(options_);
    callbacks.reload = [this] { return reload(); };
    auto daemon = co_await Daemon::start(loop_, config_, /*networks=*/true, std::move(callbacks));
    if (!daemon) co_return report(daemon.error());
    kernel_ = &(*daemon)->kernel();
    announce(**daemon);
    co_await foreground_.until_stopped();
    log::info("skep", "stopping");
    kernel_ = nullptr;
    co_await (*daemon)->stop();
    log::info("skep", "stopped");
    co_return foreground_.failure() ? report(*foreground_.failure()) : 0;
  }

 private:
  std::string reload() { return read_again(options_, kernel_); }
  static void announce(Daemon& daemon) {
    const kernel::Kernel& kernel = daemon.kernel();
    const llm::Choice& choice = kernel.model_choice();
    fmt::print("model: {} ({}): {}\n", choice.config.provider, choice.config.model, choice.why);
    fmt::print("ready: http://{} agent \"{}\", home {}\n", daemon.address(),
               kernel.config().agent.name, kernel.config().home);
    std::fflush(stdout);
  }

  Loop& loop_;
  const Options& options_;
  Foreground foreground_;
  kernel::KernelConfig config_;
  kernel::Kernel* kernel_ = nullptr;  // while it runs
};

}  // namespace

int run_up(const Options& options) {
  std::optional<kernel::KernelConfig> config = configure_or_report(options);
  if (!config) return kExitConfig;
  log::configure(
      {.level = options.verbose ? log::Level::kDebug : log::level_named(config->log_level),
       .file = config->log_file});
  Loop loop;
  Up up(loop, options, *std::move(config));
  return loop.run(up.run());
}

}  // namespace skep::cli
