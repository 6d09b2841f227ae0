#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "command_line.h"
#include "configure.h"
#include "skep/base/log.h"
#include "skep/kernel/fabric_side.h"

namespace skep::cli {

namespace {

// One more router of the home's hive, without agent and channels: nodes may sit at it, and it goes
// on when `skep up` ends.
class RouterProcess {
 public:
  RouterProcess(Loop& loop, kernel::KernelConfig config, std::string name)
      : loop_(loop), config_(std::move(config)), name_(std::move(name)) {}

  Task<int> run() {
    loop_.on_signals([this](int signal) { on_signal(signal); });
    Result<void> opened = open();
    if (!opened) {
      if (books_) co_await books_->close({});
      co_return report(opened.error());
    }
    fmt::print("ready: router {}@{}, socket {}\n", name_, config_.hive, side_->socket_path());
    std::fflush(stdout);
    const Ctx forever;
    while (!stopping_) (void)co_await stop_.wait(forever);
    const Ctx brief = forever.within(std::chrono::seconds(3));
    co_await side_->close(brief);
    side_.reset();
    co_await books_->close(brief);
    books_.reset();
    log::info("skep", "stopped");
    co_return 0;
  }

 private:
  Result<void> open() {
    const Name agent = Name::from_label(NodeType::kAgent, config_.agent.name, config_.hive);
    SKEP_TRY(router_, fabric::Router::open(
                          {.hive = config_.hive, .name = name_, .default_target = agent.str()}));
    config_.fabric.gateway = false;  // that is the daemon's router, which has the sessions
    SKEP_TRY(books_, kernel::FabricBooks::open(loop_, *router_, config_.books(false, name_)));
    SKEP_TRY(side_, kernel::FabricSide::open(loop_, *router_, *books_, config_.fabric, config_.home,
                                             /*rules_writer=*/false));
    return {};
  }
  void on_signal(int signal) {
    if (signal == SIGHUP) return;  // a closed terminal does not end it
    if (stopping_) _exit(130);     // asked twice
    stopping_ = true;
    stop_.notify_all();
  }

  Loop& loop_;
  kernel::KernelConfig config_;
  std::string name_;
  Signal stop_;
  bool stopping_ = false;
  std::unique_ptr<fabric::Router> router_;
  std::unique_ptr<kernel::FabricBooks> books_;
  std::unique_ptr<kernel::FabricSide> side_;
};

}  // namespace

int run_router(const Options& options) {
  std::optional<kernel::KernelConfig> config = configure_or_report(options);
  if (!config) return kExitConfig;
  const Result<Name> name = Name::parse(options.name, config->hive);
  if (!name || name->type() != NodeType::kRouter || name->hive() != config->hive) {
    fmt::print(stderr, "skep: \"{}\" is no router's name of hive \"{}\"; use one like RT.two\n",
               options.name, config->hive);
    return kExitUsage;
  }
  if (name->base() == config->fabric.router) {
    fmt::print(stderr, "skep: {} is the router of `skep up` itself; give this one another name\n",
               name->base());
    return kExitUsage;
  }
  log::configure({.level = options.verbose ? log::Level::kDebug : log::Level::kInfo,
                  .file = config->log_file});
  Loop loop;
  RouterProcess process(loop, *std::move(config), std::string(name->base()));
  return loop.run(process.run());
}

}  // namespace skep::cli
