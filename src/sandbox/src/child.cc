#include "child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "child_files.h"
#include "landlock.h"

namespace skep::sandbox {
namespace {

constexpr int kNiceness = 10;
constexpr int kSetupFailed = 125;  // nobody looks at it: the Failure says more

[[noreturn]] void give_up(const Plan& plan, const Failure& failure) {
  const ssize_t written = write(plan.fds.failure, &failure, sizeof failure);
  _exit(written == sizeof failure ? kSetupFailed : kSetupFailed + 1);
}
[[noreturn]] void give_up(const Plan& plan, Stage stage, std::uint32_t index = 0) {
  give_up(plan, Failure{stage, errno, index});
}

bool write_file(const char* path, const char* text, std::size_t size) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text, size) == static_cast<ssize_t>(size);
  const int error = errno;
  close(fd);
  errno = error;
  return written;
}
bool write_file(const char* path, const std::string& text) {
  return write_file(path, text.data(), text.size());
}

// Nothing of the parent's handlers; all signals stay blocked until the program starts.
void forget_signal_handlers() {
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &usual, nullptr);
}

// Ours is the copy of a process that knows keys: what the program could see of it is wiped.
void wipe_arguments(const Plan& plan) {
  for (volatile char* at = plan.wipe_from; at < plan.wipe_to; ++at) *at = '\0';
  prctl(PR_SET_NAME, "sandbox-init");
}

// Grows the stack while it can: once the address space is bounded it could not.
void take_stack() {
  volatile char room[64 * 1024];
  constexpr std::size_t kPage = 4096;
  for (std::size_t at = 0; at < sizeof room; at += kPage) room[at] = 0;
}

// All descriptors but plan.keep.
bool close_others(const Plan& plan) {
  unsigned first = 0;
  for (const int keep : plan.keep) {
    const auto kept = static_cast<unsigned>(keep);
    if (kept > first && syscall(SYS_close_range, first, kept - 1, 0) != 0) return false;
    first = kept + 1;
  }
  return syscall(SYS_close_range, first, ~0u, 0) == 0;
}

void take_identity(const Plan& plan) {
  write_file("/proc/self/oom_score_adj", "1000",
             4);  // first to go when the machine has no memory left
  if (!write_file("/proc/self/setgroups", "deny", 4) ||
      !write_file("/proc/self/uid_map", plan.uid_map) ||
      !write_file("/proc/self/gid_map", plan.gid_map)) {
    give_up(plan, Stage::kIdentity);
  }
}

void bound_processes(const Plan& plan) {
  if (plan.processes_max.empty()) return;
  if (!write_file("/proc/sys/kernel/pid_max", plan.processes_max))
    give_up(plan, Stage::kProcessBound);
}

// The capabilities that came with the user namespace, for good.
void drop_capabilities(const Plan& plan) {
  constexpr int kCapabilitiesMax = 64;
  for (int capability = 0; capability < kCapabilitiesMax; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL && capability > CAP_AUDIT_READ) break;  // past this kernel's last
    give_up(plan, Stage::kCapabilities);
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    give_up(plan, Stage::kCapabilities);
  }
}

bool install(const std::vector<sock_filter>& program) {
  sock_fprog whole{.len = static_cast<unsigned short>(program.size()),
                   .filter = const_cast<sock_filter*>(program.data())};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole) == 0;
}

void filter_calls(const Plan& plan) {
  if (!install(plan.known) || !install(plan.refusals)) give_up(plan, Stage::kSeccomp);
}

void enter_landlock(const Plan& plan) {
  std::uint32_t index = 0;
  for (const PathRule& rule : plan.rules) {
    if (landlock::add_path(plan.ruleset, rule.path.c_str(), rule.access) != 0 && errno != ENOENT)
      give_up(plan, Stage::kRule, index);
    ++index;
  }
  if (landlock::restrict_self(plan.ruleset) != 0) give_up(plan, Stage::kLandlock);
}

void take_standard_streams(const Plan& plan) {
  // plan.fds are all above 2, so none of these overwrites another.
  if (dup2(plan.fds.in, 0) < 0 || dup2(plan.fds.out, 1) < 0 || dup2(plan.fds.err, 2) < 0)
    give_up(plan, Stage::kDescriptors);
}

// The failure pipe alone stays, until exec closes it.
void close_all_but_failure(const Plan& plan) {
  const auto failure = static_cast<unsigned>(plan.fds.failure);
  if ((failure > 3 && syscall(SYS_close_range, 3u, failure - 1, 0) != 0) ||
      syscall(SYS_close_range, failure + 1, ~0u, 0) != 0) {
    give_up(plan, Stage::kDescriptors);
  }
}

[[noreturn]] void run_program(const Plan& plan) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (setsid() < 0) give_up(plan, Stage::kSignals);
  setpriority(PRIO_PROCESS, 0, kNiceness);  // the agent's own loop goes first
  take_standard_streams(plan);
  enter_landlock(plan);
  if (chdir(plan.directory.c_str()) != 0) give_up(plan, Stage::kDirectory);
  close_all_but_failure(plan);
  std::uint32_t index = 0;
  for (const ResourceBound& bound : plan.bounds) {
    if (setrlimit(bound.what, &bound.bound) != 0) give_up(plan, Stage::kResource, index);
    ++index;
  }
  filter_calls(plan);
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) != 0) give_up(plan, Stage::kSignals);
  int error = ENOENT;
  for (const std::string& program : plan.programs) {
    execve(program.c_str(), plan.argv.data(), plan.envp.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
  }
  errno = error;
  give_up(plan, Stage::kExec);
}

void report(const Plan& plan, int status) {
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  const auto micros = [](const timeval& t) {
    return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_usec;
  };
  const Ending ending{status, micros(used.ru_utime) + micros(used.ru_stime)};
  const ssize_t written = write(plan.fds.ending, &ending, sizeof ending);
  _exit(written == sizeof ending ? 0 : kSetupFailed);
}

void reap(const Plan& plan, pid_t program) {
  int status = 0;
  pid_t dead = 0;
  while ((dead = waitpid(-1, &status, WNOHANG)) > 0) {
    if (dead == program) report(plan, status);
  }
}

// The end of init is the end of all processes in its namespace: that is how nothing outlives.
[[noreturn]] void watch(const Plan& plan, pid_t program, int children) {
  pollfd watched[] = {{.fd = plan.fds.control, .events = POLLIN, .revents = 0},
                      {.fd = children, .events = POLLIN, .revents = 0}};
  while (true) {
    reap(plan, program);
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[0].revents != 0) {
      char order = 0;
      if (read(plan.fds.control, &order, 1) != 1) _exit(0);
      kill(-1, SIGTERM);
      kill(-1, SIGCONT);
    }
    if (watched[1].revents != 0) {
      signalfd_siginfo ignored{};
      while (read(children, &ignored, sizeof ignored) > 0) {
      }
    }
  }
}

[[noreturn]] void run_init(const Plan& plan) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  take_stack();
  forget_signal_handlers();
  wipe_arguments(plan);
  if (!close_others(plan)) give_up(plan, Stage::kDescriptors);
  take_identity(plan);
  bound_processes(plan);
  sethostname("sandbox", 7);
  Failure failure;
  if (!change_root(plan, failure)) give_up(plan, failure);
  drop_capabilities(plan);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // cleared with a change of credentials
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (children < 0) give_up(plan, Stage::kSignals);
  const auto program =
      static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0));
  if (program < 0) give_up(plan, Stage::kFork);
  if (program == 0) run_program(plan);
  filter_calls(plan);
  for (const int fd : {plan.fds.failure, plan.fds.in, plan.fds.out, plan.fds.err, plan.ruleset})
    close(fd);
  watch(plan, program, children);
}

}  // namespace

pid_t fork_init(const Plan& plan, int& pidfd) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                        CLONE_NEWCGROUP | CLONE_PIDFD | SIGCHLD;
  if (plan.own_network) flags |= CLONE_NEWNET;
  // Not fork(): its handlers take the locks of whichever thread held them.
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, flags, nullptr, &pidfd, nullptr, 0));
  if (pid == 0) run_init(plan);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

}  // namespace skep::sandbox
