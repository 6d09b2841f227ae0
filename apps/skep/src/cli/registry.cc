#include "registry.h"

#include <fmt/format.h>

#include "configure.h"
#include "daemon.h"

namespace skep::cli {
namespace {

Task<Result<json::value>> run(Loop& loop, kernel::KernelConfig config, std::string path,
                              json::value body) {
  net::HttpClient::Deps deps{.loop = loop};
  SKEP_CO_TRY(auto http, net::HttpClient::open(std::move(deps)));
  const Ctx ctx;
  const std::string home = config.home;
  std::unique_ptr<Daemon> own;
  auto client = co_await api::Client::find(ctx, *http, home);
  if (!client) {
    config.api_listen = "127.0.0.1:0";
    Daemon::Callbacks callbacks;
    callbacks.shutdown = [] {};
    SKEP_CO_TRY(own, co_await Daemon::start(loop, std::move(config), /*networks=*/false,
                                            std::move(callbacks)));
    client = co_await api::Client::find(ctx, *http, home);
  }
  Result<json::value> answer = fail(Code::kUnavailable, "");
  if (!client) {
    answer = fail(std::move(client).error());
  } else if (body.is_null()) {
    answer = co_await (*client)->get(ctx, std::move(path));
  } else {
    answer = co_await (*client)->post(ctx, std::move(path), std::move(body));
  }
  if (own) co_await own->stop();
  co_return answer;
}

Result<json::value> ask(const Options& options, std::string path, json::value body) {
  std::optional<kernel::KernelConfig> config = configure_or_report(options);
  if (!config) return fail(Code::kInvalid, "the configuration has problems");
  Loop loop;
  return loop.run(run(loop, *std::move(config), std::move(path), std::move(body)));
}

}  // namespace

Result<json::value> Registry::get(const Options& options, std::string path) {
  return ask(options, std::move(path), nullptr);
}

Result<json::value> Registry::post(const Options& options, std::string path, json::object body) {
  return ask(options, std::move(path), json::value(std::move(body)));
}

int print_json(const json::value& value) {
  fmt::print("{}\n", to_json(value));
  return 0;
}

}  // namespace skep::cli
