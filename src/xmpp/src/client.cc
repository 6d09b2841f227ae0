// Client mode: the servers of the domain, one after the other.
#include "client_login.h"
#include "skep/base/log.h"

namespace skep::xmpp {
namespace {

SessionEnd nothing_tried() {
  return {Error{Code::kUnavailable, "no server to connect to"}, Retry::kNormally};
}

// Follows <see-other-host/> once; the certificate must be the account's domain's there too.
Task<Opened> log_in_at(Ctx ctx, const XmppConfig& config, XmppDeps deps, Endpoint endpoint,
                       LiveSession* interrupted) {
  ClientLogin login(config, deps, endpoint, interrupted);
  Opened opened = co_await login.run(ctx);
  if (opened || login.redirected_to().empty()) co_return opened;
  const auto other = parse_endpoint(login.redirected_to(), endpoint.port, endpoint.direct_tls);
  if (!other) co_return opened;
  log::info("xmpp", "{} sends us to {}:{}", endpoint.host, other->host, other->port);
  ClientLogin there(config, deps, *other, interrupted);
  co_return co_await there.run(ctx);
}

// XEP-0198 5: where the interrupted stream wants to be taken up comes first.
void put_first(std::vector<Endpoint>& servers, const XmppConfig& config,
               const std::string& location) {
  const std::uint16_t port = servers.empty() ? config.port_or_default() : servers.front().port;
  const bool direct = servers.empty() ? config.direct_tls : servers.front().direct_tls;
  if (const auto wanted = parse_endpoint(location, port, direct))
    servers.insert(servers.begin(), *wanted);
}

}  // namespace

// The next server is tried only where this one could not be reached or broke off; a refusal holds
// for all of them.
Task<Opened> open_client(Ctx ctx, const XmppConfig& config, XmppDeps deps,
                         LiveSession* interrupted) {
  const Ctx finding = ctx.within(config.handshake_timeout);
  auto servers = co_await find_servers(finding, config, deps.pool);
  if (!servers) co_return std::unexpected(end_of_transport(servers.error()));
  if (interrupted != nullptr && interrupted->resumable())
    put_first(*servers, config, interrupted->management()->terms().location);
  Opened opened = std::unexpected(nothing_tried());
  for (const Endpoint& server : *servers) {
    opened = co_await log_in_at(ctx, config, deps, server, interrupted);
    const bool elsewhere = !opened && opened.error().retry == Retry::kNormally && ctx.check();
    if (!elsewhere) break;
  }
  co_return opened;
}

}  // namespace skep::xmpp
