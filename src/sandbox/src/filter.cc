#include "filter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace skep::sandbox {
namespace {

struct Release {
  void operator()(scmp_filter_ctx context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// No program that is worth running asks for these: it dies.
constexpr const char* kDeadly[] = {
    "acct", "create_module",   "delete_module", "finit_module", "init_module", "ioperm",
    "iopl", "kexec_file_load", "kexec_load",    "reboot",       "swapoff",     "swapon"};

// Other processes, the kernel's insides, mounts and namespaces: EPERM. Some are merely large, old
// attack surfaces (io_uring, userfaultfd, bpf, perf, keys).
constexpr const char* kRefused[] = {"ptrace",
                                    "process_vm_readv",
                                    "process_vm_writev",
                                    "process_madvise",
                                    "process_mrelease",
                                    "kcmp",
                                    "pidfd_getfd",
                                    "mount",
                                    "umount",
                                    "umount2",
                                    "pivot_root",
                                    "move_mount",
                                    "open_tree",
                                    "fsopen",
                                    "fsconfig",
                                    "fsmount",
                                    "fspick",
                                    "mount_setattr",
                                    "chroot",
                                    "quotactl",
                                    "quotactl_fd",
                                    "unshare",
                                    "setns",
                                    "add_key",
                                    "keyctl",
                                    "request_key",
                                    "bpf",
                                    "io_uring_setup",
                                    "io_uring_enter",
                                    "io_uring_register",
                                    "userfaultfd",
                                    "perf_event_open",
                                    "fanotify_init",
                                    "fanotify_mark",
                                    "lookup_dcookie",
                                    "name_to_handle_at",
                                    "open_by_handle_at",
                                    "adjtimex",
                                    "clock_adjtime",
                                    "clock_settime",
                                    "settimeofday",
                                    "stime",
                                    "sethostname",
                                    "setdomainname",
                                    "syslog",
                                    "vhangup",
                                    "personality",
                                    "modify_ldt",
                                    "vm86",
                                    "vm86old",
                                    "nfsservctl",
                                    "_sysctl",
                                    "uselib",
                                    "ustat",
                                    "sysfs",
                                    "vserver",
                                    "migrate_pages",
                                    "move_pages",
                                    "get_kernel_syms",
                                    "query_module",
                                    "mbind",
                                    "set_mempolicy",
                                    "set_mempolicy_home_node"};

// New calls that hide their flags behind a pointer, where no filter can look. Programs fall back to
// the old form on ENOSYS.
constexpr const char* kUnlookable[] = {"clone3", "openat2"};

constexpr std::uint64_t kNewNamespaces[] = {CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS,
                                            CLONE_NEWIPC, CLONE_NEWUSER,   CLONE_NEWPID,
                                            CLONE_NEWNET};

// Collects rules; a failure of one is kept.
class Rules {
 public:
  explicit Rules(std::uint32_t otherwise) : context_(seccomp_init(otherwise)) {
    if (!context_) note(-ENOMEM);
    if (!context_) return;
    note(seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    note(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  }

  // Names that this machine's architecture does not have are passed over.
  void add(std::uint32_t action, const char* name, std::vector<scmp_arg_cmp> when = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || error_ != 0) return;
    note(seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(when.size()),
                                when.data()));
  }
  void add(std::uint32_t action, int number) {
    if (error_ == 0) note(seccomp_rule_add(context_.get(), action, number, 0));
  }

  Result<std::vector<sock_filter>> compile() {
    const int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0) return fail(errno_error("seccomp", errno));
    if (error_ == 0) note(seccomp_export_bpf(context_.get(), fd));
    struct stat info{};
    std::vector<sock_filter> program;
    if (error_ == 0 && fstat(fd, &info) == 0) {
      const auto bytes = static_cast<std::size_t>(info.st_size);
      program.resize(bytes / sizeof(sock_filter));
      if (pread(fd, program.data(), bytes, 0) != info.st_size) note(-EIO);
    }
    close(fd);
    if (error_ != 0 || program.empty())
      return fail(Code::kUnsupported, errno_error("making the seccomp filter", -error_).message);
    return program;
  }

 private:
  void note(int result) {
    if (result < 0 && error_ == 0) error_ = result;
  }
  Context context_;
  int error_ = 0;
};

scmp_arg_cmp has_bits(unsigned arg, std::uint64_t bits) {
  return {arg, SCMP_CMP_MASKED_EQ, bits, bits};
}
scmp_arg_cmp is_type(unsigned arg, std::uint64_t type) {
  return {arg, SCMP_CMP_MASKED_EQ, S_IFMT, type};
}
scmp_arg_cmp compare(unsigned arg, scmp_compare how, std::uint64_t with) {
  return {arg, how, with, 0};
}

// Only the families that `network` grants; raw and packet sockets never.
void refuse_sockets(Rules& rules, Network network, bool unix_sockets) {
  const std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
  constexpr std::uint64_t kTypeMask = 0xf;
  for (const std::uint64_t type : {std::uint64_t{SOCK_RAW}, std::uint64_t{SOCK_PACKET}})
    rules.add(refuse, "socket", {{1, SCMP_CMP_MASKED_EQ, kTypeMask, type}});
  for (const char* call : {"socket", "socketpair"}) {
    if (network == Network::kNone) {
      rules.add(refuse, call, {compare(0, SCMP_CMP_NE, AF_UNIX)});
      continue;
    }
    rules.add(refuse, call, {compare(0, SCMP_CMP_GT, AF_INET6)});
    for (std::uint64_t family = 0; family < AF_INET6; ++family) {
      const bool granted = family == AF_INET || (family == AF_UNIX && unix_sockets);
      if (!granted) rules.add(refuse, call, {compare(0, SCMP_CMP_EQ, family)});
    }
  }
}

// A file that runs as its owner would give whoever starts it outside the owner's rights.
void refuse_set_id_files(Rules& rules) {
  const std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
  struct Call {
    const char* name;
    unsigned mode;
  };
  constexpr Call kModes[] = {{"chmod", 1},     {"fchmod", 1}, {"fchmodat", 2},
                             {"fchmodat2", 2}, {"creat", 1},  {"mkdir", 1},
                             {"mkdirat", 2},   {"mknod", 1},  {"mknodat", 2}};
  // Where nothing is made the mode is whatever was in the register.
  constexpr Call kOpens[] = {{"open", 2}, {"openat", 3}};
  for (const std::uint64_t bit : {std::uint64_t{S_ISUID}, std::uint64_t{S_ISGID}}) {
    for (const Call& call : kModes) rules.add(refuse, call.name, {has_bits(call.mode, bit)});
    for (const Call& call : kOpens) {
      for (const std::uint64_t making : {std::uint64_t{O_CREAT}, std::uint64_t{O_TMPFILE}})
        rules.add(refuse, call.name, {has_bits(call.mode - 1, making), has_bits(call.mode, bit)});
    }
  }
}

void refuse_by_argument(Rules& rules) {
  const std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
  for (const std::uint64_t flag : kNewNamespaces) rules.add(refuse, "clone", {has_bits(0, flag)});
  constexpr std::uint64_t kWord = 0xffffffff;
  for (const std::uint64_t request :
       {std::uint64_t{TIOCSTI}, std::uint64_t{TIOCLINUX}, std::uint64_t{TIOCCONS}})
    rules.add(refuse, "ioctl", {{1, SCMP_CMP_MASKED_EQ, kWord, request}});
  rules.add(refuse, "prlimit64", {compare(0, SCMP_CMP_NE, 0)});  // others' limits
  rules.add(refuse, "mknod", {is_type(1, S_IFCHR)});
  rules.add(refuse, "mknod", {is_type(1, S_IFBLK)});
  rules.add(refuse, "mknodat", {is_type(2, S_IFCHR)});
  rules.add(refuse, "mknodat", {is_type(2, S_IFBLK)});
}

Result<Filters> build(Network network, bool unix_sockets) {
  Rules refusals(SCMP_ACT_ALLOW);
  for (const char* name : kDeadly) refusals.add(SCMP_ACT_KILL_PROCESS, name);
  for (const char* name : kRefused) refusals.add(SCMP_ACT_ERRNO(EPERM), name);
  for (const char* name : kUnlookable) refusals.add(SCMP_ACT_ERRNO(ENOSYS), name);
  refuse_sockets(refusals, network, unix_sockets);
  refuse_by_argument(refusals);
  refuse_set_id_files(refusals);

  Rules known(SCMP_ACT_ERRNO(ENOSYS));
  constexpr int kNumbersMax = 1024;
  for (int number = 0; number < kNumbersMax; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    if (name == nullptr) continue;
    free(name);
    known.add(SCMP_ACT_ALLOW, number);
  }
  Filters filters;
  SKEP_TRY(filters.refusals, refusals.compile());
  SKEP_TRY(filters.known, known.compile());
  return filters;
}

}  // namespace

Result<Filters> make_filters(Network network, bool unix_sockets) {
  // Nothing in them ever changes, and making them takes longer than starting a program.
  static const Result<Filters> isolated = build(Network::kNone, true);
  if (network == Network::kNone) return isolated;
  static const Result<Filters> connected = build(Network::kHost, true);
  static const Result<Filters> connected_without_unix = build(Network::kHost, false);
  return unix_sockets ? connected : connected_without_unix;
}

}  // namespace skep::sandbox
