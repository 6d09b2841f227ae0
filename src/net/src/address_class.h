// What an IP address is good for (IANA's special-purpose registries, RFC 6890).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skep::net {

// Why `address` is not a public unicast address: "loopback", "private", …; nullopt when it is
// public. IPv4 inside IPv6 (mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP) follows
// IPv4's rules. Text that is no address: "no IP address".
std::optional<std::string_view> why_not_public(const std::string& address);

}  // namespace skep::net
