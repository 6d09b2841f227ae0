// OpenSSL contexts, kept: loading a certificate store costs some 10 ms.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "skep/net/stream.h"

namespace skep::net {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, FreeSsl>;
using SslContext = std::shared_ptr<SSL_CTX>;

// kInvalid with OpenSSL's words when a file cannot be read or holds nothing fit. A file that
// changed is loaded again, so a renewed certificate serves the next connection. Thread-safe.
Result<SslContext> client_context(const TlsClientConfig& config);
Result<SslContext> server_context(const TlsServerConfig& config);
// `judge`: OpenSSL calls it in place of its own verification of the peer's chain.
Result<SslContext> mutual_context(const TlsMutualConfig& config,
                                  int (*judge)(X509_STORE_CTX*, void*));

// Text of the oldest error in OpenSSL's queue of this thread, which is emptied.
std::string take_ssl_error();

// Channel binding data of a finished handshake. `server`: our side of it.
Result<std::string> channel_binding_of(SSL* ssl, bool server, std::string_view type);

}  // namespace skep::net
