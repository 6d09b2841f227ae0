#include "skep/fabric/blobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "skep/async/wait.h"
#include "skep/base/clock.h"
#include "skep/base/id.h"
#include "skep/base/text.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kHashDigits = 16, kStemBytesMax = 100, kExtensionBytesMax = 10;
constexpr std::chrono::milliseconds kFirstWait{100}, kWaitMax{5'000};

bool all_of(std::string_view text, std::string_view also) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           also.contains(c);
  });
}

// The 16 digits of a good name; empty: it is none, and may be a path to somewhere else.
std::string_view hash_in(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() > kBlobNameBytesMax) return {};
  const std::string_view extension = name.substr(dot + 1), front = name.substr(0, dot);
  if (extension.empty() || extension.size() > kExtensionBytesMax || !all_of(extension, ""))
    return {};
  if (front.size() < kHashDigits + 2 || front.size() > kStemBytesMax + kHashDigits + 1) return {};
  const std::string_view hash = front.substr(front.size() - kHashDigits);
  if (front[front.size() - kHashDigits - 1] != '_' || !all_of(front, "._-")) return {};
  const bool hex = std::ranges::all_of(
      hash, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return hex ? hash : std::string_view();
}

std::string place_of(const std::string& directory, std::string_view name) {
  return fmt::format("{}/active/{}/{}", directory, hash_in(name).substr(0, 2), name);
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

Result<void> write_synced(const std::string& path, std::string_view bytes) {
  File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.fd() < 0) return fail(errno_error(fmt::format("making {}", path), errno));
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file.fd(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(errno_error(fmt::format("writing {}", path), errno));
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::fsync(file.fd()) < 0) return fail(errno_error(fmt::format("syncing {}", path), errno));
  return {};
}

Result<void> sync_directory(const std::string& path) {
  File directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd() < 0 || ::fsync(directory.fd()) < 0)
    return fail(errno_error(fmt::format("syncing {}", path), errno));
  return {};
}

Result<void> make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(errno_error(fmt::format("making {}", path), error.value()));
  return {};
}

Result<void> write_and_rename(const std::string& staging, const std::string& place,
                              std::string_view bytes) {
  const std::string directory = place.substr(0, place.rfind('/'));
  SKEP_TRY_VOID(make_directory(staging.substr(0, staging.rfind('/'))));
  SKEP_TRY_VOID(make_directory(directory));
  Result<void> written = write_synced(staging, bytes);
  if (written && ::rename(staging.c_str(), place.c_str()) < 0)
    written = fail(errno_error(fmt::format("renaming {}", staging), errno));
  if (!written) {
    ::unlink(staging.c_str());
    return written;
  }
  return sync_directory(directory);
}

Result<std::string> read_file(const std::string& path, std::uint64_t bytes) {
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info{};
  if (file.fd() < 0 || ::fstat(file.fd(), &info) < 0)
    return fail(errno_error(fmt::format("opening {}", path), errno));
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != bytes)
    return fail(Code::kCorrupt, fmt::format("{} is not of the size that its reference says", path));
  std::string out(bytes, '\0');
  for (std::size_t at = 0; at < out.size();) {
    const ssize_t got = ::read(file.fd(), out.data() + at, out.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(errno_error(fmt::format("reading {}", path), got < 0 ? errno : EIO));
    at += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace

json::value to_json_value(const BlobRef& ref) {
  json::object out{{"type", "blob_ref"},
                   {"blob_name", ref.name},
                   {"size", ref.bytes},
                   {"mime", ref.media_type},
                   {"filename_original", ref.filename},
                   {"spool_day", ref.day}};
  if (!ref.sha256.empty()) out["sha256"] = ref.sha256;
  return out;
}

Result<BlobRef> blob_ref_from_json(const json::value& value) {
  const std::string_view name = get_string(value, "blob_name");
  const std::int64_t bytes = get_int(value, "size").value_or(-1);
  if (hash_in(name).empty() || bytes < 0)
    return fail(Code::kInvalid, "a reference to a blob without a good name or size");
  return BlobRef{std::string(name),
                 static_cast<std::uint64_t>(bytes),
                 std::string(get_string(value, "mime")),
                 std::string(get_string(value, "filename_original")),
                 std::string(get_string(value, "spool_day")),
                 std::string(get_string(value, "sha256"))};
}

Result<BlobRef> BlobStore::put(std::string_view bytes, std::string_view filename,
                               std::string_view media_type) const {
  if (bytes.size() > config_.bytes_max)
    return fail(Code::kTooLarge,
                fmt::format("a blob of {}; at most {} are allowed", human_size(bytes.size()),
                            human_size(config_.bytes_max)));
  const std::size_t dot = filename.rfind('.');
  if (dot == std::string_view::npos) return fail(Code::kInvalid, "a blob's file name needs an end");
  BlobRef ref{.bytes = bytes.size(),
              .media_type = std::string(media_type),
              .filename = std::string(filename),
              .sha256 = hex_encode(sha256(bytes))};
  ref.day = format_rfc3339(Clock::system().now()).substr(0, 10);
  ref.name = fmt::format("{}_{}.{}", filename.substr(0, dot), ref.sha256.substr(0, kHashDigits),
                         filename.substr(dot + 1));
  if (hash_in(ref.name).empty())
    return fail(Code::kInvalid, fmt::format("\"{}\" cannot name a blob", filename));
  const std::string staging =
      fmt::format("{}/staging/{}.{}", config_.directory, ref.name, mint_ulid());
  SKEP_TRY_VOID(write_and_rename(staging, place_of(config_.directory, ref.name), bytes));
  return ref;
}

Result<std::string> BlobStore::get(const BlobRef& ref) const {
  const std::string_view hash = hash_in(ref.name);
  if (hash.empty()) return fail(Code::kInvalid, "a reference to a blob without a good name");
  if (ref.bytes > config_.bytes_max)
    return fail(Code::kTooLarge, fmt::format("the blob {} is of {}; at most {} are read", ref.name,
                                             human_size(ref.bytes), human_size(config_.bytes_max)));
  SKEP_TRY(std::string bytes, read_file(place_of(config_.directory, ref.name), ref.bytes));
  const std::string digest = hex_encode(sha256(bytes));
  if (!digest.starts_with(hash) || (!ref.sha256.empty() && ref.sha256 != digest))
    return fail(Code::kCorrupt, fmt::format("the blob {} is not what its name says", ref.name));
  return bytes;
}

Task<Result<std::string>> BlobStore::get_when_there(Ctx ctx, BlobRef ref) const {
  const BlobStore store = *this;  // the caller's may be gone after a wait
  const SteadyTime until = std::chrono::steady_clock::now() + kWaitMax;
  for (std::chrono::milliseconds wait = kFirstWait;; wait *= 2) {
    Result<std::string> bytes = store.get(ref);
    const SteadyTime now = std::chrono::steady_clock::now();
    if (bytes || bytes.error().code != Code::kNotFound || now >= until) co_return bytes;
    const std::chrono::nanoseconds pause = std::min<std::chrono::nanoseconds>(wait, until - now);
    SKEP_CO_TRY_VOID(co_await sleep_for(ctx, pause));
  }
}

}  // namespace skep::fabric
