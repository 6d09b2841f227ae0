// Names to addresses.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"

namespace skep::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// A literal address, brackets allowed; kInvalid otherwise.
Result<SocketAddress> parse_address(std::string host, std::uint16_t port);
// The system's order. Literal addresses do not wait. kNotFound when there is no such name,
// kUnavailable when no name server answers. The lookup runs on Asio's resolver thread, one at a
// time; a Ctx that ends leaves it behind.
Task<Result<std::vector<SocketAddress>>> resolve(const Ctx& ctx, const std::string& host,
                                                 std::uint16_t port);

}  // namespace skep::net
