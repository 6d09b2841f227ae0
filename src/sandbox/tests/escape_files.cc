// Attempts on files that are not shown, by every way to name them.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "escape_child.h"

namespace escape {
namespace {

bool opens(const std::string& path, int flags = O_RDONLY) {
  const int fd = open(path.c_str(), flags, 0644);
  if (fd < 0) return false;
  char byte = 0;
  // What gives no byte has not been read (an empty file of the system's is none of ours).
  const bool got =
      (flags & O_ACCMODE) != O_RDONLY || (flags & O_DIRECTORY) != 0 || read(fd, &byte, 1) == 1;
  close(fd);
  return got;
}
bool lists(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return false;
  closedir(folder);
  return true;
}
bool own_file(const char* name = "mine") {
  const int fd = open(name, O_RDWR | O_CREAT, 0644);
  if (fd < 0) return false;
  const bool written = write(fd, "x", 1) == 1;
  close(fd);
  return written;
}
const char* kUp = "../../../../../../../..";

bool read_outside(const Target& t) { return opens(t.secret()); }
bool write_outside(const Target& t) { return opens(t.secret(), O_WRONLY); }
bool create_outside(const Target& t) { return opens(t.outside + "/new", O_WRONLY | O_CREAT); }
bool append_outside(const Target& t) { return opens(t.secret(), O_WRONLY | O_APPEND); }
bool stat_outside(const Target& t) {
  struct stat info{};
  return stat(t.secret().c_str(), &info) == 0;
}
bool list_outside(const Target& t) { return lists(t.outside); }
bool enter_outside(const Target& t) { return chdir(t.outside.c_str()) == 0; }
bool exec_outside(const Target& t) {
  execl((t.outside + "/program").c_str(), "program", nullptr);
  return false;
}
bool read_by_dot_dot(const Target& t) { return opens(kUp + t.secret()); }
bool read_by_dot_dot_of_workspace(const Target& t) {
  return opens("/workspace/" + (kUp + t.secret()));
}
bool read_parent_of_workspace(const Target&) { return opens("/workspace/../secret.txt"); }
bool read_by_absolute_link(const Target& t) {
  std::ignore = symlink(t.secret().c_str(), "absolute");
  return opens("absolute");
}
bool read_by_relative_link(const Target& t) {
  std::ignore = symlink((kUp + t.secret()).c_str(), "relative");
  return opens("relative");
}
bool write_by_link(const Target& t) {
  std::ignore = symlink(t.secret().c_str(), "writable");
  return opens("writable", O_WRONLY | O_TRUNC);
}
bool enter_by_linked_folder(const Target& t) {
  std::ignore = symlink(t.outside.c_str(), "folder");
  return opens("folder/secret.txt");
}
bool hard_link_outside(const Target& t) { return link(t.secret().c_str(), "hard") == 0; }
bool hard_link_system_file(const Target&) { return link("/usr/bin/true", "hard") == 0; }
bool hard_link_by_descriptor(const Target&) {
  const int fd = open("/usr/bin/true", O_PATH);
  return linkat(fd, "", AT_FDCWD, "hard", AT_EMPTY_PATH) == 0;
}
bool hard_link_by_proc(const Target&) {
  return linkat(AT_FDCWD, "/proc/self/exe", AT_FDCWD, "hard", AT_SYMLINK_FOLLOW) == 0;
}
bool rename_outside(const Target& t) {
  return own_file() && rename("mine", (t.outside + "/mine").c_str()) == 0;
}
bool rename_system_file(const Target&) { return rename("/usr/bin/true", "true") == 0; }
bool exchange_with_system(const Target&) {
  return own_file() && renameat2(AT_FDCWD, "mine", AT_FDCWD, "/usr/bin/true", RENAME_EXCHANGE) == 0;
}
bool replace_workspace(const Target&) { return rename("/workspace", "/tmp/workspace") == 0; }
bool create_in_usr(const Target&) { return opens("/usr/bin/evil", O_WRONLY | O_CREAT); }
bool write_system_program(const Target&) { return opens("/usr/bin/true", O_WRONLY); }
bool truncate_system_program(const Target&) { return truncate("/usr/bin/true", 0) == 0; }
bool delete_system_program(const Target&) { return unlink("/usr/bin/true") == 0; }
bool chmod_system_program(const Target&) { return chmod("/usr/bin/true", 0777) == 0; }
bool touch_system_program(const Target&) {
  return utimensat(AT_FDCWD, "/usr/bin/true", nullptr, 0) == 0;
}
bool write_passwd(const Target&) { return opens("/etc/passwd", O_WRONLY); }
bool create_in_etc(const Target&) { return opens("/etc/ld.so.preload", O_WRONLY | O_CREAT); }
bool create_in_root(const Target&) { return opens("/evil", O_WRONLY | O_CREAT); }
bool make_root_folder(const Target&) { return mkdir("/evil", 0755) == 0; }
bool read_shadow(const Target&) { return opens("/etc/shadow"); }
bool read_machine_id(const Target&) { return opens("/etc/machine-id"); }
bool list_home_of_root(const Target&) { return lists("/root"); }
bool list_homes(const Target&) { return lists("/home"); }
bool list_var(const Target&) { return lists("/var"); }
bool list_run(const Target&) { return lists("/run"); }
bool list_root(const Target&) { return lists("/"); }
bool find_old_root(const Target&) { return lists("/oldroot"); }
bool tmp_of_others(const Target&) {
  DIR* folder = opendir("/tmp");
  int entries = 0;
  while (folder != nullptr && readdir(folder) != nullptr) ++entries;
  if (folder != nullptr) closedir(folder);
  errno = ENOENT;
  return entries > 2;
}
bool shared_memory_of_others(const Target& t) {
  return opens("/dev/shm/skep-escape-" + std::to_string(t.pid));
}

bool proc_self_root(const Target& t) { return opens("/proc/self/root" + t.secret()); }
bool proc_self_cwd(const Target& t) { return opens("/proc/self/cwd/" + (kUp + t.secret())); }
bool proc_self_exe_write(const Target&) { return opens("/proc/self/exe", O_WRONLY); }
bool proc_self_uid_map(const Target&) { return opens("/proc/self/uid_map", O_WRONLY); }
bool proc_self_setgroups(const Target&) { return opens("/proc/self/setgroups", O_WRONLY); }
bool proc_self_oom_score(const Target&) { return opens("/proc/self/oom_score_adj", O_WRONLY); }
bool proc_self_mem_write(const Target&) { return opens("/proc/self/mem", O_WRONLY); }
bool proc_self_attr(const Target&) { return opens("/proc/self/attr/current", O_WRONLY); }
bool proc_init_root(const Target& t) {
  return opens("/proc/1/root" + t.secret()) || lists("/proc/1/root/usr");
}
bool proc_init_cwd(const Target&) { return lists("/proc/1/cwd/."); }
bool proc_init_exe(const Target&) { return opens("/proc/1/exe"); }
bool proc_init_environ(const Target&) { return opens("/proc/1/environ"); }
bool proc_init_mem(const Target&) { return opens("/proc/1/mem") || opens("/proc/1/mem", O_WRONLY); }
bool proc_init_maps(const Target&) { return opens("/proc/1/maps"); }
bool proc_init_fd(const Target&) { return lists("/proc/1/fd"); }
bool proc_init_mem_by_task(const Target&) { return opens("/proc/1/task/1/mem"); }
bool proc_init_arguments(const Target&) {
  char text[4096];
  const int fd = open("/proc/1/cmdline", O_RDONLY);
  const ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text);
  for (ssize_t i = 0; i < size; ++i) {
    if (text[i] != '\0') return true;
  }
  return false;
}
bool proc_of_host(const Target& t) { return opens("/proc/" + std::to_string(t.pid) + "/status"); }
bool proc_kcore(const Target&) { return opens("/proc/kcore"); }
bool proc_keys(const Target&) { return opens("/proc/keys"); }
bool proc_kernel_symbols(const Target&) { return opens("/proc/kallsyms"); }
bool proc_kernel_command(const Target&) { return opens("/proc/cmdline"); }
bool proc_sysrq(const Target&) { return opens("/proc/sysrq-trigger", O_WRONLY); }
bool proc_core_pattern(const Target&) { return opens("/proc/sys/kernel/core_pattern", O_WRONLY); }
bool proc_pid_max(const Target&) { return opens("/proc/sys/kernel/pid_max", O_WRONLY); }
bool sys_folder(const Target&) { return lists("/sys") || lists("/sys/kernel"); }
bool cgroups(const Target&) { return lists("/sys/fs/cgroup"); }

bool device_memory(const Target&) {
  return opens("/dev/mem") || opens("/dev/port") || opens("/dev/kmem");
}
bool device_log(const Target&) { return opens("/dev/kmsg"); }
bool device_disk(const Target&) {
  return opens("/dev/vda") || opens("/dev/sda") || opens("/dev/loop-control", O_RDWR);
}
bool device_terminal(const Target&) { return opens("/dev/tty", O_RDWR); }
bool device_new_terminal(const Target&) {
  return opens("/dev/ptmx", O_RDWR) || opens("/dev/pts/ptmx", O_RDWR);
}
bool device_fuse(const Target&) {
  return opens("/dev/fuse", O_RDWR) || opens("/dev/net/tun", O_RDWR);
}
bool device_kvm(const Target&) {
  return opens("/dev/kvm", O_RDWR) || opens("/dev/vhost-net", O_RDWR);
}
bool make_disk_node(const Target&) { return mknod("disk", S_IFBLK | 0600, makedev(254, 0)) == 0; }
bool make_memory_node(const Target&) { return mknod("memory", S_IFCHR | 0600, makedev(1, 1)) == 0; }
bool make_node_in_tmp(const Target&) {
  return mknod("/tmp/null", S_IFCHR | 0600, makedev(1, 3)) == 0;
}

bool set_user_id_file(const Target&) { return own_file() && chmod("mine", 04755) == 0; }
bool set_group_id_file(const Target&) { return own_file() && chmod("mine", 02755) == 0; }
bool create_set_user_id_file(const Target&) { return open("root", O_CREAT | O_WRONLY, 04755) >= 0; }
bool set_user_id_by_descriptor(const Target&) {
  const int fd = open("mine", O_CREAT | O_RDWR, 0755);
  return fchmod(fd, 04755) == 0;
}
bool set_group_id_folder(const Target&) { return mkdir("folder", 02777) == 0; }
bool set_id_mounts(const Target&) {
  struct statvfs usr{};
  struct statvfs mine{};
  if (statvfs("/usr", &usr) != 0 || statvfs(".", &mine) != 0) return true;
  return (usr.f_flag & ST_NOSUID) == 0 || (mine.f_flag & ST_NOSUID) == 0;
}
bool file_capability(const Target&) {
  const std::uint32_t capability[5] = {0x02000001, 0xffffffff, 0, 0xffffffff, 0};
  return own_file() &&
         setxattr("mine", "security.capability", capability, sizeof capability, 0) == 0;
}
bool give_away_file(const Target&) { return own_file() && chown("mine", 0, 0) == 0; }
bool watch_outside(const Target& t) {
  const int fd = inotify_init1(IN_CLOEXEC);
  return inotify_add_watch(fd, t.outside.c_str(), IN_ALL_EVENTS) >= 0 ||
         inotify_add_watch(fd, t.secret().c_str(), IN_ALL_EVENTS) >= 0;
}
bool watch_everything(const Target&) { return syscall(SYS_fanotify_init, 0, O_RDONLY) >= 0; }
bool file_by_handle(const Target&) {
  struct {
    file_handle handle;
    unsigned char room[128];
  } place{};
  place.handle.handle_bytes = sizeof place.room;
  int mount_id = 0;
  return name_to_handle_at(AT_FDCWD, ".", &place.handle, &mount_id, 0) == 0;
}
bool open_by_handle(const Target&) {
  struct {
    file_handle handle;
    unsigned char room[128];
  } place{};
  place.handle.handle_bytes = 8;
  place.handle.handle_type = 1;
  const bool opened = open_by_handle_at(AT_FDCWD, &place.handle, O_RDONLY) >= 0;
  return opened || errno == ESTALE;  // looked up at all
}
bool hidden_open_flags(const Target&) {
  open_how how{};
  how.flags = O_CREAT | O_WRONLY;
  how.mode = 04755;
  return syscall(SYS_openat2, AT_FDCWD, "root", &how, sizeof how) >= 0;
}
bool inherited_descriptors(const Target&) {
  for (int fd = 3; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) return true;
  }
  return false;
}
bool standard_streams_are_pipes_only(const Target&) {
  struct stat info{};
  for (int fd = 0; fd < 3; ++fd) {
    if (fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode)) return true;
  }
  return false;
}

#define ATTEMPT(name) {#name, name}
constexpr Attempt kAttempts[] = {ATTEMPT(read_outside),
                                 ATTEMPT(write_outside),
                                 ATTEMPT(create_outside),
                                 ATTEMPT(append_outside),
                                 ATTEMPT(stat_outside),
                                 ATTEMPT(list_outside),
                                 ATTEMPT(enter_outside),
                                 ATTEMPT(exec_outside),
                                 ATTEMPT(read_by_dot_dot),
                                 ATTEMPT(read_by_dot_dot_of_workspace),
                                 ATTEMPT(read_parent_of_workspace),
                                 ATTEMPT(read_by_absolute_link),
                                 ATTEMPT(read_by_relative_link),
                                 ATTEMPT(write_by_link),
                                 ATTEMPT(enter_by_linked_folder),
                                 ATTEMPT(hard_link_outside),
                                 ATTEMPT(hard_link_system_file),
                                 ATTEMPT(hard_link_by_descriptor),
                                 ATTEMPT(hard_link_by_proc),
                                 ATTEMPT(rename_outside),
                                 ATTEMPT(rename_system_file),
                                 ATTEMPT(exchange_with_system),
                                 ATTEMPT(replace_workspace),
                                 ATTEMPT(create_in_usr),
                                 ATTEMPT(write_system_program),
                                 ATTEMPT(truncate_system_program),
                                 ATTEMPT(delete_system_program),
                                 ATTEMPT(chmod_system_program),
                                 ATTEMPT(touch_system_program),
                                 ATTEMPT(write_passwd),
                                 ATTEMPT(create_in_etc),
                                 ATTEMPT(create_in_root),
                                 ATTEMPT(make_root_folder),
                                 ATTEMPT(read_shadow),
                                 ATTEMPT(read_machine_id),
                                 ATTEMPT(list_home_of_root),
                                 ATTEMPT(list_homes),
                                 ATTEMPT(list_var),
                                 ATTEMPT(list_run),
                                 ATTEMPT(list_root),
                                 ATTEMPT(find_old_root),
                                 ATTEMPT(tmp_of_others),
                                 ATTEMPT(shared_memory_of_others),
                                 ATTEMPT(proc_self_root),
                                 ATTEMPT(proc_self_cwd),
                                 ATTEMPT(proc_self_exe_write),
                                 ATTEMPT(proc_self_uid_map),
                                 ATTEMPT(proc_self_setgroups),
                                 ATTEMPT(proc_self_oom_score),
                                 ATTEMPT(proc_self_mem_write),
                                 ATTEMPT(proc_self_attr),
                                 ATTEMPT(proc_init_root),
                                 ATTEMPT(proc_init_cwd),
                                 ATTEMPT(proc_init_exe),
                                 ATTEMPT(proc_init_environ),
                                 ATTEMPT(proc_init_mem),
                                 ATTEMPT(proc_init_maps),
                                 ATTEMPT(proc_init_fd),
                                 ATTEMPT(proc_init_mem_by_task),
                                 ATTEMPT(proc_init_arguments),
                                 ATTEMPT(proc_of_host),
                                 ATTEMPT(proc_kcore),
                                 ATTEMPT(proc_keys),
                                 ATTEMPT(proc_kernel_symbols),
                                 ATTEMPT(proc_kernel_command),
                                 ATTEMPT(proc_sysrq),
                                 ATTEMPT(proc_core_pattern),
                                 ATTEMPT(proc_pid_max),
                                 ATTEMPT(sys_folder),
                                 ATTEMPT(cgroups),
                                 ATTEMPT(device_memory),
                                 ATTEMPT(device_log),
                                 ATTEMPT(device_disk),
                                 ATTEMPT(device_terminal),
                                 ATTEMPT(device_new_terminal),
                                 ATTEMPT(device_fuse),
                                 ATTEMPT(device_kvm),
                                 ATTEMPT(make_disk_node),
                                 ATTEMPT(make_memory_node),
                                 ATTEMPT(make_node_in_tmp),
                                 ATTEMPT(set_user_id_file),
                                 ATTEMPT(set_group_id_file),
                                 ATTEMPT(create_set_user_id_file),
                                 ATTEMPT(set_user_id_by_descriptor),
                                 ATTEMPT(set_group_id_folder),
                                 ATTEMPT(set_id_mounts),
                                 ATTEMPT(file_capability),
                                 ATTEMPT(give_away_file),
                                 ATTEMPT(watch_outside),
                                 ATTEMPT(watch_everything),
                                 ATTEMPT(file_by_handle),
                                 ATTEMPT(open_by_handle),
                                 ATTEMPT(hidden_open_flags),
                                 ATTEMPT(inherited_descriptors),
                                 ATTEMPT(standard_streams_are_pipes_only)};

}  // namespace

std::vector<Attempt> file_attempts() { return {std::begin(kAttempts), std::end(kAttempts)}; }

}  // namespace escape
