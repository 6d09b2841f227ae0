// Both sides show certificates, and the caller judges them.
#include "certificates.h"

namespace skep::net {
namespace {

using namespace testing;

struct Side {
  Result<std::unique_ptr<Stream>> stream = fail(Code::kInternal, "not run");
  std::vector<std::string> seen;  // the chain that was judged
};

TlsMutualConfig judged_by(const TlsServerConfig& files, Side& side, Result<void> verdict) {
  return {.certificate_file = files.certificate_file,
          .key_file = files.key_file,
          .judge = [&side, verdict](std::span<const std::string> chain) {
            side.seen.assign(chain.begin(), chain.end());
            return verdict;
          }};
}

Task<void> serve(std::unique_ptr<Stream> plain, TlsMutualConfig config, Side* out) {
  out->stream =
      co_await start_tls_mutual(patient(), std::move(plain), std::move(config), TlsRole::kServer);
}

class TlsMutual : public ::testing::Test {
 protected:
  void connect(Result<void> by_client, Result<void> by_server) {
    TlsMutualConfig client = judged_by(a_, client_, std::move(by_client));
    TlsMutualConfig server = judged_by(b_, server_, std::move(by_server));
    loop_.run(both(std::move(client), std::move(server)));
  }
  Task<void> both(TlsMutualConfig client, TlsMutualConfig server) {
    Gate gate(loop_);
    auto plain = stream_pair();
    gate.spawn("server", serve(std::move(plain->second), std::move(server), &server_));
    client_.stream = co_await start_tls_mutual(patient(), std::move(plain->first),
                                               std::move(client), TlsRole::kClient);
    co_await gate.drain(patient());
  }

  Loop loop_;
  CertificateAuthority ca_;
  TlsServerConfig a_ = ca_.issue("a", "URI:skep:hive:a");
  TlsServerConfig b_ = ca_.issue("b", "URI:skep:hive:b");
  Side client_, server_;
};

TEST_F(TlsMutual, ShowsEachSideTheOthersCertificate) {
  connect({}, {});
  ASSERT_TRUE(client_.stream) << client_.stream.error().to_string();
  ASSERT_TRUE(server_.stream) << server_.stream.error().to_string();
  EXPECT_EQ((*client_.stream)->tls_version(), "TLSv1.3");
  ASSERT_EQ(client_.seen.size(), 1u);
  ASSERT_EQ(server_.seen.size(), 1u);
  EXPECT_TRUE(server_.seen[0].contains("skep:hive:a"));
  EXPECT_TRUE(client_.seen[0].contains("skep:hive:b"));
  auto body = [](Stream& client, Stream& server) -> Task<void> {
    CO_ASSERT_OK(co_await client.write(patient(), as_bytes("hello")));
    EXPECT_EQ(co_await read_up_to(server, 5), "hello");
  };
  loop_.run(body(**client_.stream, **server_.stream));
}

TEST_F(TlsMutual, TellsAClientThatItsCertificateWasRefused) {
  connect({}, fail(Code::kDenied, "no such hive here"));
  ASSERT_FALSE(server_.stream);
  EXPECT_EQ(server_.stream.error(), (Error{Code::kUnauthenticated, "no such hive here"}));
  ASSERT_TRUE(client_.stream) << "TLS 1.3 lets the client finish first";
  auto body = [](Stream& client) -> Task<void> {
    std::array<std::byte, 16> buffer{};
    const auto got = co_await client.read_some(patient(), buffer);
    EXPECT_FALSE(got);
    if (!got) EXPECT_TRUE(got.error().message.contains("alert")) << got.error().message;
  };
  loop_.run(body(**client_.stream));
}

TEST_F(TlsMutual, RefusesAServerByTheJudgesWords) {
  connect(fail(Code::kDenied, "not who we dial"), {});
  ASSERT_FALSE(client_.stream);
  EXPECT_EQ(client_.stream.error(), (Error{Code::kUnauthenticated, "not who we dial"}));
  EXPECT_FALSE(server_.stream);
}

Task<void> dial_without_certificate(std::unique_ptr<Stream> plain) {
  TlsClientConfig config{.server_name = "b", .verify = false};
  std::ignore = co_await start_tls_client(patient(), std::move(plain), std::move(config));
}

TEST_F(TlsMutual, RefusesAClientWithoutACertificate) {
  TlsMutualConfig config = judged_by(b_, server_, {});
  auto body = [](Loop& loop, TlsMutualConfig config, Side* server) -> Task<void> {
    Gate gate(loop);
    auto plain = stream_pair();
    gate.spawn("client", dial_without_certificate(std::move(plain->first)));
    co_await serve(std::move(plain->second), std::move(config), server);
    co_await gate.drain(patient());
  };
  loop_.run(body(loop_, std::move(config), &server_));
  ASSERT_FALSE(server_.stream);
  EXPECT_EQ(server_.stream.error().code, Code::kUnauthenticated);
  EXPECT_TRUE(server_.seen.empty());
}

}  // namespace
}  // namespace skep::net
