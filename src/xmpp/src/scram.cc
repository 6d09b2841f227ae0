#include "scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stringprep.h>

#include "skep/base/secret.h"
#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

const EVP_MD* digest_of(ScramHash hash) {
  switch (hash) {
    case ScramHash::kSha1:
      return EVP_sha1();
    case ScramHash::kSha256:
      return EVP_sha256();
    case ScramHash::kSha512:
      return EVP_sha512();
  }
  return nullptr;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hmac(const EVP_MD* digest, std::string_view key, std::string_view data) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()), bytes_of(data), data.size(), out, &length);
  return {reinterpret_cast<const char*>(out), length};
}

std::string hashed(const EVP_MD* digest, std::string_view data) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(data.data(), data.size(), out, &length, digest, nullptr);
  return {reinterpret_cast<const char*>(out), length};
}

}  // namespace

std::optional<ScramHash> scram_hash(std::string_view mechanism) {
  if (mechanism.ends_with("-PLUS")) mechanism.remove_suffix(5);
  if (mechanism == "SCRAM-SHA-1") return ScramHash::kSha1;
  if (mechanism == "SCRAM-SHA-256") return ScramHash::kSha256;
  if (mechanism == "SCRAM-SHA-512") return ScramHash::kSha512;
  return std::nullopt;
}

Result<ScramKeys> scram_keys(ScramHash hash, std::string_view prepared_password,
                             std::string_view salt, int iterations, std::string_view auth_message) {
  const EVP_MD* digest = digest_of(hash);
  std::string salted(static_cast<std::size_t>(EVP_MD_get_size(digest)), '\0');
  if (PKCS5_PBKDF2_HMAC(prepared_password.data(), static_cast<int>(prepared_password.size()),
                        bytes_of(salt), static_cast<int>(salt.size()), iterations, digest,
                        static_cast<int>(salted.size()),
                        reinterpret_cast<unsigned char*>(salted.data())) != 1) {
    return fail(Code::kInternal, "PBKDF2 failed");
  }
  std::string client_key = hmac(digest, salted, "Client Key");
  const std::string signature = hmac(digest, hashed(digest, client_key), auth_message);
  ScramKeys keys;
  keys.proof = client_key;
  for (std::size_t i = 0; i < keys.proof.size(); ++i) keys.proof[i] ^= signature[i];
  keys.server_signature = hmac(digest, hmac(digest, salted, "Server Key"), auth_message);
  wipe(client_key);
  wipe(salted);
  return keys;
}

Result<std::string> saslprep(std::string_view text, std::string_view what) {
  if (text.find('\0') != std::string_view::npos || !is_valid_utf8(text)) {
    return fail(Code::kInvalid,
                fmt::format("{} is not valid text (UTF-8 without null bytes)", what));
  }
  std::string in(text);
  char* raw = nullptr;
  const int status =
      stringprep_profile(in.c_str(), &raw, "SASLprep", static_cast<Stringprep_profile_flags>(0));
  wipe(in);
  if (status != STRINGPREP_OK) {
    return fail(Code::kInvalid,
                fmt::format("{} has a character that SASLprep (RFC 4013) forbids", what));
  }
  std::string out(raw);
  std::string_view made(raw);
  OPENSSL_cleanse(raw, made.size());
  std::free(raw);
  return out;
}

}  // namespace skep::xmpp
