// The system calls a program may make, as filters ready to be installed.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "skep/base/result.h"
#include "skep/sandbox/sandbox.h"

namespace skep::sandbox {

// Two programs; the kernel takes the stricter answer. `refusals` allows but for a list (EPERM; the
// worst kill). `known` answers ENOSYS to whatever is newer than what we have looked at.
struct Filters {
  std::vector<sock_filter> refusals;
  std::vector<sock_filter> known;
};

// `unix_sockets`: false also refuses Unix sockets (where nothing else keeps abstract ones apart).
Result<Filters> make_filters(Network network, bool unix_sockets);

}  // namespace skep::sandbox
