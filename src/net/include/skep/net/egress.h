// The guard against requests to places that an agent has no business with (server-side request
// forgery).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"

namespace skep::net {

struct EgressConfig {
  std::vector<std::uint16_t> ports = {80, 443};
  // "host" or "host:port" that may be reached although its address or port is forbidden (an
  // operator's own service).
  std::vector<std::string> allow;
  std::vector<std::string> deny;  // hosts; "*.example.com" covers subdomains
};

// "example.org:443" of a URL that the guard could judge at all, "[2001:db8::1]:80" where the host
// is such an address. Pure.
Result<std::string> endpoint_of(std::string_view url);

// Pure checks; immutable after construction, so any thread may call them.
class EgressGuard {
 public:
  explicit EgressGuard(EgressConfig config = {});
  // Scheme http or https, a host, an allowed port, no user or password in the URL, no name that is
  // local by convention (one without a dot, *.local, *.internal, *.localhost, *.home.arpa, *.lan
  // and such). kDenied says which rule.
  [[nodiscard]] Result<void> check_url(std::string_view url) const;
  // The URL's host and port are on EgressConfig::allow.
  [[nodiscard]] bool is_allowed_by_operator(std::string_view url) const;
  // The address really connected to. Refused: unspecified, loopback, private (RFC 1918, fc00::/7),
  // link-local incl. cloud metadata, CGNAT 100.64/10, multicast, broadcast, documentation and
  // benchmark nets, reserved 240/4, and IPv4 inside IPv6 (mapped, compatible, 6to4, Teredo, NAT64)
  // by the same rules. `host` is the URL's, for the allow list.
  [[nodiscard]] Result<void> check_address(std::string_view address, std::uint16_t port,
                                           std::string_view host) const;

 private:
  EgressConfig config_;
};

// The host of an http or https URL, lower case, without port; empty when it has none.
std::string host_of(std::string_view url);

}  // namespace skep::net
