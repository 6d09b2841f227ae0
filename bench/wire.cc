#include "wire.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "measure.h"

namespace skep::bench {

namespace {
constexpr std::size_t kUnreadBytesMax = 16u << 20;
constexpr std::string_view kMessageEnd = "</message>";
}  // namespace

Wire::Wire(const std::string& port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{.sin_family = AF_INET,
                      .sin_port = htons(static_cast<std::uint16_t>(std::atoi(port.c_str()))),
                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    die("cannot connect to port " + port);
  const int yes = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

Wire::~Wire() { close(fd_); }

void Wire::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) die("the server closed the connection");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Wire::read_some() {
  std::array<char, 64 << 10> buffer;
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) die("the server closed the stream: " + in_);
  in_.append(buffer.data(), static_cast<std::size_t>(got));
  if (in_.size() > kUnreadBytesMax) die("too much without a whole message");
}

std::string Wire::read_until(std::string_view mark) {
  while (in_.find(mark) == std::string::npos) {
    if (in_.find("</stream:stream>") != std::string::npos)
      die("the server ended the stream: " + in_);
    read_some();
  }
  const std::size_t end = in_.find(mark) + mark.size();
  std::string head = in_.substr(0, end);
  in_.erase(0, end);
  return head;
}

std::optional<std::string> Wire::next_message() {
  const std::size_t start = in_.find("<message");
  const std::size_t end = start == std::string::npos ? start : in_.find(kMessageEnd, start);
  if (end == std::string::npos) return std::nullopt;
  std::string stanza = in_.substr(start, end + kMessageEnd.size() - start);
  in_.erase(0, end + kMessageEnd.size());
  return stanza;
}

std::string_view attribute(std::string_view stanza, std::string_view name) {
  const std::string_view tag = stanza.substr(0, stanza.find('>'));
  for (const char quote : {'\'', '"'}) {
    const std::size_t at = tag.find(fmt::format(" {}={}", name, quote));
    if (at == std::string_view::npos) continue;
    const std::string_view value = tag.substr(at + name.size() + 3);
    return value.substr(0, value.find(quote));
  }
  return {};
}

std::optional<std::string_view> body_of(std::string_view stanza) {
  const std::size_t start = stanza.find("<body>");
  const std::size_t end = stanza.find("</body>");
  if (start == std::string_view::npos || end == std::string_view::npos) return std::nullopt;
  return stanza.substr(start + 6, end - start - 6);
}

}  // namespace skep::bench
