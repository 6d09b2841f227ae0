#include "plan.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include "file_tree.h"
#include "landlock.h"
#include "skep/base/text.h"

namespace skep::sandbox {
namespace {

constexpr std::string_view kPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::string_view kSecretWords[] = {"KEY",      "TOKEN",  "SECRET",
                                             "PASSWORD", "PASSWD", "CREDENTIAL"};
constexpr std::size_t kArgumentBytesMax = 128 * 1024 - 1;  // the kernel's MAX_ARG_STRLEN
constexpr std::size_t kArgumentsMax = 4096;

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Result<void> check_variable(std::string_view name, std::string_view value) {
  if (name.empty() || name.contains('=') || has_nul(name) || has_nul(value))
    return fail(Code::kInvalid, fmt::format("\"{}\" is no variable that can be set", name));
  if (name.starts_with("LD_"))
    return fail(Code::kDenied, fmt::format("{} would steer the program loader", name));
  return {};
}

Result<void> check_inherited(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  for (const std::string_view word : kSecretWords) {
    if (upper.contains(word))
      return fail(Code::kDenied, fmt::format("{} looks like a secret and is not handed on", name));
  }
  return {};
}

using Variables = std::vector<std::pair<std::string, std::string>>;

void put(Variables& variables, std::string_view name, std::string_view value) {
  const auto at = std::ranges::find(variables, name, &Variables::value_type::first);
  if (at == variables.end()) {
    variables.emplace_back(name, value);
  } else {
    at->second = value;
  }
}

Result<Variables> environment_of(const Command& command) {
  Variables variables{{"PATH", std::string(kPath)},
                      {"HOME", command.directory},
                      {"TMPDIR", "/tmp"},
                      {"LANG", "C.UTF-8"},
                      {"TERM", "dumb"}};
  for (const std::string& name : command.inherit) {
    SKEP_TRY_VOID(check_inherited(name));
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) continue;
    SKEP_TRY_VOID(check_variable(name, value));
    put(variables, name, value);
  }
  for (const auto& [name, value] : command.environment) {
    SKEP_TRY_VOID(check_variable(name, value));
    put(variables, name, value);
  }
  return variables;
}

Result<void> plan_program(const Command& command, Plan& plan) {
  if (command.argv.empty() || command.argv[0].empty())
    return fail(Code::kInvalid, "no program was named");
  if (command.argv.size() > kArgumentsMax) return fail(Code::kTooLarge, "too many arguments");
  for (const std::string& argument : command.argv) {
    if (has_nul(argument)) return fail(Code::kInvalid, "an argument has a NUL byte");
    if (argument.size() > kArgumentBytesMax)
      return fail(Code::kTooLarge, fmt::format("an argument is over {} bytes", kArgumentBytesMax));
  }
  if (!command.directory.starts_with('/') || has_nul(command.directory))
    return fail(Code::kInvalid, fmt::format("\"{}\" is no absolute path", command.directory));
  SKEP_TRY(const Variables variables, environment_of(command));
  plan.arguments = command.argv;
  for (const auto& [name, value] : variables)
    plan.environment.push_back(fmt::format("{}={}", name, value));
  const std::string& program = command.argv[0];
  if (program.contains('/')) {
    plan.programs.push_back(program);
  } else {
    const auto path = std::ranges::find(variables, "PATH", &Variables::value_type::first);
    for (const std::string_view folder : split(path->second, ':'))
      plan.programs.push_back(fmt::format("{}/{}", folder, program));
  }
  plan.directory = command.directory;
  return {};
}

void plan_bounds(const Limits& limits, Plan& plan) {
  auto bound = [&](__rlimit_resource what, std::uint64_t soft, std::uint64_t hard) {
    rlimit now{};
    if (getrlimit(what, &now) == 0) hard = std::min<std::uint64_t>(hard, now.rlim_max);
    plan.bounds.push_back(
        {what, {.rlim_cur = std::min<std::uint64_t>(soft, hard), .rlim_max = hard}});
  };
  const auto cpu = static_cast<std::uint64_t>(limits.cpu.count());
  bound(RLIMIT_CPU, cpu, cpu + 1);
  bound(RLIMIT_AS, limits.memory_bytes, limits.memory_bytes);
  bound(RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes);
  bound(RLIMIT_NOFILE, limits.open_files, limits.open_files);
  bound(RLIMIT_NPROC, limits.processes, limits.processes);
  bound(RLIMIT_CORE, 0, 0);
  bound(RLIMIT_MSGQUEUE, 0, 0);
  bound(RLIMIT_MEMLOCK, 64 << 10, 64 << 10);
  bound(RLIMIT_NICE, 0, 0);
  bound(RLIMIT_RTPRIO, 0, 0);
}

// Since 6.14 pid_max belongs to the PID namespace. Before, writing it would change the whole
// machine.
bool has_own_pid_max() {
  utsname name{};
  int major = 0;
  int minor = 0;
  if (uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 6 || (major == 6 && minor >= 14);
}

// Root is exempt from RLIMIT_NPROC, whatever it gave up.
Result<void> plan_process_bound(const Limits& limits, Plan& plan) {
  constexpr std::uint64_t kReservedPids = 300;  // the kernel's: the least that pid_max can be
  constexpr std::uint64_t kPidsMax = 32'768;
  if (has_own_pid_max()) {
    plan.processes_max = std::to_string(std::min(kReservedPids + limits.processes + 1, kPidsMax));
  } else if (getuid() == 0) {
    return fail(
        Code::kUnsupported,
        "before Linux 6.14 the processes of root cannot be counted; run skep as an ordinary user");
  }
  return {};
}

// Fields 48 to 51 of /proc/self/stat: where arguments and environment begin and end.
void plan_wiping(Plan& plan) {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  const std::vector<std::string_view> fields =
      split_words(std::string_view(text).substr(name_end + 1));
  constexpr std::size_t kFirst = 3;  // the number of fields[0] in proc(5)
  if (fields.size() <= 51 - kFirst) return;
  auto address = [&](std::size_t field) {
    return reinterpret_cast<char*>(
        std::strtoull(std::string(fields[field - kFirst]).c_str(), nullptr, 10));
  };
  if (address(48) == nullptr || address(51) < address(48)) return;
  plan.wipe_from = address(48);
  plan.wipe_to = address(51);
}

void take_pointers(std::vector<std::string>& texts, std::vector<char*>& pointers) {
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
}

}  // namespace

Result<Plan> make_plan(const Command& command, const Limits& limits) {
  Plan plan;
  SKEP_TRY(plan.landlock_abi, landlock::abi());
  plan.own_network = command.network == Network::kNone;
  SKEP_TRY_VOID(plan_program(command, plan));
  SKEP_TRY_VOID(plan_files(command, limits, plan));
  plan_bounds(limits, plan);
  SKEP_TRY_VOID(plan_process_bound(limits, plan));
  const bool unix_sockets = plan.own_network || plan.landlock_abi >= landlock::kAbiWithScopes;
  SKEP_TRY(Filters filters, make_filters(command.network, unix_sockets));
  plan.refusals = std::move(filters.refusals);
  plan.known = std::move(filters.known);
  plan.uid_map = fmt::format("1000 {} 1", geteuid());
  plan.gid_map = fmt::format("1000 {} 1", getegid());
  plan_wiping(plan);
  take_pointers(plan.arguments, plan.argv);
  take_pointers(plan.environment, plan.envp);
  return plan;
}

Error explain(const Plan& plan, const Failure& failure) {
  const std::string reason = std::generic_category().message(failure.error);
  auto unsupported = [&](std::string_view layer) {
    return Error{Code::kUnsupported,
                 fmt::format("the sandbox's {} cannot be applied here: {}", layer, reason)};
  };
  switch (failure.stage) {
    case Stage::kIdentity:
      return unsupported(
          "user namespace (uid_map; kernel.apparmor_restrict_unprivileged_userns must be 0)");
    case Stage::kOwnMounts:
    case Stage::kRoot:
      return unsupported("mount namespace");
    case Stage::kFile: {
      const FileStep& step = plan.files.at(failure.index);
      if (step.kind == FileStep::kProc) return unsupported("own /proc");
      return {Code::kInvalid,
              fmt::format("{} cannot be shown in the sandbox: {}", step.at, reason)};
    }
    case Stage::kProcessBound:
      return unsupported("bound on processes");
    case Stage::kCapabilities:
      return unsupported("dropping of capabilities");
    case Stage::kSignals:
    case Stage::kDescriptors:
      return unsupported("closing of descriptors and signals");
    case Stage::kFork:
      return {Code::kExhausted, "the sandbox has no room for a process: " + reason};
    case Stage::kDirectory:
      return {Code::kInvalid, fmt::format("cannot start in {}: {}", plan.directory, reason)};
    case Stage::kResource:
      return unsupported(fmt::format("resource limit {}", failure.index));
    case Stage::kRule:
      return unsupported("Landlock rule for " + plan.rules.at(failure.index).path);
    case Stage::kLandlock:
      return unsupported("Landlock domain");
    case Stage::kSeccomp:
      return unsupported("seccomp filter");
    case Stage::kExec:
      break;
  }
  if (failure.error == ENOENT)
    return {Code::kNotFound,
            fmt::format("there is no program \"{}\" in the sandbox", plan.arguments[0])};
  return {Code::kInvalid, fmt::format("\"{}\" cannot be run: {}", plan.arguments[0], reason)};
}

}  // namespace skep::sandbox
