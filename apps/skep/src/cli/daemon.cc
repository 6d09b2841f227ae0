#include "daemon.h"

namespace skep::cli {

Task<Result<std::unique_ptr<Daemon>>> Daemon::start(Loop& loop, kernel::KernelConfig config,
                                                    bool networks, Callbacks callbacks) {
  auto daemon = std::make_unique<Daemon>();
  const std::string listen = config.api_listen;
  const std::string home = config.home;
  kernel::KernelOptions options{
      .networks = networks, .fatal = std::move(callbacks.fatal), .reload = callbacks.reload};
  options.node_arguments = std::move(callbacks.node_arguments);
  SKEP_CO_TRY(daemon->kernel_,
              co_await kernel::Kernel::open(loop, std::move(config), std::move(options)));

  api::Api::Deps deps{.loop = loop,
                      .kernel = *daemon->kernel_,
                      .shutdown = std::move(callbacks.shutdown),
                      .reload = std::move(callbacks.reload)};
  auto api = co_await api::Api::open(listen, home, std::move(deps));
  if (!api) {
    const Ctx ctx;
    co_await daemon->kernel_->close(ctx.within(std::chrono::seconds(2)));
    co_return fail(std::move(api).error());
  }
  daemon->api_ = *std::move(api);
  co_return daemon;
}

Task<void> Daemon::stop() {
  const Ctx ctx;
  const Ctx kernel_time = ctx.within(std::chrono::seconds(8));
  co_await kernel_->close(kernel_time);
  const Ctx api_time = ctx.within(std::chrono::seconds(1));
  co_await api_->close(api_time);
}

}  // namespace skep::cli
