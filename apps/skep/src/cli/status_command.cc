#include <fmt/format.h>

#include <cstdio>

#include "command_line.h"
#include "skep/api/api.h"
#include "skep/base/log.h"

namespace skep::cli {

namespace {

Task<Result<json::value>> ask_status(Loop& loop, std::string home) {
  net::HttpClient::Deps deps{.loop = loop};
  SKEP_CO_TRY(auto http, net::HttpClient::open(std::move(deps)));
  const Ctx ctx;
  SKEP_CO_TRY(auto client, co_await api::Client::find(ctx, *http, home));
  SKEP_CO_TRY(json::value status, co_await client->get(ctx, "/api/status"));
  status.as_object()["address"] = client->daemon().address;
  status.as_object()["pid"] = client->daemon().pid;
  co_return status;
}

Task<Result<void>> ask_stop(Loop& loop, std::string home) {
  net::HttpClient::Deps deps{.loop = loop};
  SKEP_CO_TRY(auto http, net::HttpClient::open(std::move(deps)));
  const Ctx ctx;
  SKEP_CO_TRY(auto client, co_await api::Client::find(ctx, *http, home));
  SKEP_CO_TRY_VOID(co_await client->post(ctx, "/api/shutdown", json::object{}));
  // Ended when the home's lock is free again.
  for (int tenth = 0; tenth < 150; ++tenth) {
    if (kernel::HomeLock::take(home)) co_return Result<void>{};
    SKEP_CO_TRY_VOID(co_await sleep_for(ctx, std::chrono::milliseconds(100)));
  }
  co_return fail(Code::kTimeout,
                 fmt::format("skep (pid {}) is still stopping after 15 s", client->daemon().pid));
}

std::int64_t number(const json::value* object, std::string_view key) {
  return object == nullptr ? 0 : get_int(*object, key).value_or(0);
}

void print_status(const json::value& status) {
  const json::value* model = get_member(status, "model");
  const json::value* agent = get_member(status, "agent");
  fmt::print("running    pid {}, http://{}, version {}, since {}\n",
             get_int(status, "pid").value_or(0), get_string(status, "address"),
             get_string(status, "version"), get_string(status, "started_at"));
  fmt::print("home       {}\n", get_string(status, "home"));
  if (model != nullptr)
    fmt::print("model      {} ({})\n", get_string(*model, "name"), get_string(*model, "why"));
  fmt::print("agent      {} running, {} waiting, {} answered, {} failed, {} refused\n",
             number(agent, "running"), number(agent, "waiting"), number(agent, "replied"),
             number(agent, "failed"), number(agent, "refused"));
  fmt::print("tokens     {} in, {} out since start\n", number(agent, "input_tokens"),
             number(agent, "output_tokens"));
  if (const json::value* xmpp = get_member(status, "xmpp")) {
    fmt::print("xmpp       {} {}\n", get_string(*xmpp, "state"), get_string(*xmpp, "address"));
  }
  if (const json::value* jobs = get_member(status, "jobs"); number(jobs, "jobs") > 0) {
    fmt::print("jobs       {}, {} running, {} waiting, {} ended, {} failed\n", number(jobs, "jobs"),
               number(jobs, "running"), number(jobs, "waiting"), number(jobs, "ended"),
               number(jobs, "failed"));
    if (number(jobs, "delivered") + number(jobs, "undelivered") + number(jobs, "delivering") > 0)
      fmt::print("           {} answers delivered, {} on their way, {} not delivered\n",
                 number(jobs, "delivered"), number(jobs, "delivering"),
                 number(jobs, "undelivered"));
  }
  if (const json::value* agents = get_member(status, "agents"); number(agents, "hangs") > 0) {
    fmt::print("supervisor {} turns hung, {} restarts\n", number(agents, "hangs"),
               number(agents, "restarts"));
  }
  const json::array* processes = get_array(status, "processes");
  for (const json::value& process : processes == nullptr ? json::array() : *processes) {
    fmt::print("process    {} {}{}, {} restarts{}\n", get_string(process, "kind"),
               get_string(process, "state"),
               get_int(process, "pid") ? fmt::format(" (pid {})", *get_int(process, "pid")) : "",
               number(&process, "restarts"),
               get_string(process, "last_end").empty()
                   ? ""
                   : fmt::format(", last: {}", get_string(process, "last_end")));
  }
  if (const json::value* streams = get_member(status, "streams")) {
    const auto up = get_bool(*streams, "broker_up");
    fmt::print("streams    to {}{}: {} kept, {} waiting, {} refused\n", get_string(*streams, "to"),
               up ? (*up ? " (up)" : " (down)") : "", number(streams, "published"),
               number(streams, "waiting"), number(streams, "refused"));
  }
  const json::array* hives = get_array(status, "hives");
  for (const json::value& hive : hives == nullptr ? json::array() : *hives) {
    fmt::print("hive       {} ({}): {}, {} nodes\n", get_string(hive, "hive"),
               get_string(hive, "address"), get_string(hive, "state"), number(&hive, "nodes"));
  }
}

}  // namespace

int run_status(const Options& options) {
  log::configure({.level = log::Level::kError});
  Loop loop;
  const Result<json::value> status = loop.run(ask_status(loop, options.home));
  if (options.json) {
    json::value out = status ? *status : json::value(json::object{});
    out.as_object()["running"] = status.has_value();
    if (!status) out.as_object()["why"] = status.error().message;
    fmt::print("{}\n", to_json(out));
  } else if (status) {
    print_status(*status);
  } else {
    fmt::print("not running: {}\n", status.error().message);
  }
  return status ? 0 : exit_code(Code::kUnavailable);
}

int run_stop(const Options& options) {
  log::configure({.level = log::Level::kError});
  Loop loop;
  const Result<void> stopped = loop.run(ask_stop(loop, options.home));
  if (options.json) {
    fmt::print("{}\n", to_json(json::object{{"stopped", stopped.has_value()}}));
  } else if (stopped) {
    fmt::print("stopped\n");
  }
  return stopped ? 0 : report(stopped.error());
}

}  // namespace skep::cli
