// Pipes between this process and the child.
#pragma once

#include <string_view>
#include <utility>

#include "skep/base/result.h"

namespace skep::sandbox {

// Owns a descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_;
};

struct Pipe {
  Fd read;
  Fd write;
};

// Both ends above 2 and closed by exec. kExhausted when there are no descriptors left.
Result<Pipe> make_pipe();
void set_nonblocking(int fd);
// As write(2), but a pipe nobody reads is EPIPE alone and no signal.
ssize_t write_quietly(int fd, std::string_view bytes);

}  // namespace skep::sandbox
