// TLS over any Stream: OpenSSL works on two memory buffers, and we carry the bytes.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "address.h"
#include "skep/net/stream.h"
#include "tls_context.h"

namespace skep::net {
namespace {

constexpr std::size_t kReadBytes = 16u << 10;  // one TLS record
constexpr std::size_t kWriteBytesMax =
    64u << 10;  // encrypted at a time; bounds the memory of a long write
constexpr std::chrono::seconds kAlertTimeout{1};  // for telling the peer why we leave

using Judge = std::function<Result<void>(std::span<const std::string>)>;

// Why the peer's certificate was refused, noted by OpenSSL's verify callback.
struct Refusal {
  std::string server_name;
  std::string reason;
  Judge judge;  // of a mutual handshake
};

std::string names_of(X509* certificate) {
  std::string names;
  auto* alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  const int count = std::min(sk_GENERAL_NAME_num(alternatives), 4);
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    names += fmt::format(
        "{}{}", names.empty() ? "" : ", ",
        std::string_view(text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))));
  }
  GENERAL_NAMES_free(alternatives);
  return names.empty() ? "another name" : names;
}

int refusal_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

Refusal& refusal_of(X509_STORE_CTX* store) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  return *static_cast<Refusal*>(SSL_get_ex_data(ssl, refusal_index()));
}

int on_verify(int ok, X509_STORE_CTX* store) {
  if (ok == 1) return 1;
  Refusal& refusal = refusal_of(store);
  const int error = X509_STORE_CTX_get_error(store);
  X509* certificate = X509_STORE_CTX_get_current_cert(store);
  const bool wrong_name =
      error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH;
  refusal.reason =
      wrong_name && certificate != nullptr
          ? fmt::format("certificate is for {}, not {}", names_of(certificate), refusal.server_name)
          : fmt::format("certificate of {}: {}", refusal.server_name,
                        X509_verify_cert_error_string(error));
  return 0;
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  std::string der(reinterpret_cast<const char*>(bytes),
                  size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(bytes);
  return der;
}

// In place of OpenSSL's own look at the chain.
int on_judge(X509_STORE_CTX* store, void* /*unused*/) {
  std::vector<std::string> chain;
  if (X509* own = X509_STORE_CTX_get0_cert(store)) chain.push_back(der_of(own));
  const STACK_OF(X509)* others = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; i < sk_X509_num(others); ++i) {
    std::string der = der_of(sk_X509_value(others, i));
    if (chain.empty() || der != chain.front()) chain.push_back(std::move(der));
  }
  Refusal& refusal = refusal_of(store);
  Result<void> judged = refusal.judge(chain);
  if (judged) return 1;
  refusal.reason = judged.error().message;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<Stream> under, SslContext context, bool server)
      : under_(std::move(under)),
        context_(std::move(context)),
        ssl_(SSL_new(context_.get())),
        server_(server) {
    from_peer_ = BIO_new(BIO_s_mem());
    to_peer_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), from_peer_, to_peer_);  // ssl_ owns both
    server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
  }

  Result<void> configure_client(const TlsClientConfig& config) {
    refusal_.server_name = config.server_name;
    SSL_set_ex_data(ssl_.get(), refusal_index(), &refusal_);
    const bool literal = is_address(config.server_name);
    if (!literal && !config.server_name.empty())
      SSL_set_tlsext_host_name(ssl_.get(), config.server_name.c_str());
    if (!config.alpn.empty()) {
      if (config.alpn.size() > 255)
        return fail(Code::kInvalid, "ALPN name is longer than 255 bytes");
      const std::string wire = static_cast<char>(config.alpn.size()) + config.alpn;
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned>(wire.size()));
    }
    if (!config.verify) return {};
    if (config.server_name.empty())
      return fail(Code::kInvalid, "TLS needs the server's name to verify it");
    X509_VERIFY_PARAM* rules = SSL_get0_param(ssl_.get());
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = literal ? X509_VERIFY_PARAM_set1_ip_asc(rules, config.server_name.c_str())
                            : X509_VERIFY_PARAM_set1_host(rules, config.server_name.data(),
                                                          config.server_name.size());
    if (set != 1)
      return fail(Code::kInvalid, fmt::format("\"{}\" is no server name", config.server_name));
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, on_verify);
    verify_ = true;
    return {};
  }

  void configure_mutual(Judge judge) {
    refusal_.judge = std::move(judge);
    SSL_set_ex_data(ssl_.get(), refusal_index(), &refusal_);
    verify_ = true;
  }

  Task<Result<void>> handshake(Ctx ctx) {
    for (;;) {
      ERR_clear_error();
      const int done = SSL_do_handshake(ssl_.get());
      if (done != 1 && SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ) {
        Error error = handshake_error();
        const Ctx briefly = ctx.within(kAlertTimeout);
        std::ignore = co_await flush(briefly);
        co_return fail(std::move(error));
      }
      SKEP_CO_TRY_VOID(co_await flush(ctx));
      if (done == 1) co_return Result<void>{};
      SKEP_CO_TRY(const std::size_t got, co_await fill(ctx));
      if (got == 0)
        co_return fail(Code::kUnavailable,
                       peer() + " closed the connection during the TLS handshake");
    }
  }

  Task<Result<std::size_t>> read_some(Ctx ctx, std::span<std::byte> into) override {
    for (;;) {
      std::size_t got = 0;
      ERR_clear_error();
      const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
      if (done == 1) co_return got;
      const int error = SSL_get_error(ssl_.get(), done);
      if (error == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
      if (error != SSL_ERROR_WANT_READ)
        co_return fail(Code::kUnavailable, "TLS: " + take_ssl_error());
      SKEP_CO_TRY(const std::size_t more, co_await fill(ctx));
      // An end without close_notify may be an attacker's cut (RFC 8446 6.1).
      if (more == 0)
        co_return fail(Code::kUnavailable, peer() + " cut the connection without ending TLS");
    }
  }

  // The only one that writes below, so answers that OpenSSL owes the peer (key updates) go out with
  // our next bytes, as RFC 8446 4.6.3 allows.
  Task<Result<void>> write(Ctx ctx, Bytes bytes) override {
    SKEP_CO_TRY_VOID(ctx.check());
    while (!bytes.empty()) {
      const Bytes piece = bytes.first(std::min(bytes.size(), kWriteBytesMax));
      std::size_t taken = 0;
      ERR_clear_error();
      if (SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &taken) != 1) {
        co_return fail(Code::kUnavailable, "TLS: " + take_ssl_error());
      }
      SKEP_CO_TRY_VOID(co_await flush(ctx));
      bytes = bytes.subspan(taken);
    }
    co_return Result<void>{};
  }

  Task<void> shutdown(Ctx ctx) override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    std::ignore = co_await flush(ctx);
    co_await under_->shutdown(std::move(ctx));
  }

  void close() override { under_->close(); }
  [[nodiscard]] std::string peer() const override { return under_->peer(); }
  [[nodiscard]] bool encrypted() const override { return true; }
  [[nodiscard]] bool verified() const override { return verify_; }
  [[nodiscard]] std::string tls_version() const override { return SSL_get_version(ssl_.get()); }
  [[nodiscard]] Result<std::string> channel_binding(std::string_view type) const override {
    return channel_binding_of(ssl_.get(), server_, type);
  }

 private:
  // Sends what OpenSSL has put out for the peer.
  Task<Result<void>> flush(const Ctx& ctx) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(to_peer_, &data);
    if (size <= 0) co_return Result<void>{};
    // A copy, because a read meanwhile may add to the buffer and move it.
    outgoing_.assign(data, static_cast<std::size_t>(size));
    BIO_reset(to_peer_);
    co_return co_await under_->write(ctx, as_bytes(outgoing_));
  }

  // Hands OpenSSL the next bytes from the peer; 0 at the end.
  Task<Result<std::size_t>> fill(const Ctx& ctx) {
    if (incoming_.empty()) incoming_.resize(kReadBytes);
    SKEP_CO_TRY(const std::size_t got, co_await under_->read_some(ctx, incoming_));
    if (got > 0) BIO_write(from_peer_, incoming_.data(), static_cast<int>(got));
    co_return got;
  }

  Error handshake_error() {
    if (!refusal_.reason.empty()) {
      ERR_clear_error();
      return {Code::kUnauthenticated, refusal_.reason};
    }
    const bool nameless = refusal_.judge && ERR_GET_REASON(ERR_peek_error()) ==
                                                SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    return {nameless ? Code::kUnauthenticated : Code::kUnavailable,
            fmt::format("TLS handshake with {} failed: {}", peer(), take_ssl_error())};
  }

  std::unique_ptr<Stream> under_;
  SslContext context_;
  SslPtr ssl_;
  BIO* from_peer_ = nullptr;  // owned by ssl_
  BIO* to_peer_ = nullptr;    // owned by ssl_
  bool server_;
  bool verify_ = false;
  Refusal refusal_;
  std::vector<std::byte> incoming_;
  std::string outgoing_;
};

}  // namespace

Task<Result<std::unique_ptr<Stream>>> start_tls_client(Ctx ctx, std::unique_ptr<Stream> plain,
                                                       TlsClientConfig config) {
  SKEP_CO_TRY(SslContext context, client_context(config));
  auto stream = std::make_unique<TlsStream>(std::move(plain), std::move(context), false);
  SKEP_CO_TRY_VOID(stream->configure_client(config));
  SKEP_CO_TRY_VOID(co_await stream->handshake(std::move(ctx)));
  co_return stream;
}

Task<Result<std::unique_ptr<Stream>>> start_tls_server(Ctx ctx, std::unique_ptr<Stream> plain,
                                                       TlsServerConfig config) {
  SKEP_CO_TRY(SslContext context, server_context(config));
  auto stream = std::make_unique<TlsStream>(std::move(plain), std::move(context), true);
  SKEP_CO_TRY_VOID(co_await stream->handshake(std::move(ctx)));
  co_return stream;
}

Task<Result<std::unique_ptr<Stream>>> start_tls_mutual(Ctx ctx, std::unique_ptr<Stream> plain,
                                                       TlsMutualConfig config, TlsRole role) {
  SKEP_CO_TRY(SslContext context, mutual_context(config, on_judge));
  const bool server = role == TlsRole::kServer;
  auto stream = std::make_unique<TlsStream>(std::move(plain), std::move(context), server);
  stream->configure_mutual(std::move(config.judge));
  SKEP_CO_TRY_VOID(co_await stream->handshake(std::move(ctx)));
  co_return stream;
}

}  // namespace skep::net
