// What runs between fork and exec: system calls on what the Plan holds, and nothing else.
#pragma once

#include <sys/types.h>

#include "plan.h"

namespace skep::sandbox {

// Makes the child in its own namespaces, which becomes the init of its processes and starts the
// program. The pid and a descriptor of it, or -1 with errno. Loop thread only: the child dies with
// the thread that made it.
pid_t fork_init(const Plan& plan, int& pidfd);

}  // namespace skep::sandbox
