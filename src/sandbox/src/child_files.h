// The child's mount namespace: a new root in memory with what the Plan shows in it.
#pragma once

#include "plan.h"

namespace skep::sandbox {

// True, or what failed. Safe between fork and exec.
bool change_root(const Plan& plan, Failure& failure);

}  // namespace skep::sandbox
