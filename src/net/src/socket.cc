#include "socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "address.h"
#include "skep/async/wait.h"

namespace skep::net {
namespace {

// Reads and writes that succeed without waiting, in a row, before others get their turn.
constexpr unsigned kDirectOpsMax = 32;

class SocketStream final : public Stream {
 public:
  SocketStream(AsyncFd fd, std::string peer) : fd_(std::move(fd)), peer_(std::move(peer)) {}

  Task<Result<std::size_t>> read_some(Ctx ctx, std::span<std::byte> into) override {
    SKEP_CO_TRY_VOID(ctx.check());
    // After a short read the socket was empty: waiting at once saves a recv that would only say
    // EAGAIN.
    bool wait = drained_;
    for (;;) {
      if (wait) {
        SKEP_CO_TRY_VOID(co_await fd_.readable(ctx));
        direct_reads_ = 0;
      }
      if (!fd_.is_open()) co_return fail(Code::kCancelled, "closed");
      const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), MSG_DONTWAIT);
      if (got >= 0) {
        drained_ = static_cast<std::size_t>(got) < into.size();
        if (++direct_reads_ > kDirectOpsMax)
          drained_ = true;  // the next read goes through the loop
        co_return static_cast<std::size_t>(got);
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) co_return fail(broken(errno));
      wait = true;
    }
  }

  Task<Result<void>> write(Ctx ctx, Bytes bytes) override {
    SKEP_CO_TRY_VOID(ctx.check());
    while (!bytes.empty()) {
      if (!fd_.is_open()) co_return fail(Code::kCancelled, "closed");
      const ssize_t sent =
          ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) co_return fail(broken(errno));
      SKEP_CO_TRY_VOID(co_await fd_.writable(ctx));
      direct_writes_ = 0;
    }
    if (++direct_writes_ > kDirectOpsMax) {
      direct_writes_ = 0;
      co_await yield();
    }
    co_return Result<void>{};
  }

  Task<void> shutdown(Ctx) override {
    if (fd_.is_open()) ::shutdown(fd_.get(), SHUT_WR);
    co_return;
  }
  void close() override { fd_.close(); }
  [[nodiscard]] std::string peer() const override { return peer_; }

 private:
  [[nodiscard]] Error broken(int error) const {
    return {Code::kUnavailable,
            fmt::format("connection to {} lost: {}", peer_, std::strerror(error))};
  }

  AsyncFd fd_;
  std::string peer_;
  bool drained_ = true;
  unsigned direct_reads_ = 0;
  unsigned direct_writes_ = 0;
};

bool is_passing_accept_error(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
         error == EHOSTUNREACH || error == ENETUNREACH || error == EPERM;
}

class SocketAcceptor final : public Acceptor {
 public:
  SocketAcceptor(AsyncFd fd, std::uint16_t port, std::string unix_path)
      : fd_(std::move(fd)), port_(port), unix_path_(std::move(unix_path)) {
    if (!unix_path_.empty()) ::stat(unix_path_.c_str(), &file_);
  }
  ~SocketAcceptor() override { SocketAcceptor::close(); }

  Task<Result<std::unique_ptr<Stream>>> accept(Ctx ctx) override {
    SKEP_CO_TRY_VOID(ctx.check());
    for (;;) {
      if (!fd_.is_open()) co_return fail(Code::kCancelled, "closed");
      sockaddr_storage from{};
      socklen_t size = sizeof(from);
      auto* address = reinterpret_cast<sockaddr*>(&from);
      const int fd = ::accept4(fd_.get(), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) co_return welcome(fd, address);
      const int error = errno;
      if (error == EAGAIN) {
        SKEP_CO_TRY_VOID(co_await fd_.readable(ctx));
      } else if (!is_passing_accept_error(error)) {
        co_return fail(errno_error("accepting a connection", error));
      }
    }
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

  void close() override {
    if (!fd_.is_open()) return;
    fd_.close();
    struct stat now{};
    const bool ours = !unix_path_.empty() && ::stat(unix_path_.c_str(), &now) == 0 &&
                      now.st_dev == file_.st_dev && now.st_ino == file_.st_ino;
    if (ours) ::unlink(unix_path_.c_str());
  }

 private:
  std::unique_ptr<Stream> welcome(int fd, const sockaddr* address) {
    if (!unix_path_.empty()) return make_socket_stream(AsyncFd(fd), "unix:" + unix_path_);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    return make_socket_stream(AsyncFd(fd), format_address(address));
  }

  AsyncFd fd_;
  std::uint16_t port_;
  std::string unix_path_;
  struct stat file_{};
};

}  // namespace

std::unique_ptr<Stream> make_socket_stream(AsyncFd fd, std::string peer) {
  return std::make_unique<SocketStream>(std::move(fd), std::move(peer));
}

std::unique_ptr<Acceptor> make_acceptor(AsyncFd fd, std::uint16_t port, std::string unix_path) {
  return std::make_unique<SocketAcceptor>(std::move(fd), port, std::move(unix_path));
}

Result<AsyncFd> open_socket(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(errno_error("opening a socket", errno));
  return AsyncFd(fd);
}

Task<Result<void>> connect_socket(const Ctx& ctx, AsyncFd& fd, const sockaddr* address,
                                  socklen_t size) {
  if (::connect(fd.get(), address, size) == 0) co_return Result<void>{};
  if (errno != EINPROGRESS) co_return fail(Code::kUnavailable, std::strerror(errno));
  SKEP_CO_TRY_VOID(co_await fd.writable(ctx));
  int error = 0;
  socklen_t length = sizeof(error);
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) co_return fail(Code::kUnavailable, std::strerror(error));
  co_return Result<void>{};
}

std::string format_address(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return format_host_port(text.data(), ntohs(v4->sin_port));
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return format_host_port(text.data(), ntohs(v6->sin6_port));
  }
  return {};
}

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof(value));
}

Result<std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>> stream_pair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return fail(errno_error("making a socket pair", errno));
  }
  return std::pair(make_socket_stream(AsyncFd(fds[0]), "pair"),
                   make_socket_stream(AsyncFd(fds[1]), "pair"));
}

Result<std::string> Stream::channel_binding(std::string_view type) const {
  return fail(Code::kUnsupported, fmt::format("no channel binding {} without TLS", type));
}

}  // namespace skep::net
