// Attempts to reach others over sockets. The test listens on all of them.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>

#include "escape_child.h"

namespace escape {
namespace {

bool reaches(int family, int type, const void* address, socklen_t size) {
  const int fd = socket(family, type, 0);
  if (fd < 0) return false;
  const bool connected = connect(fd, static_cast<const sockaddr*>(address), size) == 0;
  const bool sent = connected && send(fd, "x", 1, MSG_NOSIGNAL) == 1;
  const int error = errno;
  close(fd);
  errno = error;
  return sent;
}
sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}
bool tcp_loopback(const Target& t) {
  const sockaddr_in address = loopback(t.port);
  return reaches(AF_INET, SOCK_STREAM, &address, sizeof address);
}
bool udp_loopback(const Target& t) {
  const sockaddr_in address = loopback(t.port);
  return reaches(AF_INET, SOCK_DGRAM, &address, sizeof address);
}
bool tcp6_loopback(const Target& t) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(t.port);
  address.sin6_addr = in6addr_loopback;
  return reaches(AF_INET6, SOCK_STREAM, &address, sizeof address);
}
bool tcp_metadata(const Target&) {
  sockaddr_in address = loopback(80);
  inet_pton(AF_INET, "169.254.169.254", &address.sin_addr);
  return reaches(AF_INET, SOCK_STREAM, &address, sizeof address);
}
bool tcp_family_with_high_bits(const Target& t) {
  const long fd = syscall(SYS_socket, 0x100000000l | AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(t.port);
  return fd >= 0 && connect(static_cast<int>(fd), reinterpret_cast<const sockaddr*>(&address),
                            sizeof address) == 0;
}
bool tcp_listen(const Target&) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd >= 0 && listen(fd, 1) == 0;
}
bool raw_socket(const Target&) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0; }
bool ping_socket(const Target&) { return socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) >= 0; }
bool packet_socket(const Target&) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0; }
bool old_packet_socket(const Target&) { return socket(AF_INET, SOCK_PACKET, 0) >= 0; }
bool netlink_socket(const Target&) { return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0; }
bool vsock_socket(const Target&) { return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0; }
bool crypto_socket(const Target&) { return socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0; }
bool bluetooth_socket(const Target&) { return socket(AF_BLUETOOTH, SOCK_RAW, 0) >= 0; }
bool can_socket(const Target&) { return socket(AF_CAN, SOCK_RAW, 0) >= 0; }
bool key_socket(const Target&) { return socket(AF_KEY, SOCK_RAW, 2) >= 0; }
bool xdp_socket(const Target&) { return socket(AF_XDP, SOCK_RAW, 0) >= 0; }
bool internet_socket_pair(const Target&) {
  int ends[2];
  return socketpair(AF_INET, SOCK_STREAM, 0, ends) == 0;
}
bool name_lookup(const Target&) {
  addrinfo* found = nullptr;
  const bool answered = getaddrinfo("example.com", "80", nullptr, &found) == 0;
  if (answered) freeaddrinfo(found);
  return answered;
}

socklen_t abstract_address(const Target& t, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  const std::string name = "skep-escape-" + std::to_string(t.pid);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}
bool abstract_socket(const Target& t) {
  sockaddr_un address;
  const socklen_t size = abstract_address(t, address);
  return reaches(AF_UNIX, SOCK_STREAM, &address, size);
}
bool abstract_datagram_from_pair(const Target& t) {
  sockaddr_un address;
  const socklen_t size = abstract_address(t, address);
  address.sun_path[1] = 'd';  // the datagram twin
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0) return false;
  return sendto(ends[0], "x", 1, 0, reinterpret_cast<sockaddr*>(&address), size) == 1;
}
bool path_socket(const Target& t) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (t.outside + "/door").c_str(), sizeof address.sun_path - 1);
  return reaches(AF_UNIX, SOCK_STREAM, &address, sizeof address);
}
bool system_bus(const Target&) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/run/dbus/system_bus_socket");
  return reaches(AF_UNIX, SOCK_STREAM, &address, sizeof address);
}
bool message_queue_of_others(const Target& t) {
  return mq_open(("/skep-escape-" + std::to_string(t.pid)).c_str(), O_RDWR) >= 0;
}

#define ATTEMPT(name) {#name, name}
constexpr Attempt kAttempts[] = {ATTEMPT(tcp_loopback),
                                 ATTEMPT(udp_loopback),
                                 ATTEMPT(tcp6_loopback),
                                 ATTEMPT(tcp_metadata),
                                 ATTEMPT(tcp_family_with_high_bits),
                                 ATTEMPT(tcp_listen),
                                 ATTEMPT(raw_socket),
                                 ATTEMPT(ping_socket),
                                 ATTEMPT(packet_socket),
                                 ATTEMPT(old_packet_socket),
                                 ATTEMPT(netlink_socket),
                                 ATTEMPT(vsock_socket),
                                 ATTEMPT(crypto_socket),
                                 ATTEMPT(bluetooth_socket),
                                 ATTEMPT(can_socket),
                                 ATTEMPT(key_socket),
                                 ATTEMPT(xdp_socket),
                                 ATTEMPT(internet_socket_pair),
                                 ATTEMPT(name_lookup),
                                 ATTEMPT(abstract_socket),
                                 ATTEMPT(abstract_datagram_from_pair),
                                 ATTEMPT(path_socket),
                                 ATTEMPT(system_bus),
                                 ATTEMPT(message_queue_of_others)};

}  // namespace

std::vector<Attempt> network_attempts() { return {std::begin(kAttempts), std::end(kAttempts)}; }

}  // namespace escape
