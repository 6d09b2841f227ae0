#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "file_io.h"
#include "skep/base/id.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::store {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error io_error(std::string_view what, const std::string& path, int errno_value) {
  Error error = errno_error(fmt::format("{} {}", what, path), errno_value);
  if (errno_value == EFBIG || errno_value == ENOSPC || errno_value == EDQUOT) {
    error.code = Code::kExhausted;
  }
  return error;
}

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail(io_error("opening", path, errno));
  return Fd(fd);
}

Result<std::uint64_t> file_size(const Fd& fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail(io_error("reading", path, errno));
  return static_cast<std::uint64_t>(info.st_size);
}

Result<void> append_whole(const Fd& fd, const std::string& path, std::string_view bytes) {
  ssize_t written = 0;
  do {
    written = ::write(fd.get(), bytes.data(), bytes.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(bytes.size())) return {};
  if (written < 0) return fail(io_error("writing", path, errno));
  // Short: the disk is full or a size limit was met. A second write would name the reason but could
  // also succeed in part; the file must end as it was, so the beginning is cut off again.
  SKEP_TRY(const std::uint64_t size, file_size(fd, path));
  const auto before = static_cast<off_t>(size - static_cast<std::uint64_t>(written));
  if (::ftruncate(fd.get(), before) != 0) {
    return fail(Code::kInternal, io_error("undoing a short write to", path, errno).message);
  }
  return fail(io_error("writing", path, ENOSPC));
}

Result<void> write_all(const Fd& fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(io_error("writing", path, errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_at(const Fd& fd, const std::string& path, std::uint64_t offset,
                            std::size_t length) {
  std::string bytes(length, '\0');
  std::size_t have = 0;
  while (have < length) {
    const ssize_t got =
        ::pread(fd.get(), bytes.data() + have, length - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(io_error("reading", path, errno));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

Result<void> sync_data(const Fd& fd, const std::string& path) {
  if (::fdatasync(fd.get()) != 0) return fail(io_error("flushing", path, errno));
  return {};
}

Result<void> sync_directory(const std::string& path) {
  SKEP_TRY(const Fd fd, open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return fail(io_error("flushing", path, errno));
  return {};
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  // O_NONBLOCK: a FIFO in the place of the file must not hang the loop.
  SKEP_TRY(const Fd fd, open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail(io_error("reading", path, errno));
  if (!S_ISREG(info.st_mode)) return fail(Code::kInvalid, path + " is not a regular file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size <= bytes_max) {
    // One byte more than expected: a file that grew meanwhile, or one in /proc that claims no size,
    // is still measured.
    const std::size_t want = size == 0 ? std::min<std::size_t>(bytes_max, 65536) : size;
    SKEP_TRY(std::string bytes, read_at(fd, path, 0, want + 1));
    if (bytes.size() <= bytes_max) return bytes;
  }
  return fail(Code::kTooLarge,
              fmt::format("{} is larger than the {} allowed", path, human_size(bytes_max)));
}

Result<void> make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};  // the usual case: only the last is missing
  for (std::size_t at = 0; at != std::string::npos;) {
    at = path.find('/', at + 1);
    const std::string part = path.substr(0, at);
    if (part.empty() || ::mkdir(part.c_str(), 0700) == 0) continue;
    const int error = errno;
    struct stat info{};
    if (::stat(part.c_str(), &info) == 0) {
      if (S_ISDIR(info.st_mode)) continue;
      return fail(Code::kInvalid, fmt::format("{} is in the way: it is not a directory", part));
    }
    return fail(io_error("creating directory", part, error));
  }
  return {};
}

namespace {

Result<void> fill(const std::string& path, std::string_view content, Sync sync) {
  SKEP_TRY(const Fd fd, open_file(path, O_WRONLY | O_CREAT | O_EXCL));
  SKEP_TRY_VOID(write_all(fd, path, content));
  if (sync == Sync::kDisk) SKEP_TRY_VOID(sync_data(fd, path));
  return {};
}

}  // namespace

Result<void> write_file(const std::string& path, std::string_view content, Sync sync) {
  SKEP_TRY_VOID(make_directories(parent_of(path)));
  const std::string beside = path + ".tmp-" + hex_encode(random_bytes(6));
  Result<void> done = fill(beside, content, sync);
  if (done && ::rename(beside.c_str(), path.c_str()) != 0) {
    done = fail(io_error("replacing", path, errno));
  }
  if (!done) {
    ::unlink(beside.c_str());
    return done;
  }
  if (sync == Sync::kDisk) return sync_directory(parent_of(path));
  return {};
}

}  // namespace skep::store
