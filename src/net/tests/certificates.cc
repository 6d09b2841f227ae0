#include "certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace skep::net::testing {
namespace {

constexpr long kValidSeconds = 3600;

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* new_certificate(EVP_PKEY* key, const std::string& name, long serial) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kValidSeconds);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

void write_certificate(const std::string& path, X509* certificate) {
  FILE* file = std::fopen(path.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
}

void write_key(const std::string& path, EVP_PKEY* key) {
  FILE* file = std::fopen(path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

}  // namespace

struct CertificateAuthority::Impl {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = nullptr;
  long serial = 1;
};

CertificateAuthority::CertificateAuthority() : impl_(std::make_unique<Impl>()) {
  impl_->certificate = new_certificate(impl_->key, "Test CA", impl_->serial++);
  X509* ca = impl_->certificate;
  X509_set_issuer_name(ca, X509_get_subject_name(ca));
  add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
  X509_sign(ca, impl_->key, EVP_sha256());
  write_certificate(ca_file(), ca);
}

CertificateAuthority::~CertificateAuthority() {
  X509_free(impl_->certificate);
  EVP_PKEY_free(impl_->key);
}

TlsServerConfig CertificateAuthority::issue(const std::string& stem,
                                            const std::string& names) const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = new_certificate(key, stem, impl_->serial++);
  X509_set_issuer_name(certificate, X509_get_subject_name(impl_->certificate));
  add_extension(certificate, impl_->certificate, NID_subject_alt_name, names);
  X509_sign(certificate, impl_->key, EVP_sha384());
  TlsServerConfig config{.certificate_file = dir_.file(stem + ".crt"),
                         .key_file = dir_.file(stem + ".key")};
  write_certificate(config.certificate_file, certificate);
  write_key(config.key_file, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return config;
}

}  // namespace skep::net::testing
