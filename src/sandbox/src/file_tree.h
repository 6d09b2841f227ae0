// The tree of files that a program sees, and what Landlock grants in it.
#pragma once

#include "plan.h"

namespace skep::sandbox {

// kInvalid for a Place that is not there, not absolute, or would cover what the sandbox itself
// provides.
Result<void> plan_files(const Command& command, const Limits& limits, Plan& plan);

}  // namespace skep::sandbox
