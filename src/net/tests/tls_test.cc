#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "certificates.h"

namespace skep::net {
namespace {

using namespace testing;

struct Served {
  Result<std::unique_ptr<Stream>> stream = fail(Code::kInternal, "not run");
};

Task<void> serve_tls(std::unique_ptr<Stream> plain, TlsServerConfig config, Served* out) {
  out->stream = co_await start_tls_server(patient(), std::move(plain), std::move(config));
}

struct TlsPair {
  Result<std::unique_ptr<Stream>> client = fail(Code::kInternal, "not run");
  Result<std::unique_ptr<Stream>> server = fail(Code::kInternal, "not run");
};

// Both sides of a handshake over a socket pair.
Task<TlsPair> handshake(Gate& gate, TlsClientConfig client, TlsServerConfig server) {
  auto plain = stream_pair();
  Served served;
  gate.spawn("server", serve_tls(std::move(plain->second), std::move(server), &served));
  TlsPair pair;
  pair.client = co_await start_tls_client(patient(), std::move(plain->first), std::move(client));
  co_await gate.drain(patient());
  pair.server = std::move(served.stream);
  co_return pair;
}

class Tls : public ::testing::Test {
 protected:
  TlsPair connect(TlsClientConfig client, TlsServerConfig server) {
    Gate gate(loop_);
    return loop_.run(handshake(gate, std::move(client), std::move(server)));
  }

  Loop loop_;
  CertificateAuthority ca_;
  TlsServerConfig a_test_ = ca_.issue("a.test", "DNS:a.test,DNS:*.a.test,IP:127.0.0.1");
};

TEST_F(Tls, EncryptsToAVerifiedPeer) {
  TlsPair pair = connect({.server_name = "a.test", .ca_file = ca_.ca_file()}, a_test_);
  ASSERT_TRUE(pair.client) << pair.client.error().to_string();
  ASSERT_TRUE(pair.server) << pair.server.error().to_string();
  EXPECT_TRUE((*pair.client)->encrypted());
  EXPECT_TRUE((*pair.client)->verified());
  EXPECT_EQ((*pair.client)->tls_version(), "TLSv1.3");
  auto body = [](Stream& client, Stream& server) -> Task<void> {
    CO_ASSERT_OK(co_await client.write(patient(), as_bytes("<auth/>")));
    EXPECT_EQ(co_await read_up_to(server, 7), "<auth/>");
    CO_ASSERT_OK(co_await server.write(patient(), as_bytes("<success/>")));
    co_await server.shutdown(patient());
    EXPECT_EQ(co_await read_to_end(client), "<success/>");
  };
  loop_.run(body(**pair.client, **pair.server));
}

TEST_F(Tls, AcceptsWildcardsAndAddressesOfTheCertificate) {
  for (const char* name : {"x.a.test", "127.0.0.1", "A.TEST"}) {
    const TlsPair pair = connect({.server_name = name, .ca_file = ca_.ca_file()}, a_test_);
    EXPECT_TRUE(pair.client) << name;
  }
}

TEST_F(Tls, RefusesAnotherNameAndSaysWhose) {
  for (const char* name : {"b.test", "a.b.a.test", "127.0.0.2", "test"}) {
    const TlsPair pair = connect({.server_name = name, .ca_file = ca_.ca_file()}, a_test_);
    ASSERT_FALSE(pair.client) << name;
    EXPECT_EQ(pair.client.error(),
              (Error{Code::kUnauthenticated,
                     fmt::format("certificate is for a.test, *.a.test, not {}", name)}));
    EXPECT_EQ(pair.server.error().code, Code::kUnavailable) << "the server is told by an alert";
  }
}

TEST_F(Tls, RefusesACertificateOfAStranger) {
  const CertificateAuthority other;
  const TlsPair pair = connect({.server_name = "a.test", .ca_file = ca_.ca_file()},
                               other.issue("a.test", "DNS:a.test"));
  ASSERT_FALSE(pair.client);
  EXPECT_EQ(pair.client.error().code, Code::kUnauthenticated);
  EXPECT_TRUE(pair.client.error().message.starts_with("certificate of a.test: "))
      << pair.client.error().message;
}

TEST_F(Tls, TakesAnyCertificateWhenToldNotToVerify) {
  const TlsPair pair = connect({.server_name = "b.test", .verify = false}, a_test_);
  ASSERT_TRUE(pair.client);
  EXPECT_TRUE((*pair.client)->encrypted());
  EXPECT_FALSE((*pair.client)->verified());
}

TEST_F(Tls, NeedsANameToVerifyAndFilesThatExist) {
  EXPECT_EQ(connect({.ca_file = ca_.ca_file()}, a_test_).client.error().code, Code::kInvalid);
  EXPECT_EQ(
      connect({.server_name = "a.test", .ca_file = "/nowhere.pem"}, a_test_).client.error().code,
      Code::kInvalid);
  const TlsServerConfig missing{.certificate_file = "/nowhere.crt", .key_file = a_test_.key_file};
  EXPECT_EQ(
      connect({.server_name = "a.test", .ca_file = ca_.ca_file()}, missing).server.error().code,
      Code::kInvalid);
  const TlsServerConfig mixed{.certificate_file = a_test_.certificate_file,
                              .key_file = ca_.issue("c", "DNS:c").key_file};
  EXPECT_EQ(connect({.server_name = "a.test", .ca_file = ca_.ca_file()}, mixed).server.error().code,
            Code::kInvalid);
}

TEST_F(Tls, ServesARenewedCertificateToTheNextClient) {
  ASSERT_TRUE(connect({.server_name = "a.test", .ca_file = ca_.ca_file()}, a_test_).client);
  const TlsServerConfig renewed =
      ca_.issue("a.test", "DNS:new.test,DNS:another.name.so.the.size.differs.test");
  ASSERT_EQ(renewed.certificate_file, a_test_.certificate_file);
  EXPECT_TRUE(connect({.server_name = "new.test", .ca_file = ca_.ca_file()}, a_test_).client);
}

TEST_F(Tls, BothSidesSeeTheSameChannelBinding) {
  TlsPair pair = connect({.server_name = "a.test", .ca_file = ca_.ca_file()}, a_test_);
  ASSERT_TRUE(pair.client && pair.server);
  const Stream& client = **pair.client;
  const Stream& server = **pair.server;
  for (const auto& [type, size] :
       {std::pair("tls-exporter", 32u), std::pair("tls-server-end-point", 48u)}) {
    const auto ours = client.channel_binding(type);
    ASSERT_TRUE(ours) << type;
    EXPECT_EQ(ours->size(), size) << type;
    EXPECT_EQ(*ours, server.channel_binding(type)) << type;
  }
  EXPECT_EQ(client.channel_binding("tls-unique").error().code, Code::kUnsupported);
  EXPECT_EQ(client.channel_binding("tls-magic").error().code, Code::kUnsupported);
}

TEST_F(Tls, StartsAfterPlainBytes) {
  Gate gate(loop_);
  auto body = [](Gate& g, TlsServerConfig server, std::string ca_file) -> Task<void> {
    auto plain = stream_pair();
    CO_ASSERT_OK(co_await plain->first->write(patient(), as_bytes("<starttls/>")));
    EXPECT_EQ(co_await read_up_to(*plain->second, 11), "<starttls/>");
    CO_ASSERT_OK(co_await plain->second->write(patient(), as_bytes("<proceed/>")));
    EXPECT_EQ(co_await read_up_to(*plain->first, 10), "<proceed/>");
    Served served;
    g.spawn("server", serve_tls(std::move(plain->second), std::move(server), &served));
    TlsClientConfig config{.server_name = "a.test", .ca_file = ca_file, .alpn = "xmpp-client"};
    auto client = co_await start_tls_client(patient(), std::move(plain->first), std::move(config));
    CO_ASSERT_OK(client);
    co_await g.drain(patient());
    CO_ASSERT_OK(served.stream);
  };
  loop_.run(body(gate, a_test_, ca_.ca_file()));
}

Task<void> write_all(Stream& stream, const std::string& text, Result<void>* result) {
  *result = co_await stream.write(patient(), as_bytes(text));
}

TEST_F(Tls, ReadsAndWritesOverlap) {
  TlsPair pair = connect({.server_name = "a.test", .ca_file = ca_.ca_file()}, a_test_);
  ASSERT_TRUE(pair.client && pair.server);
  Gate gate(loop_);
  auto body = [](Gate& g, Stream& client, Stream& server) -> Task<void> {
    const std::string up(5u << 20, 'u');
    const std::string down(5u << 20, 'd');
    Result<void> one;
    Result<void> two;
    g.spawn("up", write_all(client, up, &one));
    g.spawn("down", write_all(server, down, &two));
    EXPECT_TRUE(co_await read_up_to(server, up.size()) == up);
    EXPECT_TRUE(co_await read_up_to(client, down.size()) == down);
    co_await g.drain(patient());
    EXPECT_TRUE(one && two);
  };
  loop_.run(body(gate, **pair.client, **pair.server));
}

TEST_F(Tls, IsStillGoodAfterAReadRanOutOfTime) {
  TlsPair pair = connect({.server_name = "a.test", .ca_file = ca_.ca_file()}, a_test_);
  ASSERT_TRUE(pair.client && pair.server);
  auto body = [](Stream& client, Stream& server) -> Task<void> {
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ((co_await client.read_some(brief(), buffer)).error().code, Code::kTimeout);
    CO_ASSERT_OK(co_await server.write(patient(), as_bytes("late")));
    EXPECT_EQ(co_await read_up_to(client, 4), "late");
  };
  loop_.run(body(**pair.client, **pair.server));
}

TEST_F(Tls, AnEndWithoutCloseNotifyIsNoOrderlyEnd) {
  TlsPair pair = connect({.server_name = "a.test", .ca_file = ca_.ca_file()}, a_test_);
  ASSERT_TRUE(pair.client && pair.server);
  (*pair.server)->close();
  auto body = [](Stream& client) -> Task<void> {
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ((co_await client.read_some(patient(), buffer)).error().code, Code::kUnavailable);
  };
  loop_.run(body(**pair.client));
}

TEST_F(Tls, APeerThatSpeaksNoTlsIsUnavailable) {
  auto body = [](std::string ca_file) -> Task<void> {
    for (const std::string_view answer :
         {std::string_view("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string_view()}) {
      auto plain = stream_pair();
      CO_ASSERT_OK(co_await plain->second->write(patient(), as_bytes(answer)));
      co_await plain->second->shutdown(patient());
      TlsClientConfig config{.server_name = "a.test", .ca_file = ca_file};
      const auto client =
          co_await start_tls_client(patient(), std::move(plain->first), std::move(config));
      EXPECT_EQ(client.error().code, Code::kUnavailable);
    }
  };
  loop_.run(body(ca_.ca_file()));
}

TEST_F(Tls, AHandshakeThatStallsRunsOutOfTime) {
  auto body = [](std::string ca_file) -> Task<void> {
    auto plain = stream_pair();
    TlsClientConfig config{.server_name = "a.test", .ca_file = ca_file};
    const auto client =
        co_await start_tls_client(brief(), std::move(plain->first), std::move(config));
    EXPECT_EQ(client.error().code, Code::kTimeout);
  };
  loop_.run(body(ca_.ca_file()));
}

// A server of OpenSSL's own, held to one protocol version, that notes the client's Finished
// message.
struct OldServer {
  OldServer(int fd, const TlsServerConfig& config, int version) {
    thread = std::jthread([this, fd, config, version] {
      SSL_CTX* context = SSL_CTX_new(TLS_server_method());
      SSL_CTX_set_security_level(context, 0);
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
      SSL_CTX_use_certificate_chain_file(context, config.certificate_file.c_str());
      SSL_CTX_use_PrivateKey_file(context, config.key_file.c_str(), SSL_FILETYPE_PEM);
      SSL* ssl = SSL_new(context);
      SSL_set_fd(ssl, fd);
      if (SSL_accept(ssl) == 1) {
        finished.resize(64);
        finished.resize(SSL_get_peer_finished(ssl, finished.data(), finished.size()));
        exported.resize(32);
        SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(exported.data()), 32,
                                   "EXPORTER-Channel-Binding", 24,
                                   reinterpret_cast<const unsigned char*>(""), 0, 1);
      }
      SSL_free(ssl);
      SSL_CTX_free(context);
      ::close(fd);
    });
  }
  std::string finished;
  std::string exported;
  std::jthread thread;
};

Task<Result<std::unique_ptr<Stream>>> connect_to_old(Acceptor& acceptor, std::string ca_file) {
  auto plain = co_await acceptor.accept(patient());
  TlsClientConfig config{.server_name = "a.test", .ca_file = std::move(ca_file)};
  co_return co_await start_tls_client(patient(), *std::move(plain), std::move(config));
}

// A blocking socket for a thread; its other end comes out of the acceptor at `path`.
int blocking_client(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

TEST_F(Tls, BindsTls12ByItsFinishedMessageAndExporter) {
  const TempDir dir;
  auto acceptor = loop_.run(listen_unix(dir.file("old.sock")));
  ASSERT_TRUE(acceptor);
  const int fd = blocking_client(dir.file("old.sock"));
  OldServer old(fd, a_test_, TLS1_2_VERSION);
  auto client = loop_.run(connect_to_old(**acceptor, ca_.ca_file()));
  old.thread.join();
  ASSERT_TRUE(client) << client.error().to_string();
  EXPECT_EQ((*client)->tls_version(), "TLSv1.2");
  EXPECT_EQ((*client)->channel_binding("tls-unique"), old.finished);
  EXPECT_EQ((*client)->channel_binding("tls-exporter"), old.exported);
}

TEST_F(Tls, RefusesVersionsBefore12) {
  const TempDir dir;
  auto acceptor = loop_.run(listen_unix(dir.file("old.sock")));
  ASSERT_TRUE(acceptor);
  const int fd = blocking_client(dir.file("old.sock"));
  OldServer old(fd, a_test_, TLS1_1_VERSION);
  const auto client = loop_.run(connect_to_old(**acceptor, ca_.ca_file()));
  EXPECT_EQ(client.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace skep::net
