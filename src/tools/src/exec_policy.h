// [tools.shell] allowed_commands: programs from a list, without a shell between.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"

namespace skep::tools {

// A command line as words, by the quoting rules of a shell. kDenied for what only a shell could do
// (pipes, redirections, several commands, variables, patterns), kInvalid for an open quote or no
// word at all.
Result<std::vector<std::string>> split_command(std::string_view line);

// kDenied when argv[0] is not one of `allowed`, code is given to an interpreter in an argument, or
// an argument is a path outside the workspace and /tmp.
Result<void> check_command(std::span<const std::string> argv, std::span<const std::string> allowed);

// Why a name may not stand on the list; empty when it may. A shell or a wrapper would run anything.
std::string why_not_listed(std::string_view name);

}  // namespace skep::tools
