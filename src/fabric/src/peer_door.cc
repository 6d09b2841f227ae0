#include "peer_door.h"

#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace skep::fabric {

namespace {

namespace asio = boost::asio;

struct UnixAddress {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Result<UnixAddress> address_of(const std::string& path) {
  UnixAddress unix;
  if (path.size() >= sizeof unix.address.sun_path) {
    return fail(Code::kTooLarge, fmt::format("{}: a socket's path may have at most {} characters; "
                                             "use a home with a shorter path",
                                             path, sizeof unix.address.sun_path - 1));
  }
  std::memcpy(unix.address.sun_path, path.c_str(), path.size());
  return unix;
}

Result<OwnedFd> unix_socket() {
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail(errno_error("making a socket", errno));
  return fd;
}

Result<void> check_user(const OwnedFd& fd) {
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) {
    return fail(errno_error("asking who a peer is", errno));
  }
  if (who.uid == ::geteuid()) return {};
  return fail(Code::kDenied, fmt::format("the process {} of user {} is no peer: routers of a hive "
                                         "run as the same user",
                                         who.pid, who.uid));
}

// A descriptor to wait for; the reading is the caller's.
class Readable {
 public:
  Readable(const asio::any_io_executor& executor, OwnedFd fd) : notes_(executor, fd.release()) {}
  Task<Result<void>> wait() {
    auto [error] = co_await notes_.async_wait(asio::posix::descriptor_base::wait_read,
                                              asio::as_tuple(asio::use_awaitable));
    if (error || !notes_.is_open()) co_return fail(Code::kUnavailable, "closed");
    co_return Result<void>{};
  }
  void close() {
    boost::system::error_code ignored;
    notes_.close(ignored);
  }
  [[nodiscard]] int fd() { return notes_.native_handle(); }

 private:
  asio::posix::stream_descriptor notes_;
};

class UnixDoor final : public PeerDoor {
 public:
  UnixDoor(const asio::any_io_executor& executor, OwnedFd fd, std::string path)
      : door_(executor, std::move(fd)), path_(std::move(path)) {}
  ~UnixDoor() override { ::unlink(path_.c_str()); }

  Task<Result<OwnedFd>> accept() override {
    for (;;) {
      SKEP_CO_TRY_VOID(co_await door_.wait());
      OwnedFd fd(::accept4(door_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd.valid() && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) continue;
      if (!fd.valid()) co_return fail(errno_error("accepting a peer", errno));
      SKEP_CO_TRY_VOID(check_user(fd));
      co_return fd;
    }
  }
  void close() override { door_.close(); }

 private:
  Readable door_;
  std::string path_;
};

class InotifyWatch final : public DirectoryWatch {
 public:
  InotifyWatch(const asio::any_io_executor& executor, OwnedFd fd, std::string prefix)
      : notes_(executor, std::move(fd)), prefix_(std::move(prefix)) {}

  Task<Result<void>> changed() override {
    for (;;) {
      SKEP_CO_TRY_VOID(co_await notes_.wait());
      if (read_all()) co_return Result<void>{};
    }
  }
  void close() override { notes_.close(); }

 private:
  bool read_all() {
    bool ours = false;
    for (;;) {
      const ssize_t bytes = ::read(notes_.fd(), buffer_.data(), buffer_.size());
      if (bytes <= 0) return ours;
      ours |= concerns_us(static_cast<std::size_t>(bytes));
    }
  }
  bool concerns_us(std::size_t bytes) const {
    bool ours = false;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= bytes;) {
      inotify_event event{};
      std::memcpy(&event, buffer_.data() + at, sizeof event);
      const char* name = buffer_.data() + at + sizeof event;
      // Too many at once: some were left out.
      ours |= (event.mask & IN_Q_OVERFLOW) != 0;
      ours |= event.len > 0 && std::string_view(name).starts_with(prefix_);
      at += sizeof event + event.len;
    }
    return ours;
  }

  Readable notes_;
  std::string prefix_;
  std::array<char, 16'384> buffer_{};
};

}  // namespace

Result<OwnedFd> dial_peer(const std::string& path) {
  SKEP_TRY(const UnixAddress unix, address_of(path));
  SKEP_TRY(OwnedFd fd, unix_socket());
  // To a Unix socket at once, or not at all.
  if (::connect(fd.get(), unix.get(), sizeof unix.address) != 0) {
    return fail(Code::kUnavailable, fmt::format("dialling {}: {}", path, std::strerror(errno)));
  }
  SKEP_TRY_VOID(check_user(fd));
  return fd;
}

Result<std::unique_ptr<PeerDoor>> open_peer_door(const asio::any_io_executor& executor,
                                                 const std::string& path) {
  if (dial_peer(path)) return fail(Code::kConflict, path + ": another process listens there");
  const std::string beside = path + ".new";
  SKEP_TRY(const UnixAddress unix, address_of(beside));
  SKEP_TRY(OwnedFd fd, unix_socket());
  ::unlink(beside.c_str());
  if (::bind(fd.get(), unix.get(), sizeof unix.address) != 0 ||
      ::chmod(beside.c_str(), 0600) != 0 || ::listen(fd.get(), 64) != 0 ||
      ::rename(beside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(beside.c_str());
    return fail(errno_error("listening on " + path, error));
  }
  return std::make_unique<UnixDoor>(executor, std::move(fd), path);
}

Result<std::unique_ptr<DirectoryWatch>> watch_directory(const asio::any_io_executor& executor,
                                                        const std::string& path,
                                                        std::string prefix) {
  OwnedFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("watching " + path, errno));
  if (::inotify_add_watch(fd.get(), path.c_str(), IN_MOVED_TO | IN_CREATE | IN_DELETE) < 0) {
    return fail(errno_error("watching " + path, errno));
  }
  return std::make_unique<InotifyWatch>(executor, std::move(fd), std::move(prefix));
}

std::vector<std::string> names_between(const std::string& directory, std::string_view prefix,
                                       std::string_view suffix) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string file = entry.path().filename().string();
    const bool ours = file.starts_with(prefix) && file.ends_with(suffix) &&
                      file.size() > prefix.size() + suffix.size();
    if (!ours) continue;
    names.push_back(file.substr(prefix.size(), file.size() - prefix.size() - suffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace skep::fabric
