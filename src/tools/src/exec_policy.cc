#include "exec_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "skep/base/text.h"
#include "skep/tools/workspace.h"

namespace skep::tools {
namespace {

constexpr std::string_view kShellOnly = "`$;|<>{}&\n\r*?[]()";
constexpr std::string_view kExpandedInQuotes = "`$";
constexpr std::string_view kWrappers[] = {
    "ash",    "bash",   "busybox", "chroot",  "csh",    "dash",  "doas",    "env",
    "exec",   "fish",   "ionice",  "ksh",     "nice",   "nohup", "nsenter", "parallel",
    "pkexec", "script", "setsid",  "sh",      "stdbuf", "su",    "sudo",    "taskset",
    "tcsh",   "time",   "timeout", "unshare", "watch",  "xargs", "zsh"};
constexpr std::string_view kInterpreters[] = {"lua", "node", "perl", "php", "python", "ruby"};

// Splits from the left, one character at a time.
class Words {
 public:
  explicit Words(std::string_view line) : line_(line) {}

  Result<std::vector<std::string>> split() {
    while (at_ < line_.size()) SKEP_TRY_VOID(take(line_[at_++]));
    end_word();
    if (words_.empty()) return fail(Code::kInvalid, "there is no command");
    return std::move(words_);
  }

 private:
  Result<void> take(char c) {
    if (c == '\0') return fail(Code::kInvalid, "the command has a NUL byte");
    if (c == ' ' || c == '\t') {
      end_word();
      return {};
    }
    in_word_ = true;
    if (c == '\'') return single_quoted();
    if (c == '"') return double_quoted();
    if (c == '\\') return escaped();
    const bool expands_in_front = word_.empty() && (c == '~' || c == '#');
    if (expands_in_front || kShellOnly.contains(c)) return shell_only(c);
    word_ += c;
    return {};
  }

  Result<void> single_quoted() {
    const auto end = line_.find('\'', at_);
    if (end == std::string_view::npos) return fail(Code::kInvalid, "a quote (') is not closed");
    word_ += line_.substr(at_, end - at_);
    at_ = end + 1;
    return {};
  }
  Result<void> double_quoted() {
    while (at_ < line_.size()) {
      char c = line_[at_++];
      if (c == '"') return {};
      if (kExpandedInQuotes.contains(c)) return shell_only(c);
      const bool escapes =
          c == '\\' && at_ < line_.size() && std::string_view("\"\\`$").contains(line_[at_]);
      if (escapes) c = line_[at_++];
      word_ += c;
    }
    return fail(Code::kInvalid, "a quote (\") is not closed");
  }
  Result<void> escaped() {
    if (at_ == line_.size()) return fail(Code::kInvalid, "the command ends with a backslash");
    if (line_[at_] == '\n') return shell_only('\n');
    word_ += line_[at_++];
    return {};
  }
  [[nodiscard]] std::unexpected<Error> shell_only(char c) const {
    const std::string shown = c == '\n' || c == '\r' ? "a line break" : fmt::format("\"{}\"", c);
    return fail(
        Code::kDenied,
        fmt::format("{} means something to a shell only, and there is none here; give one "
                    "program and its arguments, and put the character in single quotes where "
                    "it is meant as it stands",
                    shown));
  }
  void end_word() {
    if (in_word_) words_.push_back(std::exchange(word_, {}));
    in_word_ = false;
  }

  std::string_view line_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

bool is_within(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

// An argument, or what follows the "=" of an option.
bool leads_out(std::string_view argument) {
  if (argument.starts_with('-')) {
    const auto equals = argument.find('=');
    argument = equals == std::string_view::npos ? "" : argument.substr(equals + 1);
  }
  for (const std::string_view step : split(argument, '/')) {
    if (step == "..") return true;
  }
  return argument.starts_with('/') && !is_within(argument, workspace_at) &&
         !is_within(argument, "/tmp");
}

bool gives_code(std::string_view program, std::string_view argument) {
  const bool interpreter = std::ranges::any_of(
      kInterpreters, [program](std::string_view name) { return program.starts_with(name); });
  if (!interpreter || !argument.starts_with('-') || argument.size() < 2) return false;
  if (argument.starts_with("--"))
    return argument.starts_with("--eval") || argument.starts_with("--print");
  return argument.find_first_of("ceErp") != std::string_view::npos;
}

}  // namespace

Result<std::vector<std::string>> split_command(std::string_view line) {
  return Words(line).split();
}

Result<void> check_command(std::span<const std::string> argv,
                           std::span<const std::string> allowed) {
  const std::string& program = argv.front();
  if (std::ranges::find(allowed, program) == allowed.end()) {
    return fail(Code::kDenied, fmt::format("\"{}\" is not one of the programs that may be run: {}",
                                           program, join(allowed, ", ")));
  }
  for (const std::string& argument : argv.subspan(1)) {
    if (gives_code(program, argument))
      return fail(Code::kDenied,
                  fmt::format("{} with {}: code is run from files of the workspace only", program,
                              argument));
    if (leads_out(argument))
      return fail(Code::kDenied, fmt::format("{} is outside the workspace", argument));
  }
  return {};
}

std::string why_not_listed(std::string_view name) {
  if (name.empty() || name.contains('/')) return "must be names of programs, without a path";
  if (std::ranges::find(kWrappers, name) != std::end(kWrappers))
    return fmt::format("\"{}\" runs any other program; leave the list empty to allow that", name);
  return {};
}

}  // namespace skep::tools
