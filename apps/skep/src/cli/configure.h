// The configuration of this call, checked.
#pragma once

#include <optional>
#include <vector>

#include "command_line.h"
#include "skep/base/config.h"
#include "skep/kernel/kernel.h"

namespace skep::cli {

// An error when the file cannot be read or has problems, which are then in `problems`.
Result<kernel::KernelConfig> configure(const Options& options,
                                       std::vector<ConfigProblem>& problems);
// The same, with everything that is wrong printed on standard error.
std::optional<kernel::KernelConfig> configure_or_report(const Options& options);

// Reads it again and gives it to the kernel; what is wrong with the file is said, and then
// everything stays as it was. The sentence is for whoever asked; null: the kernel is not open yet.
std::string read_again(const Options& options, kernel::Kernel* kernel);

}  // namespace skep::cli
