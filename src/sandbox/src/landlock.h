// Landlock by its system calls: Debian 12's header ends at ABI 2, so the structs and bits are ours.
#pragma once

#include <cstdint>

#include "skep/base/result.h"
#include "skep/sandbox/sandbox.h"

namespace skep::sandbox::landlock {

// struct landlock_ruleset_attr; a kernel of an older ABI takes the first 8 or 16 bytes of it.
struct RulesetAttr {
  std::uint64_t fs = 0;
  std::uint64_t net = 0;
  std::uint64_t scoped = 0;
};

// struct landlock_path_beneath_attr
struct [[gnu::packed]] PathBeneath {
  std::uint64_t access = 0;
  std::int32_t parent_fd = -1;
};

inline constexpr int kRulePathBeneath = 1;
inline constexpr int kAbiWithScopes = 6;  // abstract Unix sockets and signals

// Accesses, cut to what `abi` knows. The first two are for folders, the others for single files.
std::uint64_t read_folder(int abi);
std::uint64_t write_folder(int abi);
std::uint64_t read_file(int abi);
std::uint64_t write_file(int abi);

// The best ABI of this kernel; kUnsupported when it has none.
Result<int> abi();
// A ruleset that handles all that `abi` can, TCP included where there is no network. A descriptor.
Result<int> make_ruleset(int abi, Network network);

// System calls alone: safe between fork and exec. 0, or -1 with errno.
int add_path(int ruleset, const char* path, std::uint64_t access);
int restrict_self(int ruleset);

}  // namespace skep::sandbox::landlock
