#include "skep/net/dns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "support.h"

namespace skep::net {
namespace {

using namespace testing;

std::string u16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string wire_name(std::string_view name) {
  std::string wire;
  for (const std::string_view label : split(name, '.')) {
    if (label.empty()) continue;
    wire += static_cast<char>(label.size());
    wire += label;
  }
  return wire + '\0';
}

std::string srv_data(unsigned priority, unsigned weight, unsigned port,
                     const std::string& target_wire) {
  return u16(priority) + u16(weight) + u16(port) + target_wire;
}

// One answer record; its name points to the question (RFC 1035 4.1.4).
std::string record(unsigned type, const std::string& data) {
  return "\xC0\x0C" + u16(type) + u16(1) + std::string("\0\0\0\x3c", 4) +
         u16(static_cast<unsigned>(data.size())) + data;
}

// What the name server says to a question; nullopt: nothing.
struct Reply {
  unsigned rcode = 0;
  std::vector<std::string> records;
  std::size_t cut = std::string::npos;  // send only so many bytes
  unsigned count_more = 0;              // claim more records than there are
};

// A name server on loopback that gives one reply to every question.
class NameServer {
 public:
  explicit NameServer(std::optional<Reply> reply) : reply_(std::move(reply)) {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~NameServer() {
    thread_.request_stop();
    thread_.join();
    ::close(fd_);
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 10) <= 0) continue;
      std::array<char, 1500> question{};
      sockaddr_in from{};
      socklen_t size = sizeof(from);
      const ssize_t got = ::recvfrom(fd_, question.data(), question.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 12 || !reply_) continue;
      const std::string answer = compose({question.data(), static_cast<std::size_t>(got)});
      ::sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  [[nodiscard]] std::string compose(std::string_view question) const {
    const auto name_end = question.find('\0', 12);
    std::string answer(question.substr(0, 2));
    answer += "\x84" + std::string(1, static_cast<char>(0x80 | reply_->rcode)) + u16(1);
    answer +=
        u16(static_cast<unsigned>(reply_->records.size()) + reply_->count_more) + u16(0) + u16(0);
    answer += question.substr(12, name_end + 5 - 12);
    for (const std::string& one : reply_->records) answer += one;
    return answer.substr(0, reply_->cut);
  }

  std::optional<Reply> reply_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

Result<std::vector<SrvRecord>> ask(std::optional<Reply> reply, Ctx ctx = patient()) {
  const NameServer server(std::move(reply));
  Loop loop;
  Pool pool(loop);
  return loop.run(
      resolve_srv(std::move(ctx), pool, "_xmpp-client._tcp.example.org", server.address()));
}

constexpr unsigned kSrv = 33;
constexpr unsigned kTxt = 16;
using Records = std::vector<SrvRecord>;

TEST(Dns, ReadsSrvRecords) {
  const auto found =
      ask(Reply{.records = {record(kSrv, srv_data(10, 5, 5222, wire_name("one.example.org"))),
                            record(kSrv, srv_data(20, 0, 65535, wire_name("two.example.org")))}});
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(*found, (Records{{10, 5, 5222, "one.example.org"}, {20, 0, 65535, "two.example.org"}}));
}

TEST(Dns, KeepsTheDotThatSaysNotOffered) {
  EXPECT_EQ(ask(Reply{.records = {record(kSrv, srv_data(0, 0, 0, std::string(1, '\0')))}}),
            (Records{{0, 0, 0, "."}}));
}

TEST(Dns, NoSuchNameAndNoRecordsAreEmpty) {
  EXPECT_EQ(ask(Reply{.rcode = 3}), Records{});
  EXPECT_EQ(ask(Reply{}), Records{});
  EXPECT_EQ(ask(Reply{.records = {record(kTxt, "\x02hi")}}), Records{});
}

TEST(Dns, AServerThatFailsIsUnavailable) {
  EXPECT_EQ(ask(Reply{.rcode = 2}).error().code, Code::kUnavailable);
  EXPECT_EQ(ask(Reply{.rcode = 5}).error().code, Code::kUnavailable);
}

TEST(Dns, PassesOverTargetsThatAreNoHostNames) {
  const std::string good = record(kSrv, srv_data(1, 1, 1, wire_name("ok.example.org")));
  EXPECT_EQ(ask(Reply{.records = {record(kSrv, srv_data(1, 1, 1,
                                                        std::string("\x03"
                                                                    "a b\0",
                                                                    5))),
                                  good}}),
            (Records{{1, 1, 1, "ok.example.org"}}));
  EXPECT_EQ(ask(Reply{.records = {record(kSrv, u16(1) + u16(1)), good}}),
            (Records{{1, 1, 1, "ok.example.org"}}));
}

TEST(Dns, SurvivesMalformedAnswers) {
  // The target stands at byte 65: header, question, and the record before it.
  const std::string loop_to_itself = srv_data(1, 1, 1, "\xC0\x41");
  const std::string points_outside = srv_data(1, 1, 1, "\xFF\xFF");
  for (const std::string& data : {loop_to_itself, points_outside,
                                  srv_data(1, 1, 1,
                                           "\x3f"
                                           "short")}) {
    const auto found = ask(Reply{.records = {record(kSrv, data)}});
    EXPECT_TRUE(!found || found->empty());
  }
  const std::string good = record(kSrv, srv_data(1, 1, 1, wire_name("ok.example.org")));
  EXPECT_FALSE(
      ask(Reply{.records = {good}, .count_more = 3}, Ctx{}.within(std::chrono::seconds(20))));
}

TEST(Dns, EndsWithItsCtxWhenNobodyAnswers) {
  EXPECT_EQ(ask(std::nullopt, brief()).error().code, Code::kTimeout);
}

TEST(Dns, RefusesNamesAndServersThatAreNone) {
  Loop loop;
  Pool pool(loop);
  for (const char* name : {"", "a b", "a\\032b", "\xC3\xA9.example"}) {
    EXPECT_EQ(loop.run(resolve_srv(patient(), pool, name, "127.0.0.1:1")).error().code,
              Code::kInvalid)
        << name;
  }
  for (const char* server : {"127.0.0.1", "localhost:53", "[::1]:53"}) {
    EXPECT_EQ(loop.run(resolve_srv(patient(), pool, "a.test", server)).error().code, Code::kInvalid)
        << server;
  }
}

std::string order(const Records& records, std::vector<std::uint32_t> draws) {
  std::size_t next = 0;
  std::string targets;
  for (const auto& r : order_srv(records, [&](std::uint32_t max) {
         return std::min(max, draws[next++ % draws.size()]);
       })) {
    targets += r.target;
  }
  return targets;
}

TEST(Dns, OrdersByPriorityThenByWeightedDraw) {
  const Records records = {
      {20, 0, 1, "z"}, {10, 60, 1, "a"}, {10, 20, 1, "b"}, {10, 0, 1, "c"}, {10, 20, 1, "d"}};
  EXPECT_EQ(order(records, {0}), "cabdz");
  EXPECT_EQ(order(records, {1}), "abdcz");
  EXPECT_EQ(order(records, {60}), "adbcz");
  EXPECT_EQ(order(records, {61, 0}), "bcdaz");
  EXPECT_EQ(order(records, {1000}), "dbacz");
  EXPECT_EQ(order({}, {0}), "");
}

}  // namespace
}  // namespace skep::net
