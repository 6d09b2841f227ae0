// Plain system calls with this room's error mapping. Private to the room.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "skep/base/result.h"

namespace skep::store {

// Owns one file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// As errno_error; a file size limit (EFBIG) counts as a full disk.
Error io_error(std::string_view what, const std::string& path, int errno_value);

// open(2) with O_CLOEXEC, retried on EINTR.
Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0600);
Result<std::uint64_t> file_size(const Fd& fd, const std::string& path);
// One write(2) of everything at the end of an O_APPEND file. A short write is undone with
// ftruncate, so on failure the file is as it was.
Result<void> append_whole(const Fd& fd, const std::string& path, std::string_view bytes);
// As many write(2) calls as it takes; on failure what was written stays.
Result<void> write_all(const Fd& fd, const std::string& path, std::string_view bytes);
// Reads exactly `length` bytes at `offset`, fewer only at the end of the file.
Result<std::string> read_at(const Fd& fd, const std::string& path, std::uint64_t offset,
                            std::size_t length);
Result<void> sync_data(const Fd& fd, const std::string& path);
Result<void> sync_directory(const std::string& path);
// "a/b/c" -> "a/b"; "c" -> "."; "/c" -> "/".
std::string parent_of(const std::string& path);

}  // namespace skep::store
