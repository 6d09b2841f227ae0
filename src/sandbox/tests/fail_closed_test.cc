// Where a layer cannot be applied nothing runs, and the Error names the layer.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "support.h"

namespace skep::sandbox {
namespace {

using namespace testing;

struct Missing {
  const char* name;
  long call;          // this machine "does not have" it
  const char* named;  // in the Error
};

class FailClosed : public SandboxTest, public ::testing::WithParamInterface<Missing> {};

void take_away(long call) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog whole{.len = 4, .filter = program};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) != 0) _exit(100);
}

TEST_P(FailClosed, RunsNothing) {
  const pid_t child = fork();
  if (child == 0) {
    Loop loop;
    take_away(GetParam().call);
    const auto outcome = loop.run(sandbox::run(patient(), shell("touch ran"), {}));
    const auto probed = loop.run(probe(patient()));
    if (outcome || probed) _exit(1);
    if (outcome.error().code != Code::kUnsupported) _exit(2);
    if (!outcome.error().message.contains(GetParam().named)) _exit(3);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  EXPECT_FALSE(fs::exists(workspace_ / "ran"));
}

void PrintTo(const Missing& missing, std::ostream* out) { *out << missing.name; }

INSTANTIATE_TEST_SUITE_P(
    Layers, FailClosed,
    ::testing::Values(Missing{"namespaces", SYS_clone, "namespaces"},
                      Missing{"landlock", SYS_landlock_create_ruleset, "Landlock"},
                      Missing{"landlock_rules", SYS_landlock_add_rule, "Landlock"},
                      Missing{"landlock_domain", SYS_landlock_restrict_self, "Landlock"},
                      Missing{"seccomp", SYS_seccomp, "seccomp"},
                      Missing{"mounts", SYS_mount, "mount"},
                      Missing{"root", SYS_pivot_root, "mount"},
                      Missing{"capabilities", SYS_capset, "capabilities"},
                      Missing{"limits", SYS_prlimit64, "limit"},
                      Missing{"descriptors", SYS_close_range, "descriptors"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace skep::sandbox
