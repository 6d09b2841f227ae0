// "host:port" as text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skep::net {

struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

// "127.0.0.1:80", "[::1]:80", "name:80"; nullopt when the port is missing or no number, or an IPv6
// address lacks brackets.
std::optional<HostPort> parse_host_port(std::string_view text);
// Puts brackets round an IPv6 address.
std::string format_host_port(std::string_view host, std::uint16_t port);
// An IPv4 or IPv6 address in its usual notation, without brackets or zone.
bool is_address(std::string_view host);

}  // namespace skep::net
