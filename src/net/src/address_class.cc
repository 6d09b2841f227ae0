#include "address_class.h"

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace skep::net {
namespace {

using Reason = std::optional<std::string_view>;

struct Net4 {
  std::uint32_t net;
  int bits;
  std::string_view reason;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr std::array kNets4 = {
    Net4{v4(0, 0, 0, 0), 8, "unspecified"},
    Net4{v4(10, 0, 0, 0), 8, "private"},
    Net4{v4(100, 64, 0, 0), 10, "carrier-grade NAT"},
    Net4{v4(127, 0, 0, 0), 8, "loopback"},
    Net4{v4(168, 63, 129, 16), 32, "cloud metadata"},
    Net4{v4(169, 254, 0, 0), 16, "link-local"},
    Net4{v4(172, 16, 0, 0), 12, "private"},
    Net4{v4(192, 0, 0, 0), 24, "reserved"},
    Net4{v4(192, 0, 2, 0), 24, "for documentation"},
    Net4{v4(192, 88, 99, 0), 24, "a 6to4 relay"},
    Net4{v4(192, 168, 0, 0), 16, "private"},
    Net4{v4(198, 18, 0, 0), 15, "for benchmarks"},
    Net4{v4(198, 51, 100, 0), 24, "for documentation"},
    Net4{v4(203, 0, 113, 0), 24, "for documentation"},
    Net4{v4(224, 0, 0, 0), 4, "multicast"},
    Net4{v4(255, 255, 255, 255), 32, "broadcast"},
    Net4{v4(240, 0, 0, 0), 4, "reserved"},
};

Reason classify4(std::uint32_t address) {
  for (const Net4& net : kNets4) {
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - net.bits);
    if ((address & mask) == net.net) return net.reason;
  }
  return std::nullopt;
}

using Bytes16 = std::array<std::uint8_t, 16>;

std::uint32_t embedded4(const Bytes16& b, std::size_t at) {
  return v4(b[at], b[at + 1], b[at + 2], b[at + 3]);
}

bool has_prefix(const Bytes16& bytes, const Bytes16& net, int bits) {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (std::memcmp(bytes.data(), net.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits % 8));
  return (bytes[whole] & mask) == (net[whole] & mask);
}

struct Net6 {
  Bytes16 net;
  int bits;
  std::string_view reason;
};

constexpr std::array kNets6 = {
    Net6{{0xfc}, 7, "private"},
    Net6{{0xfe, 0x80}, 10, "link-local"},
    Net6{{0xfe, 0xc0}, 10, "site-local"},
    Net6{{0xff}, 8, "multicast"},
    Net6{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "local NAT64"},
    Net6{{0x01}, 64, "discarded"},
    Net6{{0x20, 0x01, 0x00, 0x02, 0, 0}, 48, "for benchmarks"},
    Net6{{0x20, 0x01, 0x00, 0x10}, 28, "an identifier (ORCHID)"},
    Net6{{0x20, 0x01, 0x00, 0x20}, 28, "an identifier (ORCHID)"},
    Net6{{0x20, 0x01, 0x0d, 0xb8}, 32, "for documentation"},
    Net6{{0x3f, 0xff, 0x00}, 20, "for documentation"},
};

// ISATAP (RFC 5214): an interface identifier of 0000:5efe or 0200:5efe and an IPv4 address.
bool is_isatap(const Bytes16& b) {
  return (b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe;
}

// The IPv4 addresses that packets to this one would reach, if it is a wrapping of IPv4.
Reason classify_embedded(const Bytes16& b, bool& wrapped) {
  static constexpr Bytes16 kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // ::ffff:0:0/96
  static constexpr Bytes16 kTranslated = {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};    // ::ffff:0:0:0/96
  static constexpr Bytes16 kNat64 = {0, 0x64, 0xff, 0x9b};                        // 64:ff9b::/96
  static constexpr Bytes16 kCompatible = {};                                      // ::/96
  static constexpr Bytes16 k6to4 = {0x20, 0x02};
  static constexpr Bytes16 kTeredo = {0x20, 0x01, 0, 0};
  wrapped = true;
  for (const Bytes16& net : {kMapped, kTranslated, kNat64, kCompatible}) {
    if (has_prefix(b, net, 96)) return classify4(embedded4(b, 12));
  }
  if (has_prefix(b, k6to4, 16)) return classify4(embedded4(b, 2));
  if (has_prefix(b, kTeredo, 32)) {
    if (auto server = classify4(embedded4(b, 4))) return server;
    return classify4(~embedded4(b, 12));
  }
  if (is_isatap(b)) return classify4(embedded4(b, 12));
  wrapped = false;
  return std::nullopt;
}

Reason classify6(const Bytes16& bytes) {
  static constexpr Bytes16 kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (bytes == Bytes16{}) return "unspecified";
  if (bytes == kLoopback) return "loopback";
  for (const Net6& net : kNets6) {
    if (has_prefix(bytes, net.net, net.bits)) return net.reason;
  }
  bool wrapped = false;
  if (auto reason = classify_embedded(bytes, wrapped); reason || wrapped) return reason;
  // IANA gives out global unicast addresses from 2000::/3 only.
  if ((bytes[0] & 0xe0) != 0x20) return "reserved";
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> why_not_public(const std::string& address) {
  in_addr four{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) return classify4(ntohl(four.s_addr));
  Bytes16 six{};
  if (inet_pton(AF_INET6, address.c_str(), six.data()) == 1) return classify6(six);
  return "no IP address";
}

}  // namespace skep::net
