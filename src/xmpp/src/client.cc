// Client mode: the servers of the domain, one after the other.
#include "client_login.h"
#include "skep/base/log.h"

namespace skep::xmpp {
namespace {

SessionEnd nothing_tried() {
  return {Error{Code::kUnavailable, "no server to connect to"}, Retry::kNormally};
}

// Follows <see-other-host/> once; the certificate must be the account's domain's there too.
Task<Opened> log_in_at(Ctx ctx, const XmppConfig& config, XmppDeps deps, Endpoint endpoint) {
  ClientLogin login(config, deps, endpoint);
  Opened opened = co_await login.run(ctx);
  if (opened || login.redirected_to().empty()) co_return opened;
  const auto other = parse_endpoint(login.redirected_to(), endpoint.port, endpoint.direct_tls);
  if (!other) co_return opened;
  log::info("xmpp", "{} sends us to {}:{}", endpoint.host, other->host, other->port);
  ClientLogin there(config, deps, *other);
  co_return co_await there.run(ctx);
}

}  // namespace

// The next server is tried only where this one could not be reached or broke off; a refusal holds
// for all of them.
Task<Opened> open_client(Ctx ctx, const XmppConfig& config, XmppDeps deps) {
  const Ctx finding = ctx.within(config.handshake_timeout);
  const auto servers = co_await find_servers(finding, config, deps.pool);
  if (!servers) co_return std::unexpected(end_of_transport(servers.error()));
  Opened opened = std::unexpected(nothing_tried());
  for (const Endpoint& server : *servers) {
    opened = co_await log_in_at(ctx, config, deps, server);
    const bool elsewhere = !opened && opened.error().retry == Retry::kNormally && ctx.check();
    if (!elsewhere) break;
  }
  co_return opened;
}

}  // namespace skep::xmpp
