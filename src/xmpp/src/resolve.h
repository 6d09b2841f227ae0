// Where a client finds its server (RFC 6120 3.2, XEP-0368).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "skep/net/dns.h"
#include "skep/xmpp/session.h"

namespace skep::xmpp {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  bool direct_tls = false;
  bool operator==(const Endpoint&) const = default;
};

// The two kinds of SRV records as one list, by priority and weighted draw. Targets "." (not
// offered) are left out.
std::vector<Endpoint> merge_srv(const std::vector<net::SrvRecord>& direct,
                                const std::vector<net::SrvRecord>& starttls,
                                const std::function<std::uint32_t(std::uint32_t)>& draw);

// "host", "host:port", "[::1]:port" of <see-other-host/>.
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port, bool direct_tls);

// Never empty: an explicit host overrides everything; without SRV records the domain itself is
// tried on the usual port. kUnavailable when the domain says that it offers no such service.
Task<Result<std::vector<Endpoint>>> find_servers(Ctx ctx, const XmppConfig& config, Pool& pool);

}  // namespace skep::xmpp
