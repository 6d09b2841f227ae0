#include "resolve.h"

#include <netdb.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstring>

#include "skep/async/wait.h"

namespace skep::net {
namespace {

namespace asio = boost::asio;
using Resolver = asio::ip::tcp::resolver;

constexpr std::size_t kAddressesMax = 16;  // more answers to one name are ignored

// Shared by the waiting coroutine and the resolver's handler, which may come after the coroutine
// has gone.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : resolver(executor) {}
  Resolver resolver;
  Signal done_signal;
  bool done = false;
  boost::system::error_code error;
  std::vector<SocketAddress> addresses;
};

void finish(Lookup& lookup, const boost::system::error_code& error,
            const Resolver::results_type& results) {
  lookup.done = true;
  lookup.error = error;
  for (const auto& result : results) {
    if (lookup.addresses.size() == kAddressesMax) break;
    SocketAddress address;
    address.size = static_cast<socklen_t>(result.endpoint().size());
    std::memcpy(&address.storage, result.endpoint().data(), address.size);
    lookup.addresses.push_back(address);
  }
  lookup.done_signal.notify_all();
}

// The first lookup starts Asio's resolver thread, which may fail.
Result<void> start(const std::shared_ptr<Lookup>& lookup, const std::string& host,
                   std::uint16_t port) {
  try {
    lookup->resolver.async_resolve(
        host, std::to_string(port),
        [lookup](const boost::system::error_code& error, const Resolver::results_type& results) {
          finish(*lookup, error, results);
        });
  } catch (const boost::system::system_error& error) {
    return fail(Code::kExhausted, fmt::format("looking up {}: {}", host, error.what()));
  }
  return {};
}

}  // namespace

Result<SocketAddress> parse_address(std::string host, std::uint16_t port) {
  if (host.contains('\0')) return fail(Code::kInvalid, "the host has a NUL byte");
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0 ||
      found == nullptr) {
    return fail(Code::kInvalid, fmt::format("\"{}\" is not an IP address", host));
  }
  SocketAddress address;
  address.size = found->ai_addrlen;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return address;
}

Task<Result<std::vector<SocketAddress>>> resolve(const Ctx& ctx, const std::string& host,
                                                 std::uint16_t port) {
  if (auto literal = parse_address(host, port)) co_return std::vector<SocketAddress>{*literal};
  if (host.contains('\0')) co_return fail(Code::kInvalid, "the host has a NUL byte");
  auto lookup = std::make_shared<Lookup>(co_await asio::this_coro::executor);
  SKEP_CO_TRY_VOID(start(lookup, host, port));
  while (!lookup->done) {
    if (auto waited = co_await lookup->done_signal.wait(ctx); !waited) {
      lookup->resolver.cancel();
      co_return fail(std::move(waited).error().in("looking up " + host));
    }
  }
  const bool unknown = lookup->error == asio::error::host_not_found ||
                       lookup->error == asio::error::no_data ||
                       (!lookup->error && lookup->addresses.empty());
  if (unknown) co_return fail(Code::kNotFound, fmt::format("no address found for {}", host));
  if (lookup->error) {
    co_return fail(Code::kUnavailable,
                   fmt::format("looking up {}: {}", host, lookup->error.message()));
  }
  co_return std::move(lookup->addresses);
}

}  // namespace skep::net
