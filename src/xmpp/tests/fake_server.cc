#include "fake_server.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <filesystem>

#include "skep/async/wait.h"
#include "skep/base/text.h"

namespace skep::xmpp::testing {
namespace {

using namespace std::chrono_literals;
constexpr auto kStepTimeout = 20s;  // a script that hangs fails its test

std::string hmac(std::string_view key, std::string_view data) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), out, &length);
  return {reinterpret_cast<const char*>(out), length};
}

std::string salted(std::string_view password, std::string_view salt, int iterations) {
  std::string out(32, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                    reinterpret_cast<const unsigned char*>(salt.data()),
                    static_cast<int>(salt.size()), iterations, EVP_sha256(), 32,
                    reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

// What stands between `start` and `end` behind the last `start`.
std::string between(const std::string& text, std::string_view start, std::string_view end) {
  const std::size_t from = text.rfind(start);
  if (from == std::string::npos) return {};
  const std::size_t begin = from + start.size();
  return text.substr(begin, text.find(end, begin) - begin);
}

}  // namespace

Certificate::Certificate(const std::string& name) {
  char pattern[] = "/tmp/skep-xmpp-test-XXXXXX";
  directory_ = mkdtemp(pattern);
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_NAME* subject = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(cert, subject);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
  X509_add_ext(cert, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(cert, key, EVP_sha256());
  FILE* out = fopen(certificate_file().c_str(), "w");
  PEM_write_X509(out, cert);
  fclose(out);
  out = fopen(key_file().c_str(), "w");
  PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  fclose(out);
  X509_free(cert);
  EVP_PKEY_free(key);
}

Certificate::~Certificate() { std::filesystem::remove_all(directory_); }

// One connection's state.
struct FakeServer::Talk {
  FakeServer& server;
  Ctx ctx;
  std::unique_ptr<net::Stream> stream;
  std::string seen;    // everything of this connection
  std::string unread;  // what no C line has taken yet

  Task<bool> read_more() {
    std::array<std::byte, 4096> buffer;
    const auto count = co_await stream->read_some(ctx.within(kStepTimeout), buffer);
    if (!count || *count == 0) co_return false;
    const std::string text(reinterpret_cast<const char*>(buffer.data()), *count);
    seen += text;
    unread += text;
    server.received_ += text;
    co_return true;
  }

  Task<bool> expect(std::string text) {
    std::size_t at = 0;
    while ((at = unread.find(text)) == std::string::npos) {
      const bool more = co_await read_more();
      if (!more) co_return false;
    }
    unread.erase(0, at + text.size());
    co_return true;
  }

  Task<bool> say(std::string text, std::size_t piece) {
    text = replace_all(std::move(text), "{id}", between(seen, " id='", "'"));
    text = replace_all(std::move(text), "{to}", between(seen, " to='", "'"));
    for (std::string_view left = text; !left.empty();
         left.remove_prefix(std::min(piece, left.size()))) {
      const auto sent =
          co_await stream->write(ctx.within(kStepTimeout), net::as_bytes(left.substr(0, piece)));
      if (!sent) co_return false;
      if (piece == 1) co_await yield();  // the client reads this byte before the next is there
    }
    co_return true;
  }

  Task<bool> become_tls() {
    net::TlsServerConfig config{server.certificate_->certificate_file(),
                                server.certificate_->key_file()};
    auto secure = co_await net::start_tls_server(ctx.within(kStepTimeout), std::move(stream),
                                                 std::move(config));
    if (!secure) co_return false;
    stream = std::move(*secure);
    co_return true;
  }

  Task<bool> scram(bool forged) {
    const bool first_came = co_await expect("</auth>");
    if (!first_came) co_return false;
    const std::string first =
        base64_decode(between(seen, "mechanism='SCRAM-SHA-256'>", "</auth>")).value_or("");
    const std::string bare = first.substr(first.find("n=", 3));
    const std::string challenge =
        fmt::format("r={}SERVER,s=QSXCR+Q6sek8bf92,i=4096", between(bare, ",r=", ","));
    const std::string encoded = base64_encode(challenge);
    const bool sent = co_await say(
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + encoded + "</challenge>", 4096);
    const bool answered = sent && co_await expect("</response>");
    if (!answered) co_return false;
    const std::string last =
        base64_decode(between(seen, "xmpp-sasl'>", "</response>")).value_or("");
    const std::string auth =
        fmt::format("{},{},{}", bare, challenge, last.substr(0, last.find(",p=")));
    const std::string key =
        salted(forged ? "guess" : "pencil", *base64_decode("QSXCR+Q6sek8bf92"), 4096);
    const std::string proof =
        base64_encode("v=" + base64_encode(hmac(hmac(key, "Server Key"), auth)));
    co_return co_await say(
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + proof + "</success>", 4096);
  }

  Task<bool> step(std::string line) {
    if (line == "TLS") co_return co_await become_tls();
    if (line == "SCRAM" || line == "FORGED") co_return co_await scram(line == "FORGED");
    if (line.starts_with("C ")) co_return co_await expect(line.substr(2));
    if (line.starts_with("S1 ")) co_return co_await say(line.substr(3), 1);
    if (line.starts_with("S ")) co_return co_await say(line.substr(2), 1u << 20);
    if (line == "END") stream->close();
    co_return false;
  }
};

FakeServer::FakeServer(Loop& loop, std::vector<Script> scripts, const Certificate* certificate)
    : loop_(loop), scripts_(std::move(scripts)), certificate_(certificate), gate_(loop) {
  auto listening = loop.run(net::listen_tcp("127.0.0.1", 0));
  EXPECT_TRUE(listening) << listening.error().to_string();
  acceptor_ = std::move(*listening);
  gate_.spawn("accept", accept_loop());
}

FakeServer::~FakeServer() { loop_.run(gate_.close()); }

Task<void> FakeServer::accept_loop() {
  for (;;) {
    auto stream = co_await acceptor_->accept(gate_.ctx());
    if (!stream) co_return;
    Script script = scripts_[std::min(connections_, scripts_.size() - 1)];
    ++connections_;
    gate_.spawn("connection", serve(std::move(*stream), std::move(script)));
  }
}

Task<void> FakeServer::serve(std::unique_ptr<net::Stream> stream, Script script) {
  Talk talk{*this, gate_.ctx(), std::move(stream), {}, {}};
  for (const std::string& line : script) {
    if (line == "QUIET") {
      (void)co_await sleep_for(talk.ctx, 1h);
      co_return;
    }
    const bool done = co_await talk.step(line);
    if (!done) co_return;
  }
  const bool goodbye = co_await talk.expect("</stream:stream>");
  if (goodbye) (void)co_await talk.say("</stream:stream>", 4096);
}

}  // namespace skep::xmpp::testing
