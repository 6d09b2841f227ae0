#include "pipes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace skep::sandbox {
namespace {

constexpr int kFirst = 3;  // the child puts its standard streams below

Result<void> lift(Fd& fd) {
  if (fd.get() >= kFirst) return {};
  const int lifted = fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirst);
  if (lifted < 0) return fail(errno_error("making a pipe", errno));
  fd = Fd(lifted);
  return {};
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this == &other) return *this;
  reset();
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error("making a pipe", errno));
  Pipe made{Fd(ends[0]), Fd(ends[1])};
  SKEP_TRY_VOID(lift(made.read));
  SKEP_TRY_VOID(lift(made.write));
  return made;
}

void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

ssize_t write_quietly(int fd, std::string_view bytes) {
  sigset_t pipe_signal;
  sigset_t before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(fd, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE) {  // take the signal that came with it
    const timespec at_once{};
    sigtimedwait(&pipe_signal, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

}  // namespace skep::sandbox
