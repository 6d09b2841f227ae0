#include "tls_context.h"

#include <openssl/err.h>
#include <sys/stat.h>

#include <cstring>
#include <mutex>

namespace skep::net {
namespace {

constexpr std::size_t kContextsMax = 32;  // beyond it the cache starts anew

// Path, time and size: a renewed file has another stamp.
std::string stamp(const std::string& path) {
  struct stat file{};
  if (path.empty() || ::stat(path.c_str(), &file) != 0) return path;
  return fmt::format("{}|{}.{}|{}", path, file.st_mtim.tv_sec, file.st_mtim.tv_nsec, file.st_size);
}

// One for the process, because the store is the same for every loop in it. Contexts are immutable
// once cached.
class ContextCache {
 public:
  Result<SslContext> get(const std::string& key, const std::function<Result<SslContext>()>& make) {
    const std::lock_guard lock(mutex_);
    if (const auto known = contexts_.find(key); known != contexts_.end()) return known->second;
    SKEP_TRY(SslContext context, make());
    if (contexts_.size() >= kContextsMax) contexts_.clear();
    contexts_.emplace(key, context);
    return context;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, SslContext> contexts_;
};

ContextCache& cache() {
  static ContextCache instance;
  return instance;
}

SslContext new_context(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method), FreeSsl{});
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Result<SslContext> make_client(const std::string& ca_file, bool verify) {
  SslContext context = new_context(TLS_client_method());
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (!verify) return context;
  const bool loaded = ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                          : SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) == 1;
  if (!loaded) {
    return fail(Code::kInvalid,
                fmt::format("loading CA certificates from {}: {}",
                            ca_file.empty() ? "the system's store" : ca_file, take_ssl_error()));
  }
  return context;
}

Result<void> load_identity(SSL_CTX* context, const std::string& certificate_file,
                           const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
    return fail(Code::kInvalid,
                fmt::format("loading certificate {}: {}", certificate_file, take_ssl_error()));
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return fail(Code::kInvalid, fmt::format("loading key {}: {}", key_file, take_ssl_error()));
  }
  return {};
}

Result<SslContext> make_server(const TlsServerConfig& config) {
  SslContext context = new_context(TLS_server_method());
  static constexpr std::string_view kSessionContext = "skep";
  SSL_CTX_set_session_id_context(context.get(),
                                 reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 static_cast<unsigned>(kSessionContext.size()));
  SKEP_TRY_VOID(load_identity(context.get(), config.certificate_file, config.key_file));
  return context;
}

// A resumed session would pass by the judge, so there are none.
Result<SslContext> make_mutual(const TlsMutualConfig& config,
                               int (*judge)(X509_STORE_CTX*, void*)) {
  SslContext context = new_context(TLS_method());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), judge, nullptr);
  SKEP_TRY_VOID(load_identity(context.get(), config.certificate_file, config.key_file));
  return context;
}

}  // namespace

std::string take_ssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(static_cast<int>(ERR_GET_REASON(code)));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("error {:x}", code);
}

Result<SslContext> client_context(const TlsClientConfig& config) {
  const std::string key = fmt::format("client|{}|{}", config.verify, stamp(config.ca_file));
  return cache().get(key, [&config] { return make_client(config.ca_file, config.verify); });
}

Result<SslContext> server_context(const TlsServerConfig& config) {
  const std::string key =
      fmt::format("server|{}|{}", stamp(config.certificate_file), stamp(config.key_file));
  return cache().get(key, [&config] { return make_server(config); });
}

Result<SslContext> mutual_context(const TlsMutualConfig& config,
                                  int (*judge)(X509_STORE_CTX*, void*)) {
  const std::string key =
      fmt::format("mutual|{}|{}", stamp(config.certificate_file), stamp(config.key_file));
  return cache().get(key, [&config, judge] { return make_mutual(config, judge); });
}

}  // namespace skep::net
