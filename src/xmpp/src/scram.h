// The arithmetic of SCRAM (RFC 5802 3), apart from its messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "skep/base/result.h"

namespace skep::xmpp {

enum class ScramHash { kSha1, kSha256, kSha512 };

// "SCRAM-SHA-256" and "SCRAM-SHA-256-PLUS" -> kSha256; nullopt for what is no SCRAM of ours.
std::optional<ScramHash> scram_hash(std::string_view mechanism);

struct ScramKeys {
  std::string proof;             // raw
  std::string server_signature;  // raw
};
// Costs `iterations` HMACs: run it off the loop.
Result<ScramKeys> scram_keys(ScramHash hash, std::string_view prepared_password,
                             std::string_view salt, int iterations, std::string_view auth_message);

// SASLprep (RFC 4013), unassigned code points allowed as RFC 5802 5.1 wants. kInvalid naming
// `what`, never its text.
Result<std::string> saslprep(std::string_view text, std::string_view what);

}  // namespace skep::xmpp
