#include <fmt/format.h>

#include <cstdio>

#include "command_line.h"
#include "configure.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::cli {

Result<kernel::KernelConfig> configure(const Options& options,
                                       std::vector<ConfigProblem>& problems) {
  SKEP_TRY(ConfigFile file, kernel::load_config(options.home, options.config_path));
  kernel::KernelConfig config = kernel::KernelConfig::read(file, options.home);
  problems = file.problems();
  SKEP_TRY(config.keys, kernel::load_config_keys(options.home, options.config_path));
  if (problems.empty()) return config;
  return fail(Code::kInvalid, fmt::format("the configuration has {} problem{}", problems.size(),
                                          problems.size() == 1 ? "" : "s"));
}

std::optional<kernel::KernelConfig> configure_or_report(const Options& options) {
  std::vector<ConfigProblem> problems;
  Result<kernel::KernelConfig> config = configure(options, problems);
  if (config) return *std::move(config);
  for (const ConfigProblem& problem : problems)
    fmt::print(stderr, "{}: {}\n", problem.where, problem.message);
  fmt::print(stderr, "skep: {}\n", config.error().message);
  return std::nullopt;
}

std::string read_again(const Options& options, kernel::Kernel* kernel) {
  if (kernel == nullptr) return "The daemon is not ready.";
  std::vector<ConfigProblem> problems;
  const auto config = configure(options, problems);
  for (const ConfigProblem& problem : problems)
    log::error("skep", "{}: {}", problem.where, problem.message);
  if (!config) {
    log::error("skep", "the configuration is not read again: {}", config.error().message);
    return fmt::format("The configuration has problems, so nothing changed: {}.",
                       problems.empty() ? config.error().message
                                        : problems.front().where + ": " + problems.front().message);
  }
  const auto done = kernel->reload(*config);
  if (!done) {
    log::error("skep", "the configuration is not read again: {}", done.error().message);
    return fmt::format("The configuration has problems, so nothing changed: {}.",
                       done.error().message);
  }
  std::string said = done->taken.empty() ? "Read again; nothing that may change now is different."
                                         : fmt::format("Read again: {}.", join(done->taken, ", "));
  if (!done->waiting.empty())
    said += fmt::format(" After a restart: {}.", join(done->waiting, ", "));
  log::info("skep", "the configuration is read again: {}", said);
  return said;
}

int run_config_check(const Options& options) {
  if (!options.json) {
    if (!configure_or_report(options)) return kExitConfig;
    fmt::print("{}: ok\n", options.config_path.value_or(options.home + "/skep.toml"));
    return 0;
  }
  std::vector<ConfigProblem> problems;
  const Result<kernel::KernelConfig> config = configure(options, problems);
  json::array list;
  for (const ConfigProblem& problem : problems) {
    list.push_back(json::object{{"where", problem.where}, {"message", problem.message}});
  }
  if (!config && list.empty())
    list.push_back(json::object{{"where", ""}, {"message", config.error().message}});
  fmt::print("{}\n",
             to_json(json::object{{"ok", config.has_value()}, {"problems", std::move(list)}}));
  return config ? 0 : kExitConfig;
}

}  // namespace skep::cli
