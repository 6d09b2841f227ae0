// What a guarded request may reach, redirects, and TLS of the HTTP client.
#include "certificates.h"
#include "raw_server.h"
#include "skep/net/http_client.h"

namespace skep::net {
namespace {

using namespace testing;

class HttpGuard : public ::testing::Test {
 protected:
  Result<HttpResponse> fetch(HttpRequest request, EgressConfig egress = {}) {
    auto client = HttpClient::open({.loop = loop_, .guard = EgressGuard(std::move(egress))});
    return loop_.run((*client)->fetch(patient(), std::move(request), {}, {}));
  }
  Loop loop_;
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
std::string redirect(int status, std::string_view to) {
  return fmt::format("HTTP/1.1 {} Go\r\nLocation: {}\r\nContent-Length: 4\r\n\r\ngone", status, to);
}

TEST_F(HttpGuard, RefusesLoopbackBeforeConnecting) {
  RawServer server(loop_, answers(kOk));
  for (const auto& url : {server.url(), fmt::format("http://localhost:{}/", server.port()),
                          fmt::format("http://[::ffff:127.0.0.1]:{}/", server.port())}) {
    const auto got = fetch({.url = url, .guarded = true}, {.ports = {server.port()}});
    ASSERT_FALSE(got) << url;
    EXPECT_EQ(got.error().code, Code::kDenied) << got.error().to_string();
  }
  EXPECT_EQ(server.connections(), 0);
  EXPECT_EQ(fetch({.url = server.url()})->body, "ok") << "unguarded requests may";
}

TEST_F(HttpGuard, RefusesANameThatLeadsToLoopback) {
  RawServer server(loop_, answers(kOk));
  auto client =
      HttpClient::open({.loop = loop_,
                        .guard = EgressGuard({.ports = {server.port()}}),
                        .hosts = {fmt::format("innocent.example:{}:127.0.0.1", server.port())}});
  const std::string url = fmt::format("http://innocent.example:{}/", server.port());
  const auto guarded =
      loop_.run((*client)->fetch(patient(), {.url = url, .guarded = true}, {}, {}));
  EXPECT_EQ(
      guarded.error(),
      (Error{Code::kDenied, "innocent.example has the address 127.0.0.1, which is loopback"}));
  EXPECT_EQ(server.connections(), 0);
  EXPECT_EQ(loop_.run((*client)->fetch(patient(), {.url = url}, {}, {}))->body, "ok");
}

// What the domain name system may answer for a name that looks innocent.
TEST_F(HttpGuard, RefusesEveryAnswerThatLeadsInside) {
  RawServer server(loop_, answers(kOk));
  for (const char* address :
       {"127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "10.0.0.1", "100.64.0.1",
        "100.100.100.200", "168.63.129.16", "169.254.169.254", "172.16.0.1", "192.0.0.192",
        "192.168.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::1]", "[2001:0:7f00:1::1]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]",
        "[fec0::1]", "[ff02::1]",
        // Several answers: none of them may be reached, in whatever order they are tried.
        "127.0.0.1,127.0.0.2", "10.255.255.1,127.0.0.1", "[::1],127.0.0.1",
        "127.0.0.1,[fe80::1]"}) {
    auto client = HttpClient::open(
        {.loop = loop_,
         .guard = EgressGuard({.ports = {server.port()}}),
         .hosts = {fmt::format("innocent.example:{}:{}", server.port(), address)}});
    const std::string url = fmt::format("http://innocent.example:{}/", server.port());
    const auto got = loop_.run((*client)->fetch(patient(), {.url = url, .guarded = true}, {}, {}));
    ASSERT_FALSE(got) << address;
    EXPECT_EQ(got.error().code, Code::kDenied) << address << ": " << got.error().to_string();
  }
  EXPECT_EQ(server.connections(), 0);
}

// Where an allowed page may try to send us.
TEST_F(HttpGuard, RefusesEveryRedirectThatLeadsInside) {
  RawServer secret(loop_, answers(kOk));
  const std::string port = std::to_string(secret.port());
  for (const std::string& to : {"//127.0.0.1:" + port + "/",
                                "http://localhost:" + port + "/",
                                "http://[::1]:" + port + "/",
                                "http://[::ffff:127.0.0.1]:" + port + "/",
                                "http://2130706433:" + port + "/",
                                "http://0x7f.1:" + port + "/",
                                "http://0177.0.0.1:" + port + "/",
                                "http://127.1:" + port + "/",
                                "http://0:" + port + "/",
                                "http://example.com@127.0.0.1:" + port + "/",
                                "http://127.0.0.1.:" + port + "/",
                                "HTTP://127.0.0.1:" + port + "/",
                                "http://%31%32%37.0.0.1:" + port + "/",
                                "http:\\\\127.0.0.1:" + port + "/",
                                "http:127.0.0.1:" + port + "/",
                                "///127.0.0.1:" + port + "/",
                                "\\\\127.0.0.1:" + port + "/",
                                "http://127.0.0.1:" + port + "\\@example.com/",
                                std::string("http://169.254.169.254/latest/meta-data/"),
                                std::string("http://metadata.google.internal/")}) {
    RawServer first(loop_, answers(redirect(302, to)));
    const EgressConfig only_first{.ports = {80, 443, secret.port()},
                                  .allow = {fmt::format("127.0.0.1:{}", first.port())}};
    const auto got = fetch({.url = first.url(), .redirects_max = 5, .guarded = true}, only_first);
    EXPECT_TRUE(!got || got->body != "ok") << to;
    EXPECT_EQ(secret.connections(), 0) << to;
  }
}

TEST_F(HttpGuard, ReachesWhatTheOperatorAllowed) {
  RawServer server(loop_, answers(kOk));
  EXPECT_EQ(fetch({.url = server.url(), .guarded = true},
                  {.allow = {fmt::format("127.0.0.1:{}", server.port())}})
                ->body,
            "ok");
}

TEST_F(HttpGuard, ChecksEachHopOfARedirect) {
  RawServer secret(loop_, answers(kOk));
  RawServer first(loop_, answers(redirect(302, secret.url())));
  const EgressConfig only_first{.allow = {fmt::format("127.0.0.1:{}", first.port())}};
  const auto got = fetch({.url = first.url(), .redirects_max = 5, .guarded = true}, only_first);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kDenied) << got.error().to_string();
  EXPECT_EQ(first.connections(), 1);
  EXPECT_EQ(secret.connections(), 0);
  EXPECT_EQ(fetch({.url = first.url(), .redirects_max = 5})->body, "ok");
}

TEST_F(HttpGuard, FollowsRelativeRedirectsAndSaysWhereItEnded) {
  auto script = [](Stream& stream) -> Task<void> {
    const std::string head = co_await read_until(stream, "\r\n\r\n");
    const std::string answer = head.starts_with("GET /a/b?") ? redirect(301, "../c")
                               : head.starts_with("GET /c ") ? redirect(307, "?d")
                                                             : kOk;
    std::ignore = co_await stream.write(patient(), as_bytes(answer));
  };
  RawServer server(loop_, script);
  const auto got = fetch({.url = server.url("/a/b?q"), .redirects_max = 2});
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(got->body, "ok");
  EXPECT_EQ(got->final_url, server.url("/c?d"));
  EXPECT_EQ(fetch({.url = server.url("/a/b?q"), .redirects_max = 1}).error().code,
            Code::kUnavailable);
}

TEST_F(HttpGuard, GivesTheRedirectItselfWhereItDoesNotFollow) {
  RawServer server(loop_, answers(redirect(302, "/next")));
  const auto plain = fetch({.url = server.url()});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->status, 302);
  EXPECT_EQ(plain->body, "gone");
  EXPECT_EQ(fetch({.method = "POST", .url = server.url(), .body = "x", .redirects_max = 5})->status,
            302);
}

TEST_F(HttpGuard, EndsALoopOfRedirects) {
  RawServer server(loop_, answers(redirect(302, "/")));
  EXPECT_EQ(fetch({.url = server.url(), .redirects_max = 3}).error(),
            (Error{Code::kUnavailable, "more than 3 redirects"}));
  EXPECT_EQ(server.connections(), 4);
}

TEST_F(HttpGuard, DoesNotLeaveTheWeb) {
  for (const char* to :
       {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "javascript:alert(1)"}) {
    RawServer server(loop_, answers(redirect(302, to)));
    EXPECT_EQ(fetch({.url = server.url(), .redirects_max = 5}).error().code, Code::kDenied) << to;
  }
}

TEST_F(HttpGuard, DropsCredentialsOnTheWayToAnotherServer) {
  std::string seen;
  auto note = [](Stream* stream, std::string* out) -> Task<void> {
    *out = to_lower_ascii(co_await read_until(*stream, "\r\n\r\n"));
    std::ignore = co_await stream->write(patient(), as_bytes(kOk));
  };
  RawServer other(loop_, [&seen, note](Stream& stream) { return note(&stream, &seen); });
  RawServer first(loop_, answers(redirect(302, other.url())));
  const Headers headers = {{"Authorization", "Bearer x"},
                           {"Cookie", "a=b"},
                           {"X-Api-Key", "k"},
                           {"Accept-Language", "de"}};
  ASSERT_TRUE(fetch({.url = first.url(), .headers = headers, .redirects_max = 1}));
  EXPECT_FALSE(seen.contains("authorization:") || seen.contains("cookie:") ||
               seen.contains("x-api-key:"))
      << seen;
  EXPECT_TRUE(seen.contains("accept-language: de"));
}

// Serves `answer` over TLS on each connection.
Script over_tls(TlsServerConfig config, std::string answer) {
  auto serve = [](Stream* plain, TlsServerConfig tls, std::string text) -> Task<void> {
    // The raw server owns the plain stream; the TLS one wants to own what it works on.
    struct Borrowed final : Stream {
      explicit Borrowed(Stream* s) : under(s) {}
      Task<Result<std::size_t>> read_some(Ctx ctx, std::span<std::byte> into) override {
        return under->read_some(std::move(ctx), into);
      }
      Task<Result<void>> write(Ctx ctx, Bytes bytes) override {
        return under->write(std::move(ctx), bytes);
      }
      Task<void> shutdown(Ctx ctx) override { return under->shutdown(std::move(ctx)); }
      void close() override { under->close(); }
      [[nodiscard]] std::string peer() const override { return under->peer(); }
      Stream* under;
    };
    auto stream =
        co_await start_tls_server(patient(), std::make_unique<Borrowed>(plain), std::move(tls));
    if (!stream) co_return;
    co_await read_until(**stream, "\r\n\r\n");
    std::ignore = co_await (*stream)->write(patient(), as_bytes(text));
    co_await (*stream)->shutdown(patient());
  };
  return [config, answer, serve](Stream& stream) { return serve(&stream, config, answer); };
}

TEST_F(HttpGuard, VerifiesTheServersCertificate) {
  const CertificateAuthority ca;
  RawServer server(loop_, over_tls(ca.issue("good", "IP:127.0.0.1"), kOk));
  RawServer wrong(loop_, over_tls(ca.issue("wrong", "DNS:other.test"), kOk));
  const auto https = [](const RawServer& s) {
    return fmt::format("https://127.0.0.1:{}/", s.port());
  };
  const auto good = fetch({.url = https(server), .ca_file = ca.ca_file()});
  ASSERT_TRUE(good) << good.error().to_string();
  EXPECT_EQ(good->body, "ok");
  EXPECT_EQ(fetch({.url = https(wrong), .ca_file = ca.ca_file()}).error().code, Code::kUnavailable);
  EXPECT_EQ(fetch({.url = https(server)}).error().code, Code::kUnavailable)
      << "the system does not know this authority";
  EXPECT_EQ(fetch({.url = https(server), .ca_file = "/nowhere.pem"}).error().code, Code::kInvalid);
}

TEST_F(HttpGuard, DoesNotFollowFromHttpsToHttp) {
  const CertificateAuthority ca;
  RawServer plain(loop_, answers(kOk));
  RawServer secure(loop_, over_tls(ca.issue("good", "IP:127.0.0.1"), redirect(302, plain.url())));
  const auto got = fetch({.url = fmt::format("https://127.0.0.1:{}/", secure.port()),
                          .redirects_max = 5,
                          .ca_file = ca.ca_file()});
  EXPECT_EQ(got.error(), (Error{Code::kDenied, "redirected from https to http"}));
  EXPECT_EQ(plain.connections(), 0);
}

}  // namespace
}  // namespace skep::net
