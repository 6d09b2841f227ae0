#include "skep/tools/workspace.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "skep/base/id.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"
#include "workspace_path.h"

namespace skep::tools {
namespace {

constexpr int kRacesMax = 16;  // openat2 asks to try again while others rename

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Error path_error(std::string_view path, int error) {
  switch (error) {
    case EXDEV:
      return {Code::kDenied, fmt::format("{} leads out of the workspace", path)};
    case ELOOP:
      return {Code::kDenied, fmt::format("{} goes over a link", path)};
    case ENOENT:
      return {Code::kNotFound, fmt::format("there is no {}", path)};
    case ENOTDIR:
      return {Code::kInvalid, fmt::format("{} goes through something that is no folder", path)};
    case EISDIR:
      return {Code::kInvalid, fmt::format("{} is a folder", path)};
    case ENOSYS:
      return {Code::kUnsupported,
              "Linux 5.6 or newer is needed to keep paths inside the workspace (openat2)"};
    default:
      return errno_error(path, error);
  }
}

// The one way to a file: from the workspace's own descriptor, and never out of it.
Result<Fd> open_beneath(int root, const std::string& path, std::uint64_t flags,
                        std::uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0; tries < kRacesMax; ++tries) {
    const long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) return fail(path_error(path, errno));
  }
  return fail(Code::kConflict, fmt::format("{} keeps changing; try again", path));
}

// Through links that stay inside: reading what a program of the agent's own linked is fine.
Result<Fd> open_to_read(int root, const std::string& path, std::uint64_t flags,
                        std::uint64_t resolve = 0) {
  return open_beneath(root, path, flags | O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve);
}

// A folder in which something will be made or removed: over no link at all.
Result<Fd> open_folder(int root, std::string_view path) {
  return open_beneath(root, std::string(path), O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
}

Result<Fd> open_or_make_folder(int root, std::string_view path) {
  for (std::size_t slash = path.find('/');; slash = path.find('/', slash + 1)) {
    const std::string part(path.substr(0, slash));
    if (part != ".") {
      SKEP_TRY(const Fd above, open_folder(root, folder_of(part)));
      if (mkdirat(above.get(), std::string(name_of(part)).c_str(), 0755) != 0 && errno != EEXIST)
        return fail(path_error(part, errno));
    }
    if (slash == std::string_view::npos) return open_folder(root, path);
  }
}

Result<std::string> read_beneath(int root, const std::string& path, std::uint64_t resolve) {
  SKEP_TRY(const Fd file, open_to_read(root, path, 0, resolve));
  struct stat info{};
  if (fstat(file.get(), &info) != 0) return fail(path_error(path, errno));
  if (S_ISDIR(info.st_mode)) return fail(path_error(path, EISDIR));
  // A pipe or a socket that a program left would keep us waiting.
  if (!S_ISREG(info.st_mode))
    return fail(Code::kInvalid, fmt::format("{} is no ordinary file", path));
  std::string content;
  char buffer[64 * 1024];
  while (true) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0) return fail(path_error(path, errno));
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > Workspace::file_bytes_max)
      return fail(Code::kTooLarge,
                  fmt::format("{} is over {}", path, human_size(Workspace::file_bytes_max)));
  }
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(errno_error("writing", errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// Whether the end of a file of `size` bytes has `mark` in it.
Result<bool> ends_with_mark(int fd, std::size_t size, std::string_view mark) {
  if (mark.empty()) return false;
  std::string end(std::min(size, Workspace::append_look_bytes), '\0');
  const ssize_t got = pread(fd, end.data(), end.size(), static_cast<off_t>(size - end.size()));
  if (got < 0) return fail(errno_error("reading", errno));
  return end.contains(mark);
}

// New content beside its place, to be renamed onto it.
struct Staged {
  Staged(Fd in, std::string as, std::string called)
      : folder(std::move(in)), name(std::move(as)), temporary(std::move(called)) {}
  Staged(Staged&& other) noexcept
      : folder(std::move(other.folder)),
        name(std::move(other.name)),
        temporary(std::exchange(other.temporary, "")) {}
  Staged& operator=(Staged&&) = delete;
  ~Staged() {
    if (!temporary.empty()) unlinkat(folder.get(), temporary.c_str(), 0);
  }
  Result<void> commit(std::string_view path) {
    if (renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0)
      return fail(path_error(path, errno));
    temporary.clear();
    return {};
  }
  Fd folder;
  std::string name;
  std::string temporary;
};

Result<Staged> stage(int root, const std::string& path, std::string_view content) {
  if (path == ".") return fail(Code::kInvalid, "the workspace itself is a folder");
  if (content.size() > Workspace::file_bytes_max)
    return fail(Code::kTooLarge,
                fmt::format("{} would be over {}", path, human_size(Workspace::file_bytes_max)));
  SKEP_TRY(Fd folder, open_or_make_folder(root, folder_of(path)));
  const std::string name(name_of(path));
  struct stat old{};
  const bool there = fstatat(folder.get(), name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && S_ISDIR(old.st_mode)) return fail(path_error(path, EISDIR));
  const mode_t mode = there && S_ISREG(old.st_mode) ? old.st_mode & 0777 : 0644;
  Staged staged(std::move(folder), name, ".skep-" + Uuid::random().str());
  const Fd file(openat(staged.folder.get(), staged.temporary.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (file.get() < 0) {
    const int error = errno;
    staged.temporary.clear();
    return fail(path_error(path, error));
  }
  if (auto written = write_all(file.get(), content); !written)
    return fail(std::move(written).error().in(path));
  return staged;
}

Result<void> remove(int root, const std::string& path) {
  SKEP_TRY(const Fd folder, open_folder(root, folder_of(path)));
  if (unlinkat(folder.get(), std::string(name_of(path)).c_str(), 0) != 0)
    return fail(path_error(path, errno));
  return {};
}

std::string shown_name(const dirent& entry, int folder) {
  std::string name = entry.d_name;
  struct stat info{};
  if (fstatat(folder, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) return name;
  if (S_ISDIR(info.st_mode)) return name + "/";
  return S_ISLNK(info.st_mode) ? name + "@" : name;
}

}  // namespace

Result<std::shared_ptr<const Workspace>> Workspace::open(const std::string& path) {
  SKEP_TRY_VOID(store::make_directories(path));
  if (chmod(path.c_str(), 0700) != 0) return fail(errno_error(path, errno));
  Fd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) return fail(errno_error("opening the workspace " + path, errno));
  SKEP_TRY_VOID(open_folder(root.get(), "."));
  return std::shared_ptr<const Workspace>(new Workspace(path, root.release()));
}

Workspace::~Workspace() { close(root_); }

Result<void> Workspace::check_path(std::string_view text) {
  SKEP_TRY_VOID(workspace_path(text));
  return {};
}

Result<std::string> Workspace::read(std::string_view text) const {
  SKEP_TRY(const std::string path, workspace_path(text));
  return read_beneath(root_, path, 0);
}

Result<void> Workspace::write(std::string_view text, std::string_view content) const {
  SKEP_TRY(const std::string path, workspace_path(text));
  SKEP_TRY(Staged staged, stage(root_, path, content));
  return staged.commit(path);
}

Result<void> Workspace::append(std::string_view text, std::string_view content,
                               std::string_view mark) const {
  SKEP_TRY(const std::string path, workspace_path(text));
  if (path == ".") return fail(path_error(path, EISDIR));
  SKEP_TRY(const Fd folder, open_or_make_folder(root_, folder_of(path)));
  const Fd file(openat(folder.get(), std::string(name_of(path)).c_str(),
                       O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                       0644));
  if (file.get() < 0) return fail(path_error(path, errno));
  struct stat info{};
  if (fstat(file.get(), &info) != 0) return fail(path_error(path, errno));
  if (!S_ISREG(info.st_mode))
    return fail(Code::kInvalid, fmt::format("{} is no ordinary file", path));
  const auto size = static_cast<std::size_t>(info.st_size);
  SKEP_TRY(const bool there, ends_with_mark(file.get(), size, mark));
  if (there) return {};
  if (size + content.size() > file_bytes_max)
    return fail(Code::kTooLarge,
                fmt::format("{} would be over {}", path, human_size(file_bytes_max)));
  if (auto written = write_all(file.get(), content); !written)
    return fail(std::move(written).error().in(path));
  return {};
}

Result<Workspace::Listing> Workspace::list(std::string_view text) const {
  SKEP_TRY(const std::string path, workspace_path(text));
  SKEP_TRY(Fd opened, open_to_read(root_, path, O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(opened.get()), closedir);
  if (!folder) return fail(path_error(path, errno));
  const int fd = opened.release();  // the DIR's now
  Listing listing;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    listing.cut = listing.names.size() == entries_max;
    if (listing.cut) break;
    listing.names.push_back(shown_name(*entry, fd));
  }
  std::ranges::sort(listing.names);
  return listing;
}

Result<void> Workspace::make_folder(std::string_view text) const {
  SKEP_TRY(const std::string path, workspace_path(text));
  SKEP_TRY_VOID(open_or_make_folder(root_, path));
  return {};
}

bool Workspace::exists(std::string_view text) const {
  const auto path = workspace_path(text);
  return path && open_beneath(root_, *path, O_PATH | O_NOFOLLOW, 0).has_value();
}

Result<void> Workspace::change(const std::vector<Change>& changes) const {
  struct Step {
    std::string path;
    std::optional<Staged> after;   // nullopt: the file goes
    std::optional<Staged> before;  // to put back; nullopt: there was none
  };
  std::vector<Step> steps;
  for (const Change& change : changes) {
    Step step;
    SKEP_TRY(step.path, workspace_path(change.path));
    if (auto old = read_beneath(root_, step.path, RESOLVE_NO_SYMLINKS)) {
      SKEP_TRY(Staged staged, stage(root_, step.path, *old));
      step.before.emplace(std::move(staged));
    } else if (old.error().code != Code::kNotFound) {
      return fail(std::move(old).error());
    }
    if (change.content) {
      SKEP_TRY(Staged staged, stage(root_, step.path, *change.content));
      step.after.emplace(std::move(staged));
    }
    steps.push_back(std::move(step));
  }
  for (std::size_t done = 0; done < steps.size(); ++done) {
    Step& step = steps[done];
    Result<void> result = step.after ? step.after->commit(step.path) : remove(root_, step.path);
    if (result) continue;
    for (std::size_t undone = done; undone-- > 0;) {
      Step& earlier = steps[undone];
      std::ignore =
          earlier.before ? earlier.before->commit(earlier.path) : remove(root_, earlier.path);
    }
    return result;
  }
  return {};
}

}  // namespace skep::tools
