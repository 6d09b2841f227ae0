#include "child_files.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

namespace skep::sandbox {
namespace {

constexpr char kBase[] = "/tmp";  // exists everywhere; covered only in the child's own namespace
constexpr char kOldInBase[] = "/tmp/oldroot";
constexpr char kOld[] = "/oldroot";
constexpr mode_t kFolderMode = 0755;

int set_attributes(const char* at, std::uint64_t attributes, unsigned flags) {
  mount_attr attr{};
  attr.attr_set = attributes;
  return static_cast<int>(syscall(SYS_mount_setattr, AT_FDCWD, at, flags, &attr, sizeof attr));
}

// `path` of this machine as it is reached after the change of root.
bool in_old_root(const std::string& path, char (&out)[PATH_MAX]) {
  const std::size_t prefix = sizeof kOld - 1;
  if (prefix + path.size() >= sizeof out) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(out, kOld, prefix);
  std::memcpy(out + prefix, path.c_str(), path.size() + 1);
  return true;
}

bool make_folder(const char* at) { return mkdir(at, kFolderMode) == 0 || errno == EEXIST; }

bool make_file(const FileStep& step) {
  const int fd = open(step.at.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return false;
  const auto size = static_cast<ssize_t>(step.data.size());
  const bool written = write(fd, step.data.data(), step.data.size()) == size;
  return close(fd) == 0 && written;
}

bool bind(const FileStep& step) {
  char from[PATH_MAX];
  if (!in_old_root(step.from, from)) return false;
  if (step.folder ? !make_folder(step.at.c_str()) : !make_file(step)) return false;
  if (mount(from, step.at.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
  std::uint64_t attributes = MOUNT_ATTR_NOSUID;
  if (step.kind != FileStep::kBindDevice) attributes |= MOUNT_ATTR_NODEV;
  if (step.kind == FileStep::kBindDevice) attributes |= MOUNT_ATTR_NOEXEC;
  if (step.kind == FileStep::kBindReadOnly) attributes |= MOUNT_ATTR_RDONLY;
  return set_attributes(step.at.c_str(), attributes, AT_RECURSIVE) == 0;
}

bool apply(const FileStep& step) {
  constexpr unsigned long kHarmless = MS_NOSUID | MS_NODEV;
  switch (step.kind) {
    case FileStep::kFolder:
      return make_folder(step.at.c_str());
    case FileStep::kText:
      return make_file(step);
    case FileStep::kSymlink:
      return symlink(step.data.c_str(), step.at.c_str()) == 0;
    case FileStep::kBindReadOnly:
    case FileStep::kBindWritable:
    case FileStep::kBindDevice:
      return bind(step);
    case FileStep::kScratch:
      return mount("tmpfs", step.at.c_str(), "tmpfs", kHarmless, step.data.c_str()) == 0;
    case FileStep::kProc:
      // Nothing but processes, and of these only what the program started: not init.
      return mount("proc", step.at.c_str(), "proc", kHarmless | MS_NOEXEC | MS_RDONLY,
                   "subset=pid,hidepid=ptraceable") == 0;
  }
  errno = EINVAL;
  return false;
}

bool failed(Failure& failure, Stage stage, std::uint32_t index = 0) {
  failure = {stage, errno, index};
  return false;
}

// An empty root in memory; the old one under it for as long as it is needed.
bool take_new_root() {
  if (mount("tmpfs", kBase, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m,nr_inodes=512") != 0)
    return false;
  if (mkdir(kOldInBase, 0700) != 0) return false;
  if (syscall(SYS_pivot_root, kBase, kOldInBase) != 0) return false;
  return chdir("/") == 0;
}

}  // namespace

bool change_root(const Plan& plan, Failure& failure) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return failed(failure, Stage::kOwnMounts);
  if (!take_new_root()) return failed(failure, Stage::kRoot);
  umask(0);
  std::uint32_t index = 0;
  for (const FileStep& step : plan.files) {
    if (!apply(step)) return failed(failure, Stage::kFile, index);
    ++index;
  }
  umask(022);
  if (umount2(kOld, MNT_DETACH) != 0 || rmdir(kOld) != 0) return failed(failure, Stage::kRoot);
  if (set_attributes("/", MOUNT_ATTR_RDONLY, 0) != 0) return failed(failure, Stage::kRoot);
  return true;
}

}  // namespace skep::sandbox
