#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "address.h"
#include "resolve.h"
#include "skep/net/stream.h"
#include "socket.h"

namespace skep::net {
namespace {

constexpr int kBacklog = 511;  // connections the kernel holds until they are accepted

void apply(const TcpOptions& options, int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.keepalive) set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (options.user_timeout.count() > 0) {
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.count()));
  }
}

Task<Result<std::unique_ptr<Stream>>> connect_to(const Ctx& ctx, const SocketAddress& address,
                                                 const TcpOptions& options) {
  SKEP_CO_TRY(AsyncFd fd, open_socket(address.get()->sa_family));
  apply(options, fd.get());
  const Ctx limited = ctx.within(options.connect_timeout);
  SKEP_CO_TRY_VOID(co_await connect_socket(limited, fd, address.get(), address.size));
  co_return make_socket_stream(std::move(fd), format_address(address.get()));
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.contains('\0') || path.size() >= sizeof(address.sun_path)) {
    return fail(Code::kInvalid, fmt::format("socket path \"{}\" must have 1 to {} bytes", path,
                                            sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::uint16_t local_port(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                           : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

// 0 or errno.
int bind_unix(int fd, const sockaddr_un& address) {
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

// Nobody listens on the socket file: connecting is refused. Anything else (a listener, a file that
// is no socket, no permission) is not ours to remove.
bool is_stale(const sockaddr_un& address) {
  struct stat file{};
  if (::lstat(address.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  auto probe = open_socket(AF_UNIX);
  if (!probe) return false;
  return ::connect(probe->get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
             0 &&
         errno == ECONNREFUSED;
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> connect_tcp(Ctx ctx, std::string host, std::uint16_t port,
                                                  TcpOptions options) {
  SKEP_CO_TRY(const auto addresses, co_await resolve(ctx, host, port));
  std::string failures;
  for (const SocketAddress& address : addresses) {
    SKEP_CO_TRY_VOID(ctx.check());
    auto stream = co_await connect_to(ctx, address, options);
    if (stream) co_return stream;
    SKEP_CO_TRY_VOID(ctx.check());
    const bool late = stream.error().code == Code::kTimeout;
    failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", format_address(address.get()),
                            late ? "no answer in time" : stream.error().message);
  }
  co_return fail(Code::kUnavailable,
                 fmt::format("cannot connect to {} ({})", format_host_port(host, port), failures));
}

Task<Result<std::unique_ptr<Stream>>> connect_unix(Ctx ctx, std::string path) {
  SKEP_CO_TRY(const sockaddr_un address, unix_address(path));
  SKEP_CO_TRY(AsyncFd fd, open_socket(AF_UNIX));
  auto connected = co_await connect_socket(ctx, fd, reinterpret_cast<const sockaddr*>(&address),
                                           sizeof(address));
  if (!connected) co_return fail(std::move(connected).error().in("connecting to " + path));
  co_return make_socket_stream(std::move(fd), "unix:" + path);
}

Task<Result<std::unique_ptr<Acceptor>>> listen_tcp(std::string host, std::uint16_t port) {
  SKEP_CO_TRY(const SocketAddress address, parse_address(host, port));
  SKEP_CO_TRY(AsyncFd fd, open_socket(address.get()->sa_family));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    const std::string where = "listening on " + format_address(address.get());
    if (error == EADDRINUSE) co_return fail(Code::kConflict, where + ": the port is taken");
    co_return fail(errno_error(where, error));
  }
  const std::uint16_t bound = local_port(fd.get());
  co_return make_acceptor(std::move(fd), bound, {});
}

Task<Result<std::unique_ptr<Acceptor>>> listen_unix(std::string path) {
  SKEP_CO_TRY(const sockaddr_un address, unix_address(path));
  SKEP_CO_TRY(AsyncFd fd, open_socket(AF_UNIX));
  int error = bind_unix(fd.get(), address);
  if (error == EADDRINUSE && is_stale(address)) {
    ::unlink(path.c_str());
    error = bind_unix(fd.get(), address);
  }
  if (error == EADDRINUSE) co_return fail(Code::kConflict, fmt::format("{} is in use", path));
  if (error != 0) co_return fail(errno_error("listening on " + path, error));
  // Nobody can connect between bind and listen, so the mode is right from the first moment.
  if (::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    error = errno;
    ::unlink(path.c_str());
    co_return fail(errno_error("listening on " + path, error));
  }
  co_return make_acceptor(std::move(fd), 0, std::move(path));
}

}  // namespace skep::net
