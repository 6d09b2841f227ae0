#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

#include "bytes_io.h"
#include "owned_fd.h"
#include "region_layout.h"
#include "skep/base/text.h"

namespace skep::fabric {

namespace {

constexpr std::chrono::milliseconds kReadTimeMax{5};

Result<OwnedFd> open_region(const std::string& path) {
  // A FIFO would block, a link could lead anywhere.
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ELOOP) return fail(Code::kCorrupt, path + ": it is a symbolic link");
    return fail(errno_error("opening " + path, errno));
  }
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail(errno_error("reading " + path, errno));
  if (!S_ISREG(status.st_mode)) return fail(Code::kCorrupt, path + ": it is no file");
  if (status.st_uid != ::geteuid() && ::geteuid() != 0) {
    return fail(Code::kDenied, path + ": it belongs to another user");
  }
  return fd;
}

// Fewer bytes only at the end of the file.
Result<std::string> read_bytes(const OwnedFd& fd, std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got =
        ::pread(fd.get(), bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("reading a region", errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

WallTime wall(std::uint64_t ms) { return WallTime(Millis(static_cast<std::int64_t>(ms))); }

struct Words {
  std::uint64_t published = 0, heartbeat = 0;
};
Result<Words> read_words(const OwnedFd& fd) {
  SKEP_TRY(const std::string bytes, read_bytes(fd, kRegionPublishedAt, 16));
  BytesIn in(bytes);
  Words words{in.u64(), in.u64()};
  if (!in.ok()) return fail(Code::kCorrupt, "it is cut short");
  return words;
}

RegionContent content_of(const RegionHeader& header, const Words& words, const HalfHeader& half,
                         std::string content) {
  const std::uint64_t start = process_start(header.owner_pid);
  return {.info = {.kind = header.kind,
                   .generation = header.generation,
                   .sequence = words.published,
                   .owner_pid = header.owner_pid,
                   .owner_start = header.owner_start,
                   .owner_alive = start != 0 && start == header.owner_start,
                   .written_at = wall(half.written_at),
                   .heartbeat_at = wall(words.heartbeat),
                   .hive = header.hive,
                   .writer = header.writer},
          .content = std::move(content)};
}

// One attempt. nullopt: the writer was faster; the file is all right.
Result<std::optional<RegionContent>> try_read(const std::string& path, RegionKind kind) {
  SKEP_TRY(const OwnedFd fd, open_region(path));
  SKEP_TRY(const std::string first, read_bytes(fd, 0, kRegionPublishedAt));
  SKEP_TRY(const RegionHeader header, decode_header(first));
  if (header.kind != kind) return fail(Code::kCorrupt, "it is a region of another kind");
  SKEP_TRY(const Words words, read_words(fd));
  if (words.published == 0) return content_of(header, words, {}, {});

  const std::uint64_t at = half_offset(header.capacity, words.published);
  SKEP_TRY(const std::string head, read_bytes(fd, at, kRegionHalfHeaderBytes));
  const HalfHeader half = decode_half_header(head);
  std::string content;
  if (half.length <= header.capacity - kRegionHalfHeaderBytes) {
    SKEP_TRY(content, read_bytes(fd, at + kRegionHalfHeaderBytes, half.length));
  }
  if (half.sequence == words.published && half.generation == header.generation &&
      half_is_whole(half, content)) {
    return content_of(header, words, half, std::move(content));
  }
  // While the same half stands published nobody writes to it, so then it is broken for good.
  SKEP_TRY(const Words now, read_words(fd));
  if (now.published == words.published) return fail(Code::kCorrupt, "its checksum is wrong");
  return std::nullopt;
}

}  // namespace

Result<RegionContent> read_region(const std::string& path, RegionKind kind) {
  const auto until = std::chrono::steady_clock::now() + kReadTimeMax;
  do {
    Result<std::optional<RegionContent>> read = try_read(path, kind);
    if (!read && read.error().code == Code::kCorrupt && !read.error().message.starts_with(path)) {
      return fail(std::move(read).error().in(path));
    }
    if (!read) return fail(std::move(read).error());
    if (*read) return std::move(**read);
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < until);
  return fail(Code::kUnavailable, path + ": its writer kept changing it for 5 ms; try again");
}

std::string region_directory(const std::string& fabric_directory) {
  std::string real = fabric_directory;
  if (char* resolved = ::realpath(fabric_directory.c_str(), nullptr)) {
    real = resolved;
    std::free(resolved);
  }
  return "/dev/shm/skep-" + hex_encode(sha256(real)).substr(0, 16);
}

}  // namespace skep::fabric
