// skep cron …
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "configure.h"
#include "registry.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/schedule/when.h"

namespace skep::cli {
namespace {

std::string path_of(const Options& options, std::string_view verb = {}) {
  std::string name;
  for (const char c : options.name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                       (byte >= 'A' && byte <= 'Z') || c == '-' || c == '_' || c == '.';
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return fmt::format("/api/jobs/{}{}{}", name, verb.empty() ? "" : "/", verb);
}

std::string login_name() {
  const char* user = std::getenv("USER");
  return fmt::format("{}@cli", user != nullptr && *user != '\0' ? user : std::to_string(getuid()));
}

void print_row(const json::value& job) {
  const bool enabled = get_bool(job, "enabled").value_or(true);
  const std::string next = !enabled ? fmt::format("off: {}", get_string(job, "why_off"))
                           : get_string(job, "next").empty() ? "waits for events"
                                                             : std::string(get_string(job, "next"));
  fmt::print("{}  {:<28} {:<14} {:<24} {:<22} {} runs\n", get_string(job, "id"),
             get_string(job, "name"), get_string(job, "agent"), get_string(job, "when"), next,
             get_int(job, "runs").value_or(0));
}

int list(const Options& options) {
  const auto answer = Registry::get(options, "/api/jobs");
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  const json::array* jobs = get_array(*answer, "jobs");
  for (const json::value& job : jobs == nullptr ? json::array() : *jobs) print_row(job);
  return 0;
}

void print_delivery(const json::value& one) {
  const std::string_view at = get_string(one, "last_at");
  fmt::print("{:<12} {}: {}{}\n", "deliver", get_string(one, "to"), get_string(one, "last"),
             at.empty() ? "" : fmt::format(" ({})", at));
}

int show(const Options& options) {
  const auto answer = Registry::get(options, path_of(options));
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  for (const auto& [key, value] : answer->as_object()) {
    if (value.is_array()) {
      for (const json::value& one : value.get_array()) print_delivery(one);
      continue;
    }
    const std::string text = value.is_string() ? std::string(value.get_string()) : to_json(value);
    if (!text.empty() && text != "null") fmt::print("{:<12} {}\n", std::string_view(key), text);
  }
  return 0;
}

int add(const Options& options) {
  json::object body{
      {"agent", options.agent},
      {"name", options.name},
      {"text", options.message.value_or("")},
      {"when", options.cron.when},
      {"time_zone", options.cron.zone},
      {"missed", options.cron.missed},
      {"peer", options.peer.empty() ? login_name() : options.peer},
      {"deliver", json::array(options.cron.deliver.begin(), options.cron.deliver.end())}};
  const auto answer = Registry::post(options, "/api/jobs", std::move(body));
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  fmt::print("{} (id {}): {}, next {}\n", get_string(*answer, "name"), get_string(*answer, "id"),
             get_string(*answer, "when"), get_string(*answer, "next"));
  return 0;
}

int act(const Options& options) {
  const auto answer = Registry::post(options, path_of(options, options.verb), {});
  if (!answer) return report(answer.error());
  if (options.json) return print_json(*answer);
  if (options.verb == "del") {
    fmt::print("{} is ended\n", get_string(*answer, "name"));
    return 0;
  }
  print_row(*answer);
  return 0;
}

int next(const Options& options) {
  const auto config = configure_or_report(options);
  if (!config) return kExitConfig;
  WallTime time = Clock::system().now();
  if (!options.cron.from.empty()) {
    const auto from = parse_rfc3339(options.cron.from);
    if (!from) return report({Code::kInvalid, "--from takes a time like 2026-03-27T12:00:00Z"});
    time = *from;
  }
  const std::string zone = options.cron.zone.empty() ? config->agent.time_zone : options.cron.zone;
  const auto when = schedule::When::parse(options.cron.when, zone, time);
  if (!when) return report(when.error());
  json::array times;
  for (auto at = when->first(time); at && times.size() < options.cron.count; at = when->next(*at))
    times.emplace_back(format_rfc3339(*at));
  if (options.json) return print_json(times);
  for (const json::value& at : times) fmt::print("{}\n", std::string_view(at.get_string()));
  return 0;
}

}  // namespace

int run_cron(const Options& options) {
  log::configure({.level = log::Level::kError});
  if (options.verb == "list") return list(options);
  if (options.verb == "show") return show(options);
  if (options.verb == "add") return add(options);
  if (options.verb == "next") return next(options);
  return act(options);
}

}  // namespace skep::cli
