// A signed manifest stays a manifest: its last line, a comment to whoever only reads it, says who
// vouches for all that stands before it, for which agent and until when.
//
//   #skep-signature v1 name=support expires=2027-11-30T00:00:00Z sha256=<64 hex> key=<64 hex>
//   sig=<128 hex>                                                        (all in one line)
//
// `sig` is Ed25519 over "skep agent manifest v1" and the fields, each with its length; so it is
// good for nothing else that the same key may sign. Docs: docs/agents.md "Signed manifests".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/result.h"
#include "skep/base/secret.h"

namespace skep::authority {

// Somebody whose signature counts: one of [agents] trusted_signers.
struct Signer {
  std::string name;
  std::string key;  // the public key, 64 hex digits in lower case
  bool operator==(const Signer&) const = default;
};
// "ops:<64 hex>". kInvalid for any other text; a name is 1 to 64 characters of a-z 0-9 . _ -
Result<Signer> parse_signer(std::string_view text);
std::string to_text(const Signer& signer);

// What the line says. Nothing of it is believed before verify_text() has agreed.
struct SignatureLine {
  std::string name;     // the agent's
  std::string expires;  // RFC 3339, as it was signed
  std::string sha256;   // of the text before the line, hex
  std::string key, sig;
  bool operator==(const SignatureLine&) const = default;
};
inline constexpr std::size_t signature_line_bytes_max = 1024;
// Without its end of line. Accepts what to_text() gives and nothing else; kInvalid says what is
// wrong.
Result<SignatureLine> parse_signature_line(std::string_view line);
std::string to_text(const SignatureLine& line);

struct SignedText {
  std::string_view content;           // before the line; a view of the text
  std::optional<SignatureLine> line;  // none: the text is not signed
};
// kInvalid: a signature that is damaged, not in the last line, or there twice.
Result<SignedText> split_signature(std::string_view text);

// An Ed25519 key that signs. Moved, never copied.
class SigningKey {
 public:
  static Result<SigningKey> generate();
  // A PEM file (`skep agent keygen`, `openssl genpkey -algorithm ed25519`), without a passphrase.
  static Result<SigningKey> read(const std::string& path);
  // 0600; kExists when there is something already.
  Result<void> write(const std::string& path) const;
  [[nodiscard]] std::string public_key() const;  // 64 hex digits
  // `text` with its signature; one that it had is replaced. `name` is the agent's.
  [[nodiscard]] Result<std::string> sign(std::string_view text, const std::string& name,
                                         WallTime expires) const;

  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

 private:
  struct Impl;
  explicit SigningKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Who signed `text` for the agent `name`; nothing when it is not signed. kDenied, in words for
// people and the audit: altered, no signature of that key, a signer who is not trusted, another
// agent's, expired at `now` (no `now`: that is not asked).
Result<std::optional<Signer>> verify_text(std::string_view text, std::string_view name,
                                          const std::vector<Signer>& trusted,
                                          std::optional<WallTime> now);

}  // namespace skep::authority
