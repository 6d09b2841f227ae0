#include "skep/authority/signature.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::authority {
namespace {

constexpr std::size_t kPemBytesMax = 16u << 10;
constexpr std::string_view kDomain = "skep agent manifest v1";

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Free>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, Free>;
using BioPtr = std::unique_ptr<BIO, Free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// What is signed: no byte can move from one field into another.
std::string signed_bytes(const SignatureLine& line) {
  std::string out;
  for (std::string_view field :
       {kDomain, std::string_view(line.name), std::string_view(line.expires),
        std::string_view(line.sha256), std::string_view(line.key)})
    out += fmt::format("{}:{}\n", field.size(), field);
  return out;
}

bool is_signed_by(const SignatureLine& line) {
  const auto key = hex_decode(line.key), sig = hex_decode(line.sig);
  if (!key || !sig) return false;
  const KeyPtr pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*key), key->size()));
  const ContextPtr context(EVP_MD_CTX_new());
  const std::string message = signed_bytes(line);
  return pkey && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(*sig), sig->size(), bytes_of(message),
                          message.size()) == 1;
}

std::string key_id(std::string_view key) { return std::string(key.substr(0, 16)) + "…"; }

std::unexpected<Error> refused(std::string why) {
  return fail(Code::kDenied, "the manifest's signature is not accepted: " + std::move(why));
}

}  // namespace

struct SigningKey::Impl {
  KeyPtr key;
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::generate() {
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) return fail(Code::kInternal, "OpenSSL cannot make an Ed25519 key");
  return SigningKey(std::make_unique<Impl>(std::move(key)));
}

Result<SigningKey> SigningKey::read(const std::string& path) {
  SKEP_TRY(std::string text, store::read_file(path, kPemBytesMax));
  const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  // No question on the terminal for a passphrase.
  char none[] = "";
  KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, none) : nullptr);
  wipe(text);
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return fail(Code::kInvalid, fmt::format("{} is no Ed25519 private key in PEM without a "
                                            "passphrase; `skep agent keygen` makes one",
                                            path));
  }
  return SigningKey(std::make_unique<Impl>(std::move(key)));
}

Result<void> SigningKey::write(const std::string& path) const {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errno_error("writing " + path, errno));
  const BioPtr bio(BIO_new_fd(fd, BIO_CLOSE));
  const bool written = bio && PEM_write_bio_PrivateKey(bio.get(), impl_->key.get(), nullptr,
                                                       nullptr, 0, nullptr, nullptr) == 1;
  if (written && ::fsync(fd) == 0) return {};
  const int error = errno;
  ::unlink(path.c_str());
  return fail(errno_error("writing " + path, error));
}

std::string SigningKey::public_key() const {
  std::array<unsigned char, 32> raw{};
  std::size_t size = raw.size();
  EVP_PKEY_get_raw_public_key(impl_->key.get(), raw.data(), &size);
  return hex_encode({reinterpret_cast<const char*>(raw.data()), size});
}

Result<std::string> SigningKey::sign(std::string_view text, const std::string& name,
                                     WallTime expires) const {
  SKEP_TRY(const SignedText parts, split_signature(text));
  std::string out(parts.content);
  if (!out.ends_with('\n')) out += '\n';
  SignatureLine line{.name = name,
                     .expires = format_rfc3339(expires),
                     .sha256 = hex_encode(sha256(out)),
                     .key = public_key(),
                     .sig = {}};
  const std::string message = signed_bytes(line);
  std::array<unsigned char, 64> sig{};
  std::size_t size = sig.size();
  const ContextPtr context(EVP_MD_CTX_new());
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), sig.data(), &size, bytes_of(message), message.size()) != 1)
    return fail(Code::kInternal, "OpenSSL cannot sign");
  line.sig = hex_encode({reinterpret_cast<const char*>(sig.data()), size});
  // What cannot be read back is not given out: a name with a blank, say.
  std::string written = to_text(line);
  SKEP_TRY_VOID(parse_signature_line(written));
  return out + written + "\n";
}

Result<std::optional<Signer>> verify_text(std::string_view text, std::string_view name,
                                          const std::vector<Signer>& trusted,
                                          std::optional<WallTime> now) {
  const auto parts = split_signature(text);
  if (!parts) return refused(parts.error().message);
  if (!parts->line) return std::nullopt;
  const SignatureLine& line = *parts->line;
  if (hex_encode(sha256(parts->content)) != line.sha256)
    return refused("the text is not the one that was signed");
  if (!is_signed_by(line)) return refused("it is not of the key that it names");
  const auto signer = std::ranges::find(trusted, line.key, &Signer::key);
  if (signer == trusted.end()) {
    return refused(fmt::format("the key {} is none of [agents] trusted_signers", key_id(line.key)));
  }
  if (line.name != name) return refused(fmt::format("it is for an agent called \"{}\"", line.name));
  const auto expires = parse_rfc3339(line.expires);
  if (!expires) return refused("it does not say until when");
  if (now && *now >= *expires) return refused("it was good until " + line.expires);
  return *signer;
}

}  // namespace skep::authority
