// Attempts to take more than was granted, or to stay longer.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <vector>

#include "escape_child.h"

namespace escape {
namespace {

constexpr std::size_t kMiB = 1u << 20;

void nap() {
  const timespec brief{.tv_sec = 0, .tv_nsec = 10'000'000};
  nanosleep(&brief, nullptr);
}
// Signs of life in the workspace, for the test to look at.
[[noreturn]] void beat() {
  while (true) {
    const int fd = open("heartbeat", O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd >= 0 && write(fd, ".", 1) == 1) close(fd);
    nap();
  }
}
void ignore_all() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_IGN);
}
void wait_for_beat() {
  struct stat info{};
  while (stat("heartbeat", &info) != 0) nap();
}

// The bounds below are those of the test's Limits.
bool fork_bomb(const Target&) {
  int children = 0;
  while (children < 2000) {
    const pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      pause();
      _exit(0);
    }
    ++children;
  }
  return children >= 400;
}
// Each child makes the next and waits for it; the exit code tells upwards whether there was no end.
bool nested_fork_bomb(const Target&) {
  constexpr int kDepthMax = 500;
  for (int depth = 0; depth < kDepthMax; ++depth) {
    const pid_t child = fork();
    if (child == 0) continue;
    int status = 0;
    if (child > 0) waitpid(child, &status, 0);
    const bool endless = child > 0 && WEXITSTATUS(status) != 0;
    if (depth == 0) return endless;
    _exit(endless ? 1 : 0);
  }
  _exit(1);
}
bool memory_bomb(const Target&) {
  std::size_t taken = 0;
  while (taken < 2048 * kMiB) {
    void* room =
        mmap(nullptr, 16 * kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) break;
    std::memset(room, 1, 16 * kMiB);
    taken += 16 * kMiB;
  }
  return taken >= 256 * kMiB;
}
// The most that can be written to `path`, up to `most` bytes.
std::size_t fills(const char* path, std::size_t most) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const std::vector<char> block(kMiB, 'x');
  std::size_t written = 0;
  while (fd >= 0 && written < most) {
    const ssize_t got = write(fd, block.data(), block.size());
    if (got <= 0) break;
    written += static_cast<std::size_t>(got);
  }
  const int error = errno;
  close(fd);
  errno = error;
  return written;
}
bool huge_file(const Target&) {
  signal(SIGXFSZ, SIG_IGN);
  return fills("huge", 64 * kMiB) > 8 * kMiB;
}
bool huge_hole(const Target&) {
  signal(SIGXFSZ, SIG_IGN);
  const int fd = open("hole", O_RDWR | O_CREAT, 0644);
  return ftruncate(fd, 1ll << 40) == 0 || fallocate(fd, 0, 0, 1ll << 40) == 0;
}
bool full_scratch(const Target&) {
  std::size_t all = 0;
  for (int file = 0; file < 64; ++file)
    all += fills(("/tmp/" + std::to_string(file)).c_str(), 4 * kMiB);
  for (int file = 0; file < 64; ++file)
    all += fills(("/dev/shm/" + std::to_string(file)).c_str(), 4 * kMiB);
  return all > 32 * kMiB;
}
bool countless_files_in_scratch(const Target&) {
  int made = 0;
  for (; made < 100'000; ++made) {
    const int fd = open(("/tmp/f" + std::to_string(made)).c_str(), O_WRONLY | O_CREAT, 0644);
    if (fd < 0) break;
    close(fd);
  }
  return made == 100'000;
}
bool many_open_files(const Target&) {
  int opened = 0;
  while (opened < 100'000 && open("/dev/null", O_RDONLY) >= 0) ++opened;
  return opened > 64;
}
bool core_file(const Target&) {
  const pid_t child = fork();
  if (child == 0) abort();
  int status = 0;
  waitpid(child, &status, 0);
  return WCOREDUMP(status) || access("core", F_OK) == 0;
}
bool deep_stack(const Target&) {
  const pid_t child = fork();
  if (child == 0) {
    volatile char* bottom = nullptr;
    for (std::size_t taken = 0; taken < 4096; ++taken) {
      bottom = static_cast<volatile char*>(__builtin_alloca(kMiB));
      *bottom = 1;
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !WIFSIGNALED(status);
}

// These never return by themselves.
bool endless_output(const Target&) {
  const std::string line(4096, 'y');
  while (true) {
    if (write(1, line.data(), line.size()) < 0) return false;
  }
}
bool spin(const Target&) {
  volatile unsigned turns = 0;
  while (true) turns = turns + 1;
}
bool spin_ignoring_signals(const Target& t) {
  ignore_all();
  return spin(t);
}
bool sleep_for_ever(const Target&) {
  while (true) pause();
}
bool ignore_sigterm(const Target&) {
  ignore_all();
  beat();
}
bool stopped_child_lives_on(const Target&) {
  if (fork() == 0) {
    ignore_all();
    beat();
  }
  wait_for_beat();
  raise(SIGSTOP);
  return false;
}
// These end at once and leave something behind.
bool daemon_outlives(const Target&) {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      ignore_all();
      for (int fd = 0; fd < 3; ++fd) close(fd);
      beat();
    }
    _exit(0);
  }
  wait_for_beat();
  return false;
}
bool orphans_outlive(const Target&) {
  for (int child = 0; child < 8; ++child) {
    if (fork() == 0) {
      setpgid(0, 0);
      beat();
    }
  }
  wait_for_beat();
  return false;
}
bool zombies_stay(const Target&) {
  for (int child = 0; child < 16; ++child) {
    if (fork() == 0) {
      if (fork() == 0) _exit(0);  // orphaned and dead: init must take it
      _exit(0);
    }
  }
  while (wait(nullptr) > 0) {
  }
  for (int turn = 0; turn < 200; ++turn) {
    bool any = false;
    for (int pid = 3; pid < 60; ++pid) any |= pid != getpid() && kill(pid, 0) == 0;
    if (!any) return false;
    nap();
  }
  return true;
}

#define ATTEMPT(name) {#name, name}
constexpr Attempt kAttempts[] = {ATTEMPT(fork_bomb),
                                 ATTEMPT(nested_fork_bomb),
                                 ATTEMPT(memory_bomb),
                                 ATTEMPT(huge_file),
                                 ATTEMPT(huge_hole),
                                 ATTEMPT(full_scratch),
                                 ATTEMPT(countless_files_in_scratch),
                                 ATTEMPT(many_open_files),
                                 ATTEMPT(core_file),
                                 ATTEMPT(deep_stack),
                                 ATTEMPT(endless_output),
                                 ATTEMPT(spin),
                                 ATTEMPT(spin_ignoring_signals),
                                 ATTEMPT(sleep_for_ever),
                                 ATTEMPT(ignore_sigterm),
                                 ATTEMPT(stopped_child_lives_on),
                                 ATTEMPT(daemon_outlives),
                                 ATTEMPT(orphans_outlive),
                                 ATTEMPT(zombies_stay)};

}  // namespace

std::vector<Attempt> limit_attempts() { return {std::begin(kAttempts), std::end(kAttempts)}; }

}  // namespace escape
