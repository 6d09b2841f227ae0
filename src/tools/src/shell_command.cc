#include "shell_command.h"

#include <csignal>
#include <cstring>

#include "exec_policy.h"
#include "skep/base/text.h"

namespace skep::tools {

sandbox::Command workspace_command(const Workspace& workspace, const ShellToolsConfig& config,
                                   std::vector<std::string> argv) {
  const std::string at(workspace_at);
  return {.argv = std::move(argv),
          .directory = at,
          .writable = {{workspace.path(), at}},
          .network = config.network ? sandbox::Network::kHost : sandbox::Network::kNone,
          .inherit = {"TZ"}};
}

Result<std::vector<std::string>> words_of_line(const ShellToolsConfig& config, std::string line) {
  if (config.allowed_commands.empty())
    return std::vector<std::string>{"/bin/sh", "-c", std::move(line)};
  SKEP_TRY(std::vector<std::string> argv, split_command(line));
  SKEP_TRY_VOID(check_words(config, argv));
  return argv;
}

Result<void> check_words(const ShellToolsConfig& config, const std::vector<std::string>& argv) {
  if (config.allowed_commands.empty()) return {};
  return check_command(argv, config.allowed_commands);
}

std::string program_of_line(std::string_view line) {
  const auto words = split_command(line);
  return words && !words->front().empty() ? words->front() : std::string("sh");
}

std::vector<Need> needs_of_program(const ShellToolsConfig& config, std::string program) {
  std::vector<Need> needs{{authority::Action::kShellExec, std::move(program)}};
  if (config.network) needs.push_back({authority::Action::kNetConnect, "*", "anything"});
  return needs;
}

authority::Labels taint_of_programs(const ShellToolsConfig& config) {
  authority::Labels labels;
  if (config.network) labels |= authority::Label::kExternalNetwork;
  return labels;
}

std::string describe_end(const sandbox::Outcome& outcome, const sandbox::Limits& limits) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  switch (outcome.end) {
    case sandbox::End::kExited:
      return fmt::format("exit code {}", outcome.code);
    case sandbox::End::kTimeout:
      return fmt::format("ended after its {} s", duration_cast<seconds>(limits.wall).count());
    case sandbox::End::kKilled:
      return "killed";
    case sandbox::End::kSignalled:
      break;
  }
  std::string_view why;
  if (outcome.code == SIGXCPU || (outcome.code == SIGKILL && outcome.cpu >= limits.cpu))
    why = ": out of CPU time";
  if (outcome.code == SIGXFSZ) why = ": a file became too large";
  if (outcome.code == SIGSYS) why = ": a system call that is not allowed here";
  return fmt::format("ended by signal {} ({}){}", outcome.code, strsignal(outcome.code), why);
}

std::string describe_output(const sandbox::Captured& out, const sandbox::Captured& err) {
  std::string text;
  for (const auto& [name, stream] : {std::pair{"stdout", &out}, std::pair{"stderr", &err}}) {
    const std::string said = stream->text();
    if (said.empty()) continue;
    text += fmt::format("\n{}:\n{}", name, said);
    if (text.ends_with('\n')) text.pop_back();
  }
  return text;
}

ToolOutput not_run(const Error& error) {
  if (error.code == Code::kUnsupported)
    return {fmt::format("Not run: {}. Programs run in the sandbox or not at all; tell the person.",
                        error.message),
            true};
  return {fmt::format("Not run: {}.", error.message), true};
}

namespace {

constexpr std::chrono::milliseconds kSecond{1000};

void read_limits(ConfigSection& section, sandbox::Limits& limits) {
  std::chrono::milliseconds cpu = limits.cpu;
  section.read_duration("cpu_secs", kSecond, cpu);
  limits.cpu = std::chrono::duration_cast<std::chrono::seconds>(cpu);
  if (limits.cpu.count() < 1) section.problem("cpu_secs", "must be at least 1");
  std::size_t megabytes = 0;
  if (section.read("memory_mb", megabytes, {.min = 16, .max = 1 << 20}))
    limits.memory_bytes = megabytes << 20;
  if (section.read("file_mb", megabytes, {.min = 1, .max = 1 << 20}))
    limits.file_bytes = megabytes << 20;
  if (section.read("scratch_mb", megabytes, {.min = 1, .max = 1 << 20}))
    limits.scratch_bytes = megabytes << 20;
  std::size_t count = 0;
  if (section.read("open_files", count, {.min = 16, .max = 65'536})) limits.open_files = count;
  if (section.read("processes", count, {.min = 1, .max = 4096})) limits.processes = count;
  section.read("output_bytes", limits.output_bytes,
               {.min = 1000, .max = result_bytes_max / 2 - 1000});
}

}  // namespace

ShellToolsConfig ShellToolsConfig::read(ConfigSection section) {
  ShellToolsConfig config;
  section.read("enabled", config.enabled);
  section.read("network", config.network);
  section.read_duration("timeout_secs", kSecond, config.timeout);
  section.read_duration("timeout_max_secs", kSecond, config.timeout_max);
  section.read_duration("background_secs", kSecond, config.background);
  section.read("background_max", config.background_max, {.min = 0, .max = 100});
  section.read("allowed_commands", config.allowed_commands);
  for (const std::string& name : config.allowed_commands) {
    if (std::string why = why_not_listed(name); !why.empty())
      section.problem("allowed_commands", std::move(why));
  }
  read_limits(section, config.limits);
  if (config.timeout < kSecond) section.problem("timeout_secs", "must be at least 1");
  if (config.background < kSecond) section.problem("background_secs", "must be at least 1");
  if (config.timeout_max < config.timeout)
    section.problem("timeout_max_secs", "must not be less than timeout_secs");
  return config;
}

}  // namespace skep::tools
