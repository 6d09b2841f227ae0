// A hive's own key and certificate.
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "hive_trust.h"
#include "skep/fabric/gateway.h"
#include "skep/model/name.h"

namespace skep::fabric {
namespace {

constexpr long kBackdateSeconds = 3'600;  // the other machine's clock may be behind

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

bool extend(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

X509Ptr self_signed(EVP_PKEY* key, const std::string& hive, int days) {
  X509Ptr certificate(X509_new());
  X509* made = certificate.get();
  std::array<unsigned char, 16> serial{};
  RAND_bytes(serial.data(), serial.size());
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial.data(), serial.size(), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(made));
  BN_free(number);
  X509_set_version(made, 2);
  X509_gmtime_adj(X509_getm_notBefore(made), -kBackdateSeconds);
  X509_time_adj_ex(X509_getm_notAfter(made), days, 0, nullptr);
  X509_set_pubkey(made, key);
  X509_NAME* subject = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(hive.c_str()), -1, -1, 0);
  X509_set_issuer_name(made, subject);
  const bool done = extend(made, NID_basic_constraints, "critical,CA:FALSE") &&
                    extend(made, NID_key_usage, "critical,digitalSignature") &&
                    extend(made, NID_ext_key_usage, "serverAuth,clientAuth") &&
                    extend(made, NID_subject_key_identifier, "hash") &&
                    extend(made, NID_authority_key_identifier, "keyid:always") &&
                    extend(made, NID_subject_alt_name, "URI:" + std::string(kHiveUri) + hive) &&
                    X509_sign(made, key, nullptr) > 0;
  return done ? std::move(certificate) : nullptr;
}

template <class Write>
std::string pem_of(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

Result<void> write_beside(const std::string& path, std::string_view text, mode_t mode) {
  ::unlink(path.c_str());
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return fail(errno_error("writing " + path, errno));
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (!written) return fail(errno_error("writing " + path, error));
  return {};
}

// The key's name is taken last and only if nobody has it: a death before leaves a certificate that
// the next try replaces.
Result<void> publish(const std::string& key_path, const std::string& key,
                     const std::string& certificate_path, const std::string& certificate) {
  const std::string key_beside = key_path + ".new", certificate_beside = certificate_path + ".new";
  SKEP_TRY_VOID(write_beside(certificate_beside, certificate, 0644));
  SKEP_TRY_VOID(write_beside(key_beside, key, 0600));
  if (::rename(certificate_beside.c_str(), certificate_path.c_str()) != 0) {
    return fail(errno_error("writing " + certificate_path, errno));
  }
  const int linked = ::link(key_beside.c_str(), key_path.c_str());
  const int error = errno;
  ::unlink(key_beside.c_str());
  if (linked != 0) return fail(errno_error("writing " + key_path, error));
  return {};
}

}  // namespace

Result<void> make_hive_key(const std::string& key_path, const std::string& certificate_path,
                           std::string_view hive, int days) {
  if (!Name::parse("RT.x", hive)) {
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is no hive id: 1 to 64 of A-Z a-z 0-9 _ -", hive));
  }
  if (::access(key_path.c_str(), F_OK) == 0) {
    return fail(Code::kExists, fmt::format("{} exists already; move it away to make a new key, and "
                                           "give the new hive.crt to the other hives",
                                           key_path));
  }
  std::error_code error;
  for (const std::string& path : {key_path, certificate_path}) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  }
  const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const X509Ptr certificate = key ? self_signed(key.get(), std::string(hive), days) : nullptr;
  if (!certificate) return fail(Code::kInternal, "OpenSSL cannot make an Ed25519 certificate");
  const std::string key_pem = pem_of([&key](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  const std::string certificate_pem =
      pem_of([&certificate](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); });
  return publish(key_path, key_pem, certificate_path, certificate_pem);
}

}  // namespace skep::fabric
