// Channel bindings: RFC 5929 (tls-unique, tls-server-end-point) and RFC 9266 (tls-exporter).
#include <openssl/x509.h>

#include "tls_context.h"

namespace skep::net {
namespace {

std::unexpected<Error> unsupported(std::string_view type, std::string_view why) {
  return fail(Code::kUnsupported, fmt::format("channel binding {}: {}", type, why));
}

Result<std::string> exporter(SSL* ssl) {
  // RFC 9266 3: below TLS 1.3 only with the extended master secret, or the value can be made to
  // collide.
  if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) {
    return unsupported("tls-exporter", "needs TLS 1.3 or the extended master secret");
  }
  static constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  std::string value(32, '\0');
  const unsigned char no_context = 0;
  const int done =
      SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(value.data()), value.size(),
                                 kLabel.data(), kLabel.size(), &no_context, 0, 1);
  if (done != 1) return unsupported("tls-exporter", take_ssl_error());
  return value;
}

// RFC 5929 4.1: the hash of the certificate's signature algorithm, SHA-256 in place of MD5 and
// SHA-1.
Result<std::string> server_end_point(SSL* ssl, bool server) {
  X509* certificate = server ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr)
    return unsupported("tls-server-end-point", "the server has no certificate");
  int digest = NID_undef;
  if (X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr) != 1 ||
      digest == NID_undef) {
    return unsupported("tls-server-end-point",
                       "the certificate's signature has no hash of its own");
  }
  if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  const EVP_MD* algorithm = EVP_get_digestbynid(digest);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (algorithm == nullptr || X509_digest(certificate, algorithm, hash.data(), &size) != 1) {
    return unsupported("tls-server-end-point", take_ssl_error());
  }
  return std::string(hash.begin(), hash.begin() + size);
}

// RFC 5929 3.1: the first Finished message of the handshake, the client's unless a session was
// resumed.
Result<std::string> unique(SSL* ssl, bool server) {
  if (SSL_version(ssl) != TLS1_2_VERSION)
    return unsupported("tls-unique", "exists in TLS 1.2 only");
  std::array<unsigned char, EVP_MAX_MD_SIZE> finished{};
  const bool first_is_ours = server == (SSL_session_reused(ssl) == 1);
  const std::size_t size = first_is_ours
                               ? SSL_get_finished(ssl, finished.data(), finished.size())
                               : SSL_get_peer_finished(ssl, finished.data(), finished.size());
  if (size == 0 || size > finished.size()) return unsupported("tls-unique", "no Finished message");
  return std::string(finished.begin(), finished.begin() + static_cast<std::ptrdiff_t>(size));
}

}  // namespace

Result<std::string> channel_binding_of(SSL* ssl, bool server, std::string_view type) {
  if (type == "tls-exporter") return exporter(ssl);
  if (type == "tls-server-end-point") return server_end_point(ssl, server);
  if (type == "tls-unique") return unique(ssl, server);
  return unsupported(type, "unknown type");
}

}  // namespace skep::net
