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
  Up(Loop& loop, kernel::KernelConfig config) : loop_(loop), config_(std::move(config)) {}

  Task<int> run() {
    loop_.on_signals([this](int signal) { on_signal(signal); });
    Daemon::Callbacks callbacks;
    callbacks.shutdown = [this] { request_stop(); };
    callbacks.fatal = [this](const Error& error) { fail_with(error); };
    auto daemon = co_await Daemon::start(loop_, config_, /*networks=*/true, std::move(callbacks));
    if (!daemon) co_return report(daemon.error());
    announce(**daemon);
    const Ctx forever;
    while (!stopping_) (void)co_await stop_.wait(forever);
    log::info("skep", "stopping");
    co_await (*daemon)->stop();
    log::info("skep", "stopped");
    co_return failure_ ? report(*failure_) : 0;
  }

 private:
  void on_signal(int signal) {
    if (signal == SIGHUP) return;  // a closed terminal does not end a daemon
    if (stopping_) _exit(130);     // asked twice: at once; the journal keeps what is unfinished
    request_stop();
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
  kernel::KernelConfig config_;
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
  Up up(loop, *std::move(config));
  return loop.run(up.run());
}

}  // namespace skep::cli
