#include "skep/store/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "file_io.h"

namespace skep::store {

struct AppendFile::Impl {
  std::string path;
  Sync sync = Sync::kProcess;
  Fd fd;
  std::uint64_t size = 0;
  bool repaired = false;
};

namespace {

constexpr std::size_t kTailChunk = 64 * 1024;

// The offset just behind the last newline: how much of the file is whole lines.
Result<std::uint64_t> end_of_whole_lines(const Fd& fd, const std::string& path,
                                         std::uint64_t size) {
  for (std::uint64_t end = size; end > 0;) {
    const std::uint64_t begin = end > kTailChunk ? end - kTailChunk : 0;
    SKEP_TRY(const std::string chunk, read_at(fd, path, begin, end - begin));
    const auto newline = chunk.rfind('\n');
    if (newline != std::string::npos) return begin + newline + 1;
    end = begin;
  }
  return 0;
}

// Copies the bytes from `begin` on to `<path>.torn`, behind what earlier repairs left there.
Result<void> save_torn(const Fd& fd, const std::string& path, std::uint64_t begin,
                       std::uint64_t size) {
  const std::string torn = path + ".torn";
  SKEP_TRY(const Fd out, open_file(torn, O_WRONLY | O_CREAT | O_APPEND));
  while (begin < size) {
    const auto length = std::min<std::uint64_t>(kTailChunk, size - begin);
    SKEP_TRY(const std::string chunk, read_at(fd, path, begin, length));
    if (chunk.empty()) break;
    SKEP_TRY_VOID(write_all(out, torn, chunk));
    begin += chunk.size();
  }
  return write_all(out, torn, "\n");
}

// Returns whether a torn line was cut off.
Result<bool> repair(const Fd& fd, const std::string& path) {
  SKEP_TRY(const std::uint64_t size, file_size(fd, path));
  SKEP_TRY(const std::uint64_t whole, end_of_whole_lines(fd, path, size));
  if (whole == size) return false;
  SKEP_TRY_VOID(save_torn(fd, path, whole, size));
  if (::ftruncate(fd.get(), static_cast<off_t>(whole)) != 0) {
    return fail(io_error("repairing", path, errno));
  }
  return true;
}

Result<void> check_line(std::string_view line) {
  if (line.find('\n') == std::string_view::npos) return {};
  return fail(Code::kInvalid, "a line to append contains a newline");
}

// To the disk, or not there at all: lines whose append failed must not turn up later.
Result<void> sync_or_take_back(const Fd& fd, const std::string& path, std::size_t bytes) {
  auto synced = sync_data(fd, path);
  if (synced) return {};
  SKEP_TRY(const std::uint64_t size, file_size(fd, path));
  if (::ftruncate(fd.get(), static_cast<off_t>(size - bytes)) != 0) {
    return fail(io_error("undoing a write to", path, errno));
  }
  return synced;
}

}  // namespace

AppendFile::AppendFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AppendFile::AppendFile(AppendFile&&) noexcept = default;
AppendFile& AppendFile::operator=(AppendFile&&) noexcept = default;
AppendFile::~AppendFile() = default;

Result<AppendFile> AppendFile::open(std::string path, Sync sync) {
  SKEP_TRY_VOID(make_directories(parent_of(path)));
  SKEP_TRY(Fd fd, open_file(path, O_RDWR | O_CREAT | O_APPEND));
  SKEP_TRY(const bool repaired, repair(fd, path));
  SKEP_TRY(const std::uint64_t size, file_size(fd, path));
  if (sync == Sync::kDisk && size == 0) SKEP_TRY_VOID(sync_directory(parent_of(path)));
  auto impl = std::make_unique<Impl>();
  *impl = {std::move(path), sync, std::move(fd), size, repaired};
  return AppendFile(std::move(impl));
}

Result<void> AppendFile::append(std::string_view line) { return append_lines({std::string(line)}); }

Result<void> AppendFile::append_lines(const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string joined;
  for (const std::string& line : lines) {
    SKEP_TRY_VOID(check_line(line));
    joined.append(line).push_back('\n');
  }
  SKEP_TRY_VOID(append_whole(impl_->fd, impl_->path, joined));
  if (impl_->sync == Sync::kDisk) {
    SKEP_TRY_VOID(sync_or_take_back(impl_->fd, impl_->path, joined.size()));
  }
  impl_->size += joined.size();
  return {};
}
const std::string& AppendFile::path() const { return impl_->path; }
std::uint64_t AppendFile::size() const { return impl_->size; }
bool AppendFile::repaired() const { return impl_->repaired; }

}  // namespace skep::store
