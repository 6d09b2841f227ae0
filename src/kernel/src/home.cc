#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "skep/base/text.h"
#include "skep/kernel/kernel.h"
#include "skep/store/append_file.h"

namespace skep::kernel {

std::string_view version() { return SKEP_VERSION; }

std::string default_home() {
  if (const char* home = std::getenv("SKEP_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.skep";
  }
  const passwd* user = getpwuid(getuid());
  return std::string(user != nullptr ? user->pw_dir : "/tmp") + "/.skep";
}

Result<HomeLock> HomeLock::take(const std::string& home) {
  SKEP_TRY_VOID(store::make_directories(home + "/run"));
  const std::string path = home + "/run/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errno_error("opening " + path, errno));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const auto holder = store::read_file(path, 64);
    close(fd);
    const std::string pid = holder ? std::string(trim(*holder)) : "";
    return fail(
        Code::kConflict,
        fmt::format(
            "another skep{} already uses {}; stop it first, or give this one its own --home",
            pid.empty() ? "" : " (pid " + pid + ")", home));
  }
  // The pid is for people and messages; the lock itself is the kernel's and dies with the process.
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    const int error = errno;
    close(fd);
    return fail(errno_error("writing " + path, error));
  }
  return HomeLock(fd);
}

HomeLock::~HomeLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace skep::kernel
