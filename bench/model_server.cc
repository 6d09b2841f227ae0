// A loopback model server that costs as little as possible: scripted answers in the Anthropic and
// OpenAI streaming formats, epoll, keep-alive, one write for each answer. A request without a tool
// result is answered by a call of system_time, one with it by a text. Prints its port.
//
//   bench_model_server [--record FILE]   FILE gets every request: "HEAD_BYTES BODY_BYTES\n", head,
//   body GET /stats                           {"requests":…,"bytes_in":…,"bytes_out":…}
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "measure.h"
#include "model_answers.h"

namespace skep::bench {

namespace {

constexpr std::size_t kRequestBytesMax = 16u << 20;

struct Connection {
  std::string in;
  std::string out;       // what the socket would not take yet
  bool writing = false;  // waits until the socket takes more
};

class ModelServer {
 public:
  explicit ModelServer(std::FILE* record) : record_(record) {}

  void listen_and_serve() {
    const int listener = listen_on_loopback();
    poll_ = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, EPOLLIN, EPOLL_CTL_ADD);
    std::array<epoll_event, 256> events{};
    while (true) {
      const int ready = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listener) {
          accept_one(listener);
        } else if (!serve(event.data.fd, connections_[event.data.fd])) {
          connections_.erase(event.data.fd);
          close(event.data.fd);
        }
      }
    }
  }

 private:
  static int listen_on_loopback() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (bind(fd, any, size) != 0 || listen(fd, 256) != 0 || getsockname(fd, any, &size) != 0) {
      die("cannot listen on 127.0.0.1");
    }
    print_line(fmt::format("{}", ntohs(address.sin_port)));
    return fd;
  }

  void watch(int fd, std::uint32_t what, int operation) const {
    epoll_event event{.events = what, .data = {.fd = fd}};
    epoll_ctl(poll_, operation, fd, &event);
  }

  void accept_one(int listener) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }

  // False: the connection is over.
  bool serve(int fd, Connection& connection) {
    std::array<char, 64 << 10> buffer;
    while (true) {
      const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) return false;
      connection.in.append(buffer.data(), static_cast<std::size_t>(got));
      if (connection.in.size() > kRequestBytesMax) return false;
      if (static_cast<std::size_t>(got) < buffer.size()) break;
    }
    while (take_request(connection)) {
    }
    return flush(fd, connection);
  }

  bool flush(int fd, Connection& connection) const {
    while (!connection.out.empty()) {
      const ssize_t sent = send(fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return false;
      if (sent < 0) break;
      connection.out.erase(0, static_cast<std::size_t>(sent));
    }
    if (connection.writing != connection.out.empty()) return true;
    connection.writing = !connection.writing;
    watch(fd, connection.writing ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    return true;
  }

  // Answers the first whole request in the buffer; false when there is none.
  bool take_request(Connection& connection) {
    const std::string_view in = connection.in;
    const std::size_t head_end = in.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return false;
    const std::string_view head = in.substr(0, head_end + 4);
    const std::size_t length = content_length(head);
    if (in.size() < head.size() + length) return false;
    const std::string_view body = in.substr(head.size(), length);
    answer(head, body, connection.out);
    connection.in.erase(0, head.size() + length);
    return true;
  }

  static std::size_t content_length(std::string_view head) {
    for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
      const std::size_t at = head.find(name);
      if (at == std::string_view::npos) continue;
      std::size_t length = 0;
      std::from_chars(head.data() + at + name.size(), head.data() + head.size(), length);
      return length;
    }
    return 0;
  }

  void answer(std::string_view head, std::string_view body, std::string& out) {
    if (head.starts_with("GET /stats")) {
      const std::string stats = fmt::format(R"({{"requests":{},"bytes_in":{},"bytes_out":{}}})",
                                            requests_, bytes_in_, bytes_out_);
      out += fmt::format(
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
          stats.size(), stats);
      return;
    }
    if (record_ != nullptr) record(head, body);
    const std::size_t before = out.size();
    append_model_answer(head, body, ++requests_, out);
    bytes_in_ += head.size() + body.size();
    bytes_out_ += out.size() - before;
  }

  void record(std::string_view head, std::string_view body) const {
    fmt::print(record_, "{} {}\n{}{}", head.size(), body.size(), head, body);
    std::fflush(record_);
  }

  std::FILE* record_;
  int poll_ = -1;
  std::map<int, Connection> connections_;
  std::uint64_t requests_ = 0, bytes_in_ = 0, bytes_out_ = 0;
};

}  // namespace

}  // namespace skep::bench

int main(int argc, char** argv) {
  std::FILE* record = nullptr;
  if (argc == 3 && std::strcmp(argv[1], "--record") == 0) {
    record = std::fopen(argv[2], "wb");
    if (record == nullptr) skep::bench::die("cannot write the record file");
  } else if (argc != 1) {
    skep::bench::die("usage: bench_model_server [--record FILE]");
  }
  skep::bench::ModelServer(record).listen_and_serve();
}
