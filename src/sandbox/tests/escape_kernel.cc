// Attempts on other processes, on rights and on the kernel itself.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string_view>

#include "escape_child.h"

namespace escape {
namespace {

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  return syscall(number, a, b, c, d, e);
}
// Refused means one of these: "no such thing" or "not you", never "wrong argument".
bool got_through(long result) {
  return result >= 0 || (errno != EPERM && errno != ENOSYS && errno != EACCES);
}

bool trace_me(const Target&) { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }
bool trace_init(const Target&) { return ptrace(PTRACE_SEIZE, 1, nullptr, nullptr) == 0; }
bool trace_child(const Target&) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const bool traced = ptrace(PTRACE_ATTACH, child, nullptr, nullptr) == 0;
  const int error = errno;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  errno = error;
  return traced;
}
bool read_memory_of_init(const Target&) {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  return process_vm_readv(1, &here, 1, &there, 1, 0) >= 0;
}
bool write_memory_of_init(const Target&) {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  return process_vm_writev(1, &here, 1, &there, 1, 0) >= 0;
}
bool take_descriptor_of_init(const Target&) {
  const int init = static_cast<int>(call(SYS_pidfd_open, 1));
  return call(SYS_pidfd_getfd, init, 0) >= 0;
}
bool compare_with_init(const Target&) { return got_through(call(SYS_kcmp, getpid(), 1, 0, 0, 0)); }
bool signal_parent_process(const Target& t) { return kill(t.pid, SIGTERM) == 0; }
bool signal_init(const Target&) { return kill(1, SIGKILL) == 0; }
bool signal_init_quietly(const Target&) { return kill(1, 0) == 0; }
bool signal_init_by_descriptor(const Target&) {
  const int init = static_cast<int>(call(SYS_pidfd_open, 1));
  return call(SYS_pidfd_send_signal, init, SIGKILL, 0, 0) == 0;
}
bool queue_signal_to_init(const Target&) {
  sigval value{};
  return sigqueue(1, SIGUSR1, value) == 0;
}
bool signal_by_file_owner(const Target& t) {
  int ends[2];
  return pipe(ends) == 0 && fcntl(ends[0], F_SETOWN, t.pid) == 0;
}
// Had it worked, nobody would be left to say so.
bool kill_init_by_file_owner(const Target&) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  fcntl(ends[0], F_SETOWN, 1);
  fcntl(ends[0], F_SETSIG, SIGKILL);
  fcntl(ends[0], F_SETFL, O_ASYNC);
  if (write(ends[1], "x", 1) == 1) usleep(100'000);
  errno = EPERM;
  return false;
}

bool mount_memory(const Target&) { return mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0; }
bool mount_proc(const Target&) { return mount("proc", "/tmp", "proc", 0, nullptr) == 0; }
bool mount_bind(const Target&) { return mount("/usr", "/tmp", nullptr, MS_BIND, nullptr) == 0; }
bool remount_writable(const Target&) {
  return mount(nullptr, "/usr", nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0;
}
bool unmount_workspace(const Target&) { return umount2("/workspace", MNT_DETACH) == 0; }
bool unmount_proc(const Target&) { return umount2("/proc", MNT_DETACH) == 0; }
bool pivot(const Target&) {
  return got_through(
      call(SYS_pivot_root, reinterpret_cast<long>("/tmp"), reinterpret_cast<long>("/tmp")));
}
bool change_root(const Target&) { return chroot("/tmp") == 0; }
bool new_mount_api(const Target&) {
  return call(SYS_fsopen, reinterpret_cast<long>("tmpfs"), 0) >= 0;
}
bool clone_mount(const Target&) {
  return call(SYS_open_tree, AT_FDCWD, reinterpret_cast<long>("/usr"), 1) >= 0;
}
bool set_mount_attributes(const Target&) {
  return got_through(call(SYS_mount_setattr, AT_FDCWD, reinterpret_cast<long>("/usr"), 0, 0, 0));
}

bool unshare_user(const Target&) { return unshare(CLONE_NEWUSER) == 0; }
bool unshare_mounts(const Target&) { return unshare(CLONE_NEWNS) == 0; }
bool unshare_network(const Target&) { return unshare(CLONE_NEWNET) == 0; }
bool clone_user(const Target&) {
  const long child = call(SYS_clone, CLONE_NEWUSER | SIGCHLD);
  if (child == 0) _exit(0);
  return child > 0;
}
bool clone_everything(const Target&) {
  const long child =
      call(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | SIGCHLD);
  if (child == 0) _exit(0);
  return child > 0;
}
bool clone3_user(const Target&) {
  clone_args args{};
  args.flags = CLONE_NEWUSER;
  args.exit_signal = SIGCHLD;
  const long child = call(SYS_clone3, reinterpret_cast<long>(&args), sizeof args);
  if (child == 0) _exit(0);
  return child > 0;
}
bool enter_namespace_of_init(const Target&) {
  const int fd = open("/proc/1/ns/mnt", O_RDONLY);
  return fd >= 0 || got_through(setns(fd, 0));
}
bool enter_namespace_by_pidfd(const Target&) {
  return got_through(setns(static_cast<int>(call(SYS_pidfd_open, 1)), CLONE_NEWNS));
}

bool io_uring(const Target&) {
  char params[256] = {};
  return call(SYS_io_uring_setup, 4, reinterpret_cast<long>(params)) >= 0;
}
bool io_uring_use(const Target&) { return got_through(call(SYS_io_uring_enter, 0)); }
bool bpf_map(const Target&) {
  char attr[128] = {};
  return got_through(call(SYS_bpf, 0, reinterpret_cast<long>(attr), sizeof attr));
}
bool read_keyring(const Target&) { return got_through(call(SYS_keyctl, 0, -4, 0)); }
bool add_key(const Target&) {
  return got_through(call(SYS_add_key, reinterpret_cast<long>("user"), reinterpret_cast<long>("k"),
                          reinterpret_cast<long>("v"), 1, -4));
}
bool request_key(const Target&) {
  return got_through(
      call(SYS_request_key, reinterpret_cast<long>("user"), reinterpret_cast<long>("k"), 0, 0));
}
bool handle_page_faults(const Target&) { return got_through(call(SYS_userfaultfd, 1)); }
bool measure_kernel(const Target&) {
  char attr[128] = {};
  return got_through(call(SYS_perf_event_open, reinterpret_cast<long>(attr), 0, -1, -1, 0));
}
bool load_kernel(const Target&) { return call(SYS_kexec_load) >= 0; }
bool load_kernel_file(const Target&) { return call(SYS_kexec_file_load) >= 0; }
bool load_module(const Target&) { return call(SYS_init_module) >= 0; }
bool load_module_file(const Target&) { return call(SYS_finit_module) >= 0; }
bool remove_module(const Target&) { return call(SYS_delete_module) >= 0; }
bool restart_machine(const Target&) { return reboot(RB_DISABLE_CAD) == 0; }
bool swap(const Target&) { return call(SYS_swapon) >= 0; }
bool account_processes(const Target&) { return acct(nullptr) == 0; }
bool change_personality(const Target&) { return personality(READ_IMPLIES_EXEC) >= 0; }
bool read_kernel_log(const Target&) { return got_through(call(SYS_syslog, 10)); }
bool set_clock(const Target&) {
  timeval now{};
  gettimeofday(&now, nullptr);
  return settimeofday(&now, nullptr) == 0;
}
bool set_host_name(const Target&) { return sethostname("evil", 4) == 0; }
bool hang_up_terminal(const Target&) { return call(SYS_vhangup) == 0; }
bool quota(const Target&) { return got_through(call(SYS_quotactl)); }
bool unknown_call(const Target&) { return got_through(call(999)); }
#if defined(__x86_64__)
bool port_access(const Target&) { return call(SYS_iopl, 3) >= 0; }
bool call_of_other_word_size(const Target&) {
  long result = 20;  // getpid, by the 32-bit gate
  asm volatile("int $0x80" : "+a"(result) : : "memory");
  return result > 0;
}
bool call_of_x32(const Target&) { return call(0x40000000 | SYS_getpid) > 0; }
#endif

bool become_root(const Target&) { return setuid(0) == 0 || geteuid() == 0; }
bool become_other(const Target&) { return setresuid(1, 1, 1) == 0; }
bool take_root_group(const Target&) { return setgid(0) == 0; }
bool take_groups(const Target&) {
  const gid_t group = 0;
  return call(SYS_setgroups, 1, reinterpret_cast<long>(&group)) == 0;
}
bool take_capabilities(const Target&) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct all[2] = {{~0u, ~0u, 0}, {~0u, ~0u, 0}};
  return call(SYS_capset, reinterpret_cast<long>(&header), reinterpret_cast<long>(all)) == 0;
}
bool has_capabilities(const Target&) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct mine[2] = {};
  call(SYS_capget, reinterpret_cast<long>(&header), reinterpret_cast<long>(mine));
  return (mine[0].effective | mine[0].permitted | mine[0].inheritable | mine[1].effective |
          mine[1].permitted) != 0;
}
bool has_bounding_capabilities(const Target&) {
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) return true;
  }
  return false;
}
bool ambient_capability(const Target&) {
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) == 0;
}
bool allow_new_privileges(const Target&) {
  return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}
bool drop_filter(const Target&) {
  return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2 || prctl(PR_SET_SECCOMP, 0, 0, 0, 0) == 0;
}
bool raise_priority(const Target&) { return setpriority(PRIO_PROCESS, 0, -5) == 0; }
bool real_time(const Target&) {
  const sched_param parameters{.sched_priority = 10};
  return sched_setscheduler(0, SCHED_FIFO, &parameters) == 0;
}
bool raise_limits(const Target&) {
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  return setrlimit(RLIMIT_AS, &none) == 0 || setrlimit(RLIMIT_FSIZE, &none) == 0 ||
         setrlimit(RLIMIT_CORE, &none) == 0;
}
bool limits_of_init(const Target&) {
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  return prlimit(1, RLIMIT_CPU, &none, nullptr) == 0;
}
bool type_into_terminal(const Target&) { return got_through(ioctl(0, TIOCSTI, "x")); }
bool paste_into_console(const Target&) {
  char paste = 3;
  return got_through(ioctl(0, TIOCLINUX, &paste));
}
bool type_with_high_bits(const Target&) {
  return got_through(
      call(SYS_ioctl, 0, static_cast<long>(0x100000000ull | TIOCSTI), reinterpret_cast<long>("x")));
}
bool take_terminal(const Target&) { return ioctl(0, TIOCSCTTY, 1) == 0; }
bool lock_memory(const Target&) {
  void* room = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mlock(room, 1 << 20) == 0;
}
bool shared_segment_of_others(const Target& t) { return shmget(t.pid, 0, 0) >= 0; }
bool environment_leaks(const Target&) {
  constexpr std::string_view kMine[] = {"PATH=", "HOME=", "TMPDIR=", "LANG=", "TERM="};
  for (char** at = environ; *at != nullptr; ++at) {
    bool known = false;
    for (const std::string_view name : kMine) known |= std::string_view(*at).starts_with(name);
    if (!known) return true;
  }
  return false;
}

#define ATTEMPT(name) {#name, name}
constexpr Attempt kAttempts[] = {
#if defined(__x86_64__)
    ATTEMPT(port_access),
    ATTEMPT(call_of_other_word_size),
    ATTEMPT(call_of_x32),
#endif
    ATTEMPT(trace_me),
    ATTEMPT(trace_init),
    ATTEMPT(trace_child),
    ATTEMPT(read_memory_of_init),
    ATTEMPT(write_memory_of_init),
    ATTEMPT(take_descriptor_of_init),
    ATTEMPT(compare_with_init),
    ATTEMPT(signal_parent_process),
    ATTEMPT(signal_init),
    ATTEMPT(signal_init_quietly),
    ATTEMPT(signal_init_by_descriptor),
    ATTEMPT(queue_signal_to_init),
    ATTEMPT(signal_by_file_owner),
    ATTEMPT(kill_init_by_file_owner),
    ATTEMPT(mount_memory),
    ATTEMPT(mount_proc),
    ATTEMPT(mount_bind),
    ATTEMPT(remount_writable),
    ATTEMPT(unmount_workspace),
    ATTEMPT(unmount_proc),
    ATTEMPT(pivot),
    ATTEMPT(change_root),
    ATTEMPT(new_mount_api),
    ATTEMPT(clone_mount),
    ATTEMPT(set_mount_attributes),
    ATTEMPT(unshare_user),
    ATTEMPT(unshare_mounts),
    ATTEMPT(unshare_network),
    ATTEMPT(clone_user),
    ATTEMPT(clone_everything),
    ATTEMPT(clone3_user),
    ATTEMPT(enter_namespace_of_init),
    ATTEMPT(enter_namespace_by_pidfd),
    ATTEMPT(io_uring),
    ATTEMPT(io_uring_use),
    ATTEMPT(bpf_map),
    ATTEMPT(read_keyring),
    ATTEMPT(add_key),
    ATTEMPT(request_key),
    ATTEMPT(handle_page_faults),
    ATTEMPT(measure_kernel),
    ATTEMPT(load_kernel),
    ATTEMPT(load_kernel_file),
    ATTEMPT(load_module),
    ATTEMPT(load_module_file),
    ATTEMPT(remove_module),
    ATTEMPT(restart_machine),
    ATTEMPT(swap),
    ATTEMPT(account_processes),
    ATTEMPT(change_personality),
    ATTEMPT(read_kernel_log),
    ATTEMPT(set_clock),
    ATTEMPT(set_host_name),
    ATTEMPT(hang_up_terminal),
    ATTEMPT(quota),
    ATTEMPT(unknown_call),
    ATTEMPT(become_root),
    ATTEMPT(become_other),
    ATTEMPT(take_root_group),
    ATTEMPT(take_groups),
    ATTEMPT(take_capabilities),
    ATTEMPT(has_capabilities),
    ATTEMPT(has_bounding_capabilities),
    ATTEMPT(ambient_capability),
    ATTEMPT(allow_new_privileges),
    ATTEMPT(drop_filter),
    ATTEMPT(raise_priority),
    ATTEMPT(real_time),
    ATTEMPT(raise_limits),
    ATTEMPT(limits_of_init),
    ATTEMPT(type_into_terminal),
    ATTEMPT(paste_into_console),
    ATTEMPT(type_with_high_bits),
    ATTEMPT(take_terminal),
    ATTEMPT(lock_memory),
    ATTEMPT(shared_segment_of_others),
    ATTEMPT(environment_leaks)};

}  // namespace

std::vector<Attempt> kernel_attempts() { return {std::begin(kAttempts), std::end(kAttempts)}; }

}  // namespace escape
