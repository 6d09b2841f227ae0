#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "command_line.h"
#include "configure.h"
#include "daemon.h"
#include "skep/base/log.h"

namespace skep::cli {

namespace {

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "warn") return log::Level::kWarn;
  if (name == "error") return log::Level::kError;
  return log::Level::kInfo;
}

// From start to clean end. `failure` is set when something ended the daemon that trying again
// cannot mend.
class Up {
 public:
  Up(Loop& loop, const Options& options, kernel::KernelConfig config)
      : loop_(loop), options_(options), config_(std::move(config)) {}

  Task<int> run() {
    loop_.on_signals([this](int signal) { on_signal(signal); });
    Daemon::Callbacks callbacks;
    callbacks.shutdown = [this] { request_stop(); };
    callbacks.fatal = [this](const Error& error) { fail_with(error); };
    callbacks.reload = [this] { return reload(); };
    auto daemon = co_await Daemon::start(loop_, config_, /*networks=*/true, std::move(callbacks));
    if (!daemon) co_return report(daemon.error());
    kernel_ = &(*daemon)->kernel();
    announce(**daemon);
    const Ctx forever;
    while (!stopping_) (void)co_await stop_.wait(forever);
    log::info("skep", "stopping");
    kernel_ = nullptr;
    co_await (*daemon)->stop();
    log::info("skep", "stopped");
    co_return failure_ ? report(*failure_) : 0;
  }

 private:
  void on_signal(int signal) {
    // Also what a closed terminal sends, and that does not end a daemon.
    if (signal == SIGHUP) return (void)reload();
    if (stopping_) _exit(130);  // asked twice: at once; the journal keeps what is unfinished
    request_stop();
  }
  // What is wrong with the file is said, and then everything stays as it was.
  std::string reload() {
    if (kernel_ == nullptr) return "The daemon is not ready.";
    std::vector<ConfigProblem> problems;
    const auto config = configure(options_, problems);
    for (const ConfigProblem& problem : problems)
      log::error("skep", "{}: {}", problem.where, problem.message);
    if (!config) {
      log::error("skep", "the configuration is not read again: {}", config.error().message);
      return fmt::format("The configuration has problems, so nothing changed: {}.",
                         problems.empty()
                             ? config.error().message
                             : problems.front().where + ": " + problems.front().message);
    }
    kernel_->reload(*config);
    log::info("skep", "read again who may talk to the agent and who administers");
    return "Read again: who may talk to me and who administers. Everything else takes a restart.";
  }
  void request_stop() {
    stopping_ = true;
    stop_.notify_all();
  }
  void fail_with(const Error& error) {
    failure_ = error;
    request_stop();
  }
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
  kernel::KernelConfig config_;
  kernel::Kernel* kernel_ = nullptr;  // while it runs
  Signal stop_;
  bool stopping_ = false;
  std::optional<Error> failure_;
};

}  // namespace

int run_up(const Options& options) {
  std::optional<kernel::KernelConfig> config = configure_or_report(options);
  if (!config) return kExitConfig;
  log::configure({.level = options.verbose ? log::Level::kDebug : level_of(config->log_level),
                  .file = config->log_file});
  Loop loop;
  Up up(loop, options, *std::move(config));
  return loop.run(up.run());
}

}  // namespace skep::cli
