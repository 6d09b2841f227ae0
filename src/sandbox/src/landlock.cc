#include "landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace skep::sandbox::landlock {
namespace {

enum : std::uint64_t {
  kExecute = 1 << 0,
  kWriteFile = 1 << 1,
  kReadFile = 1 << 2,
  kReadDir = 1 << 3,
  kMakeChar = 1 << 6,
  kMakeBlock = 1 << 11,
  kTruncate = 1 << 14,  // ABI 3
  kIoctlDev = 1 << 15,  // ABI 5
};
constexpr std::uint64_t kVersionFlag = 1;

// All file accesses that `abi` can handle: bits are only ever added at the end.
std::uint64_t all_fs(int abi) {
  const int bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
  return (std::uint64_t{1} << bits) - 1;
}

}  // namespace

std::uint64_t read_folder(int abi) { return (kExecute | kReadFile | kReadDir) & all_fs(abi); }
std::uint64_t write_folder(int abi) {
  return all_fs(abi) & ~std::uint64_t{kMakeChar | kMakeBlock | kIoctlDev};
}
std::uint64_t read_file(int abi) { return (kExecute | kReadFile) & all_fs(abi); }
std::uint64_t write_file(int abi) {
  return (kExecute | kReadFile | kWriteFile | kTruncate) & all_fs(abi);
}

Result<int> abi() {
  const long found = syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersionFlag);
  if (found >= 1) return static_cast<int>(found);
  return fail(Code::kUnsupported,
              fmt::format("this kernel has no Landlock ({}); Linux 5.13 or newer with \"landlock\" "
                          "among its security modules (lsm=) is needed",
                          errno_error("version", errno).message));
}

Result<int> make_ruleset(int abi, Network network) {
  constexpr std::uint64_t kBindAndConnectTcp = 3;
  constexpr std::uint64_t kAbstractUnixAndSignal = 3;
  RulesetAttr attr{.fs = all_fs(abi)};
  if (abi >= 4 && network == Network::kNone) attr.net = kBindAndConnectTcp;
  if (abi >= kAbiWithScopes) attr.scoped = kAbstractUnixAndSignal;
  const std::size_t size = abi >= kAbiWithScopes ? 24 : abi >= 4 ? 16 : 8;
  const long made = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
  if (made < 0)
    return fail(Code::kUnsupported, errno_error("making a Landlock ruleset", errno).message);
  return static_cast<int>(made);
}

int add_path(int ruleset, const char* path, std::uint64_t access) {
  PathBeneath rule{.access = access};
  rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0) return -1;
  const long added = syscall(SYS_landlock_add_rule, ruleset, kRulePathBeneath, &rule, 0);
  const int error = errno;
  close(rule.parent_fd);
  errno = error;
  return added == 0 ? 0 : -1;
}

int restrict_self(int ruleset) {
  return static_cast<int>(syscall(SYS_landlock_restrict_self, ruleset, 0));
}

}  // namespace skep::sandbox::landlock
