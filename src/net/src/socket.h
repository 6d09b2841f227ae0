// Sockets of any family as Streams and Acceptors.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>

#include "async_fd.h"
#include "skep/net/stream.h"

namespace skep::net {

// `fd` is a connected, non-blocking stream socket.
std::unique_ptr<Stream> make_socket_stream(AsyncFd fd, std::string peer);
// A non-blocking, close-on-exec stream socket.
Result<AsyncFd> open_socket(int family);
// Connects, waiting no longer than the Ctx.
Task<Result<void>> connect_socket(const Ctx& ctx, AsyncFd& fd, const sockaddr* address,
                                  socklen_t size);
// "127.0.0.1:80", "[::1]:80"; empty for other families.
std::string format_address(const sockaddr* address);
void set_option(int fd, int level, int name, int value);

// A listening socket. `unlink_path`: the socket file to remove at the end, if it is still ours.
std::unique_ptr<Acceptor> make_acceptor(AsyncFd fd, std::uint16_t port, std::string unix_path);

}  // namespace skep::net
