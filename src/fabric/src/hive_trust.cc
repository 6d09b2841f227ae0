#include "hive_trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <sstream>

#include "skep/fabric/gateway.h"
#include "skep/model/name.h"

namespace skep::fabric {
namespace {

struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
template <class T>
using Owned = std::unique_ptr<T, FreeStore>;

X509Ptr from_der(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return X509Ptr(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
}

// Every certificate of a PEM text becomes an anchor of trust; how many there were.
int add_anchors(X509_STORE* store, const std::string& pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  int added = 0;
  while (const X509Ptr certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    added += X509_STORE_add_cert(store, certificate.get()) == 1 ? 1 : 0;
  }
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return added;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kHiveFileBytesMax + 1, '\0');
  if (!file) return fail(Code::kNotFound, "there is no file " + path);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kHiveFileBytesMax) return fail(Code::kTooLarge, path + " is over 256 KB");
  return text;
}

// The chain against the anchors: dates, signatures, basic constraints. A leaf that is itself an
// anchor needs no issuer.
Result<void> verify(X509_STORE* anchors, std::span<const std::string> chain) {
  const X509Ptr own = from_der(chain.front());
  const Owned<STACK_OF(X509)> others(sk_X509_new_null());
  for (const std::string& der : chain.subspan(1)) {
    if (X509Ptr other = from_der(der)) sk_X509_push(others.get(), other.release());
  }
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), anchors, own.get(), others.get());
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT);
  if (X509_verify_cert(context.get()) == 1) return {};
  const int error = X509_STORE_CTX_get_error(context.get());
  return fail(Code::kUnauthenticated, X509_verify_cert_error_string(error));
}

}  // namespace

Result<std::string> hive_of(X509* certificate) {
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string hive;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                static_cast<std::size_t>(ASN1_STRING_length(uri)));
    if (!text.starts_with(kHiveUri)) continue;
    if (!hive.empty()) return fail(Code::kInvalid, "the certificate names more than one hive");
    hive = text.substr(kHiveUri.size());
    if (!Name::parse("RT.x", hive)) {
      return fail(Code::kInvalid, "the certificate's hive id is not 1 to 64 of A-Z a-z 0-9 _ -");
    }
  }
  if (hive.empty()) {
    return fail(Code::kInvalid, "the certificate names no hive: it has no URI skep:hive:<id>");
  }
  return hive;
}

Result<std::string> proven_hive(const std::string& directory, std::span<const std::string> chain) {
  const X509Ptr own = chain.empty() ? nullptr : from_der(chain.front());
  if (!own) return fail(Code::kUnauthenticated, "the peer's certificate cannot be read");
  auto hive = hive_of(own.get());
  if (!hive) return fail(Code::kUnauthenticated, hive.error().message);
  const std::string path = fmt::format("{}/{}.crt", directory, *hive);
  const Owned<X509_STORE> anchors(X509_STORE_new());
  auto kept = read_file(path);
  if (!kept || add_anchors(anchors.get(), *kept) == 0) {
    return fail(Code::kUnauthenticated,
                fmt::format("no certificate of hive \"{}\" is kept here ({}); get its hive.crt and "
                            "run: skep hive join FILE",
                            *hive, kept ? path + " holds none" : kept.error().message));
  }
  if (auto verified = verify(anchors.get(), chain); !verified) {
    return fail(Code::kUnauthenticated,
                fmt::format("the certificate of hive \"{}\" is refused against {}: {}", *hive, path,
                            verified.error().message));
  }
  return hive;
}

Result<std::string> hive_of_certificate(std::string_view pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) return fail(Code::kInvalid, "this is no PEM certificate");
  return hive_of(certificate.get());
}

Result<std::string> certificate_fingerprint(std::string_view pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) return fail(Code::kInvalid, "this is no PEM certificate");
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += fmt::format("{}{:02X}", i == 0 ? "" : ":", digest.at(i));
  }
  return text;
}

}  // namespace skep::fabric
