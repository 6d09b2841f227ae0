// What shell_exec and process_* have in common: how a program of the workspace is run and reported.
#pragma once

#include "skep/tools/workspace.h"

namespace skep::tools {

// In the workspace, with the network only where the operator granted it.
sandbox::Command workspace_command(const Workspace& workspace, const ShellToolsConfig& config,
                                   std::vector<std::string> argv);
// The words to run for a line of shell_exec: a shell's, or where allowed_commands says so the
// program's own. kDenied, kInvalid as in exec_policy.h.
Result<std::vector<std::string>> words_of_line(const ShellToolsConfig& config, std::string line);
// The same rule for words as they are.
Result<void> check_words(const ShellToolsConfig& config, const std::vector<std::string>& argv);
// The program that a line of shell_exec runs, as it is named there; "sh" when only a shell can
// tell.
std::string program_of_line(std::string_view line);
// To run that program, and to reach whatever it wants where programs have the network.
std::vector<Need> needs_of_program(const ShellToolsConfig& config, std::string program);
// Of its output.
authority::Labels taint_of_programs(const ShellToolsConfig& config);
// "exit code 0", "ended by signal 9 (Killed)", …
std::string describe_end(const sandbox::Outcome& outcome, const sandbox::Limits& limits);
// Both streams under headings; empty ones are left out.
std::string describe_output(const sandbox::Captured& out, const sandbox::Captured& err);
// Why nothing ran, for the model.
ToolOutput not_run(const Error& error);

}  // namespace skep::tools
