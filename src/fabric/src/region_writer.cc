#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "bytes_io.h"
#include "owned_fd.h"
#include "region_layout.h"

namespace skep::fabric {

namespace {

std::string parent_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

Result<void> write_at(const OwnedFd& fd, const std::string& path, std::uint64_t offset,
                      std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail(errno_error("writing " + path, errno));
    bytes.remove_prefix(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return {};
}

std::string word(std::uint64_t value) {
  BytesOut out;
  out.u64(value);
  return std::move(out).take();
}

std::uint64_t now_ms() {
  return static_cast<std::uint64_t>(Clock::system().now().time_since_epoch().count());
}

// /dev/shm is everybody's: a directory of the same name may be a trap of another user.
Result<void> make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(errno_error("making " + path, errno));
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return fail(errno_error("looking at " + path, errno));
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 022) != 0) {
    return fail(Code::kDenied,
                path + " is not a directory that this user alone can write to; remove it");
  }
  return {};
}

// Held as long as the descriptor lives. The file goes away with the writer, so the lock counts only
// when the path still leads to what was locked.
Result<OwnedFd> take_lock(const std::string& path) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    SKEP_TRY_VOID(make_private_directory(parent_of(path)));
    OwnedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid() && errno == ENOENT) continue;  // another writer took the directory away
    if (!fd.valid()) return fail(errno_error("opening " + path, errno));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      return fail(Code::kConflict, path + ": another process writes this region");
    }
    struct stat locked{}, named{};
    if (::fstat(fd.get(), &locked) == 0 && ::stat(path.c_str(), &named) == 0 &&
        locked.st_ino == named.st_ino && locked.st_dev == named.st_dev) {
      return fd;
    }
  }
  return fail(Code::kConflict, path + ": it keeps changing");
}

// Of what a writer before us left; 0 when that is nothing of ours.
std::uint64_t generation_at(const std::string& path) {
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return 0;
  std::string bytes(kRegionPublishedAt, '\0');
  const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), 0);
  if (got <= 0) return 0;
  bytes.resize(static_cast<std::size_t>(got));
  const Result<RegionHeader> header = decode_header(bytes);
  return header ? header->generation : 0;
}

class FileRegionWriter final : public RegionWriter {
 public:
  FileRegionWriter(std::string path, RegionHeader header, OwnedFd lock)
      : path_(std::move(path)), header_(std::move(header)), lock_(std::move(lock)) {}

  ~FileRegionWriter() override {
    // The lock last, and while it is held: whoever waits for the name then makes both anew.
    ::unlink(path_.c_str());
    ::unlink((path_ + ".lock").c_str());
    ::rmdir(parent_of(path_).c_str());
  }

  // A new file under the region's name, with room for `content_bytes`; it becomes visible whole.
  Result<void> create(std::string_view content) {
    RegionHeader header = header_;
    header.capacity =
        std::clamp<std::uint64_t>(std::bit_ceil(content.size() + kRegionHalfHeaderBytes),
                                  kRegionCapacityMin, kRegionContentMax + kRegionHalfHeaderBytes);
    const std::string beside = path_ + ".new";
    SKEP_TRY_VOID(make_private_directory(parent_of(path_)));
    ::unlink(beside.c_str());
    OwnedFd fd(::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd.valid()) return fail(errno_error("making " + beside, errno));
    Result<void> done = fill(fd, header, content);
    if (done && ::rename(beside.c_str(), path_.c_str()) != 0) {
      done = fail(errno_error("renaming " + beside, errno));
    }
    if (!done) {
      ::unlink(beside.c_str());
      return done;
    }
    fd_ = std::move(fd);
    header_ = std::move(header);
    return {};
  }

  Result<void> write(std::string_view content) override {
    if (content.size() > kRegionContentMax) {
      return fail(Code::kTooLarge, fmt::format("{}: {} bytes are more than the {} a region holds",
                                               path_, content.size(), kRegionContentMax));
    }
    ++sequence_;
    if (!in_place() || content.size() + kRegionHalfHeaderBytes > header_.capacity) {
      return create(content);
    }
    SKEP_TRY_VOID(write_at(fd_, path_, half_offset(header_.capacity, sequence_), half_of(content)));
    SKEP_TRY_VOID(write_at(fd_, path_, kRegionPublishedAt, word(sequence_)));
    heartbeat();
    return {};
  }

  void heartbeat() override {
    // A failure shows as a heartbeat that grows old.
    (void)write_at(fd_, path_, kRegionHeartbeatAt, word(now_ms()));
  }

 private:
  // Nobody took the file's name away, put another under it or cut it.
  [[nodiscard]] bool in_place() const {
    struct stat status{};
    return ::fstat(fd_.get(), &status) == 0 && status.st_nlink > 0 &&
           status.st_size >= static_cast<off_t>(kRegionHalvesAt);
  }
  [[nodiscard]] std::string half_of(std::string_view content) const {
    return encode_half(
        {.sequence = sequence_, .generation = header_.generation, .written_at = now_ms()}, content);
  }
  Result<void> fill(const OwnedFd& fd, const RegionHeader& header, std::string_view content) {
    SKEP_TRY_VOID(write_at(fd, path_, 0, encode_header(header)));
    if (::ftruncate(fd.get(), static_cast<off_t>(kRegionHalvesAt + 2 * header.capacity)) != 0) {
      return fail(errno_error("sizing " + path_, errno));
    }
    if (sequence_ > 0) {
      SKEP_TRY_VOID(write_at(fd, path_, half_offset(header.capacity, sequence_), half_of(content)));
    }
    return write_at(fd, path_, kRegionPublishedAt, word(sequence_) + word(now_ms()));
  }

  std::string path_;
  RegionHeader header_;
  OwnedFd lock_, fd_;
  std::uint64_t sequence_ = 0;
};

}  // namespace

Result<std::unique_ptr<RegionWriter>> RegionWriter::open(const std::string& path, RegionKind kind,
                                                         std::string hive, std::string writer) {
  SKEP_TRY(OwnedFd lock, take_lock(path + ".lock"));
  const auto pid = static_cast<std::uint32_t>(::getpid());
  // The time, so that it grows too where nothing is left of the writer before.
  RegionHeader header{.kind = kind,
                      .generation = std::max(generation_at(path) + 1, now_ms()),
                      .owner_pid = pid,
                      .owner_start = process_start(pid),
                      .hive = std::move(hive),
                      .writer = std::move(writer)};
  auto region = std::make_unique<FileRegionWriter>(path, std::move(header), std::move(lock));
  SKEP_TRY_VOID(region->create({}));
  return region;
}

}  // namespace skep::fabric
