// A connected, ordered byte stream: TCP, TLS or a Unix socket behind one face.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/base/result.h"

namespace skep::net {

using Bytes = std::span<const std::byte>;
inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Loop thread only. One read and one write may be under way at the same time, no more. Destroying a
// Stream closes it; nothing may be under way then. After kTimeout or kCancelled of a read the
// stream is still good; after a failed or interrupted write it is not: close it.
class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte into `into`, or 0 at the peer's orderly end. kUnavailable when the connection
  // broke.
  virtual Task<Result<std::size_t>> read_some(Ctx ctx, std::span<std::byte> into) = 0;
  // All of `bytes`, which the caller keeps alive until the end.
  virtual Task<Result<void>> write(Ctx ctx, Bytes bytes) = 0;
  // Tells the peer that nothing more comes (FIN, TLS close_notify). Best effort.
  virtual Task<void> shutdown(Ctx ctx) = 0;
  // Breaks the connection at once; pending operations end with kCancelled.
  virtual void close() = 0;
  [[nodiscard]] virtual std::string peer() const = 0;  // "127.0.0.1:5347", "unix:/run/x.sock"

  // What TLS adds; defaults say "no TLS".
  [[nodiscard]] virtual bool encrypted() const { return false; }
  // The peer's certificate chain and name were verified.
  [[nodiscard]] virtual bool verified() const { return false; }
  // "TLSv1.3" or empty.
  [[nodiscard]] virtual std::string tls_version() const { return {}; }
  // Channel binding data for SCRAM-PLUS: "tls-exporter" (RFC 9266), "tls-server-end-point",
  // "tls-unique" (TLS 1.2 only). kUnsupported where the type does not exist on this stream.
  [[nodiscard]] virtual Result<std::string> channel_binding(std::string_view type) const;
};

struct TcpOptions {
  std::chrono::milliseconds connect_timeout{10'000};  // for each address tried
  bool keepalive = true;                              // SO_KEEPALIVE
  std::chrono::milliseconds user_timeout{0};          // TCP_USER_TIMEOUT; 0: system default
};

// Resolves `host` (also a literal address, with or without brackets) and tries its addresses in
// order. kUnavailable with each address and reason when none answers; kNotFound when the name does
// not resolve.
Task<Result<std::unique_ptr<Stream>>> connect_tcp(Ctx ctx, std::string host, std::uint16_t port,
                                                  TcpOptions options = {});
Task<Result<std::unique_ptr<Stream>>> connect_unix(Ctx ctx, std::string path);
// Two streams joined in memory of the kernel (socketpair), for tests.
Result<std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>> stream_pair();

struct TlsClientConfig {
  std::string server_name;  // checked against the certificate and sent as SNI
  bool verify = true;       // false: any certificate; verified() is then false
  std::string ca_file;      // PEM; empty: the system's store
  std::string alpn;         // e.g. "xmpp-client"; empty: none
};
// Takes the plain stream and gives it back encrypted. kUnauthenticated with the verifier's reason
// ("certificate is for x.example, not y.example") when the peer is not who it should be.
Task<Result<std::unique_ptr<Stream>>> start_tls_client(Ctx ctx, std::unique_ptr<Stream> plain,
                                                       TlsClientConfig config);

struct TlsServerConfig {
  std::string certificate_file;  // PEM chain
  std::string key_file;
};
Task<Result<std::unique_ptr<Stream>>> start_tls_server(Ctx ctx, std::unique_ptr<Stream> plain,
                                                       TlsServerConfig config);

// Both sides prove with a certificate who they are; TLS 1.3 and nothing older, no resumption. No
// name or authority is looked at: `judge` alone decides.
enum class TlsRole : std::uint8_t { kClient, kServer };
struct TlsMutualConfig {
  std::string certificate_file;  // ours, PEM chain
  std::string key_file;
  // Called once, within the handshake: the peer's certificates as DER, its own first; its key is
  // proven when the handshake ends. An error ends the connection, the peer is told by an alert.
  std::function<Result<void>(std::span<const std::string> chain)> judge;
};
// kUnauthenticated with the judge's words, or when the peer shows no certificate. A client whose
// own certificate is refused learns it from its first read (RFC 8446 4.4.4), as kUnavailable.
Task<Result<std::unique_ptr<Stream>>> start_tls_mutual(Ctx ctx, std::unique_ptr<Stream> plain,
                                                       TlsMutualConfig config, TlsRole role);

// Accepts connections. Loop thread only.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  virtual Task<Result<std::unique_ptr<Stream>>> accept(Ctx ctx) = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;  // 0 for a Unix socket
  virtual void close() = 0;
};
// `host` must be a literal address; port 0 picks a free one. kConflict when the port is taken.
Task<Result<std::unique_ptr<Acceptor>>> listen_tcp(std::string host, std::uint16_t port);
// Mode 0600; a stale socket file (nobody listens) is replaced, a live one is kConflict.
Task<Result<std::unique_ptr<Acceptor>>> listen_unix(std::string path);

}  // namespace skep::net
