// Authentication (RFC 6120 6): SCRAM (RFC 5802, 7677) with channel binding, and PLAIN (RFC 4616).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/base/secret.h"

namespace skep::xmpp {

// What is known when a mechanism must be chosen.
struct SaslOffer {
  std::vector<std::string> mechanisms;        // the server's
  std::vector<std::string> channel_bindings;  // its XEP-0440 list; empty: not said
  bool encrypted = false;                     // TLS is up
  bool verified = false;                      // and the certificate checked
  bool allow_plain = false;
  std::vector<std::string> bindings_available;  // types this stream can give
  std::string strongest_seen;  // what this account used before; weaker is a refused downgrade
};
struct SaslChoice {
  std::string mechanism;                 // "SCRAM-SHA-256-PLUS"
  std::string binding;                   // channel binding type for -PLUS, else empty
  bool binding_supported_by_us = false;  // GS2 flag 'y' when we could but the server does not offer
};
// Strongest first: SCRAM-SHA-512-PLUS, -256-PLUS, -1-PLUS, SCRAM-SHA-512, -256, -1, PLAIN. Nothing
// at all without TLS. PLAIN only over verified TLS and when allowed (kDenied says so).
// kUnauthenticated when nothing is acceptable or it would be a downgrade.
Result<SaslChoice> choose_mechanism(const SaslOffer& offer);

// One exchange. Steps are raw bytes (the caller does base64).
class SaslClient {
 public:
  struct Input {
    std::string user;  // localpart, any Unicode: prepared with SASLprep here
    Secret password;
    SaslChoice choice;
    std::string binding_data;
    std::string nonce;  // empty: 24 random bytes; given in tests
  };
  static Result<std::unique_ptr<SaslClient>> start(Input input);
  virtual ~SaslClient() = default;
  [[nodiscard]] virtual std::string initial() const = 0;
  // Answers a challenge. Refuses (kUnauthenticated) a nonce that is not ours continued, iterations
  // outside 4096…10,000,000, a mandatory extension, a broken message.
  virtual Result<std::string> respond(std::string_view challenge) = 0;
  // Checks what came with <success/> (or the last challenge): the server's signature, in constant
  // time. Without it, no login.
  virtual Result<void> finish(std::string_view additional_data) = 0;
};

}  // namespace skep::xmpp
