// skep config reload
#include <fmt/format.h>

#include "command_line.h"
#include "skep/api/api.h"
#include "skep/base/log.h"

namespace skep::cli {
namespace {

Task<Result<std::string>> ask(Loop& loop, std::string home) {
  net::HttpClient::Deps deps{.loop = loop};
  SKEP_CO_TRY(auto http, net::HttpClient::open(std::move(deps)));
  const Ctx ctx;
  SKEP_CO_TRY(auto client, co_await api::Client::find(ctx, *http, home));
  SKEP_CO_TRY(const json::value answer,
              co_await client->post(ctx, "/api/config/reload", json::object{}));
  co_return std::string(get_string(answer, "said"));
}

}  // namespace

int run_config_reload(const Options& options) {
  log::configure({.level = log::Level::kError});
  Loop loop;
  const auto said = loop.run(ask(loop, options.home));
  if (!said) return report(said.error());
  if (options.json)
    fmt::print("{}\n", to_json(json::object{{"said", *said}}));
  else
    fmt::print("{}\n", *said);
  return said->starts_with("Read again") ? 0 : kExitConfig;
}

}  // namespace skep::cli
