#include <fmt/format.h>

#include "command_line.h"
#include "skep/api/api.h"
#include "skep/base/log.h"

namespace skep::cli {

namespace {

Task<Result<json::value>> ask_usage(Loop& loop, std::string home) {
  net::HttpClient::Deps deps{.loop = loop};
  SKEP_CO_TRY(auto http, net::HttpClient::open(std::move(deps)));
  const Ctx ctx;
  SKEP_CO_TRY(auto client, co_await api::Client::find(ctx, *http, home));
  co_return co_await client->get(ctx, "/api/usage");
}

std::int64_t tokens(const json::value& spend) {
  std::int64_t sum = 0;
  for (std::string_view key :
       {"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"})
    sum += get_int(spend, key).value_or(0);
  return sum;
}

std::string spent(const json::value* spend) {
  if (spend == nullptr) return {};
  return fmt::format("{:>8} calls {:>12} tokens {:>14}", get_int(*spend, "calls").value_or(0),
                     tokens(*spend), get_string(*spend, "cost"));
}

void print_row(std::string_view name, const json::value& row) {
  fmt::print("{:<40} {}   {}   {}\n", name, spent(get_member(row, "hour")),
             spent(get_member(row, "day")), spent(get_member(row, "month")));
}

void print_usage(const json::value& usage) {
  fmt::print("{:<40} {:<49}   {:<49}   {}\n", "", "   last hour", "   today", "   this month");
  if (const json::value* total = get_member(usage, "total")) print_row("all", *total);
  for (std::string_view list : {"people", "models", "agents"}) {
    const json::array* rows = get_array(usage, list);
    if (rows == nullptr || rows->empty()) continue;
    fmt::print("\n{}\n", list);
    for (const json::value& row : *rows) print_row(get_string(row, "name"), row);
  }
}

}  // namespace

int run_usage(const Options& options) {
  log::configure({.level = log::Level::kError});
  Loop loop;
  const Result<json::value> usage = loop.run(ask_usage(loop, options.home));
  if (!usage) return report(usage.error());
  if (options.json)
    fmt::print("{}\n", to_json(*usage));
  else
    print_usage(*usage);
  return 0;
}

}  // namespace skep::cli
