#include "failure.h"

#include <array>
#include <span>

#include "skep/base/secret.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kNsStreamConditions = "urn:ietf:params:xml:ns:xmpp-streams";
constexpr std::size_t kForeignTextBytesMax = 200;
constexpr std::size_t kAppConditionBytesMax = 64;

struct Row {
  std::string_view condition;
  Code code;
  Retry retry;
};

constexpr Row kStreamErrors[] = {
    {"not-authorized", Code::kUnauthenticated, Retry::kNever},
    {"host-unknown", Code::kNotFound, Retry::kNever},
    {"host-gone", Code::kNotFound, Retry::kNever},
    {"unsupported-version", Code::kUnsupported, Retry::kNever},
    {"invalid-namespace", Code::kUnsupported, Retry::kNever},
    {"conflict", Code::kConflict, Retry::kSlowly},
    {"policy-violation", Code::kDenied, Retry::kSlowly},
    {"resource-constraint", Code::kExhausted, Retry::kSlowly},
    {"reset", Code::kUnavailable, Retry::kSlowly},
};
constexpr Row kStreamErrorElse = {"", Code::kUnavailable, Retry::kNormally};

constexpr Row kSaslFailures[] = {
    {"not-authorized", Code::kUnauthenticated, Retry::kNever},
    {"account-disabled", Code::kDenied, Retry::kNever},
    {"credentials-expired", Code::kUnauthenticated, Retry::kNever},
    {"invalid-authzid", Code::kUnauthenticated, Retry::kNever},
    {"mechanism-too-weak", Code::kUnauthenticated, Retry::kNever},
    {"invalid-mechanism", Code::kUnsupported, Retry::kNever},
    {"encryption-required", Code::kUnauthenticated, Retry::kNever},
    {"malformed-request", Code::kUnsupported, Retry::kNever},
    {"incorrect-encoding", Code::kUnsupported, Retry::kNever},
    {"aborted", Code::kUnavailable, Retry::kNormally},
};
constexpr Row kSaslFailureElse = {"", Code::kUnavailable,
                                  Retry::kSlowly};  // temporary-auth-failure and the unknown

constexpr Row kStanzaErrors[] = {
    {"item-not-found", Code::kNotFound, Retry::kNormally},
    {"recipient-unavailable", Code::kUnavailable, Retry::kNormally},
    {"remote-server-not-found", Code::kUnavailable, Retry::kNormally},
    {"remote-server-timeout", Code::kTimeout, Retry::kNormally},
    {"service-unavailable", Code::kUnsupported, Retry::kNormally},
    {"feature-not-implemented", Code::kUnsupported, Retry::kNormally},
    {"forbidden", Code::kDenied, Retry::kNormally},
    {"not-allowed", Code::kDenied, Retry::kNormally},
    {"not-authorized", Code::kUnauthenticated, Retry::kNormally},
    {"registration-required", Code::kUnauthenticated, Retry::kNormally},
    {"conflict", Code::kConflict, Retry::kNormally},
    {"policy-violation", Code::kDenied, Retry::kNormally},
    {"resource-constraint", Code::kExhausted, Retry::kNormally},
    {"bad-request", Code::kInvalid, Retry::kNormally},
    {"jid-malformed", Code::kInvalid, Retry::kNormally},
    {"not-acceptable", Code::kInvalid, Retry::kNormally},
};
constexpr Row kStanzaErrorElse = {"", Code::kUnavailable, Retry::kNormally};

const Row& row_of(std::span<const Row> table, std::string_view condition, const Row& otherwise) {
  for (const Row& row : table) {
    if (row.condition == condition) return row;
  }
  return otherwise;
}

std::string condition_of(const Element& element, std::string_view ns) {
  for (const Element* child : element.children()) {
    if (child->ns == ns && child->name != "text") return child->name;
  }
  return "undefined-condition";
}

// " (not-authorized)" or " (not-authorized: the server's words)".
std::string quoted_reason(const Element& element, std::string_view ns, std::string_view condition) {
  const std::string words = element.child_text("text", ns);
  if (words.empty()) return fmt::format(" ({})", condition);
  return fmt::format(" ({}: {})", condition, redact(words, kForeignTextBytesMax));
}

std::string component_sentence(std::string_view condition, const XmppConfig& config,
                               const std::string& reason) {
  const std::string& domain = config.component_domain;
  if (condition == "not-authorized") {
    return fmt::format("the server refused the secret for {}{}: check [server] component_secret",
                       domain, reason);
  }
  if (condition == "host-unknown") {
    return fmt::format(
        "the server has no component {}{}: check [server] component_domain, and that the server's "
        "configuration names it",
        domain, reason);
  }
  if (condition == "conflict") {
    return fmt::format(
        "another connection already serves {}{}: stop it, or give this agent its own "
        "component_domain",
        domain, reason);
  }
  return {};
}

std::string client_sentence(std::string_view condition, const XmppConfig& config,
                            const std::string& reason) {
  if (condition == "host-unknown" || condition == "host-gone") {
    return fmt::format("the server does not serve the domain of {}{}: check [server] jid and host",
                       config.jid, reason);
  }
  if (condition == "conflict") {
    return fmt::format(
        "another session of {} took this one's place{}: is a second agent running with the same "
        "account "
        "and [server] resource?",
        config.jid, reason);
  }
  return {};
}

}  // namespace

SessionEnd end_of_transport(Error error) {
  if (error.code != Code::kUnauthenticated) return {std::move(error), Retry::kNormally};
  error.message +=
      ": give the server a valid certificate, or set [server] tls_ca_file to the authority that "
      "signed it";
  return {std::move(error), Retry::kNever};
}

SessionEnd end_of_stream_error(const Element& error, const XmppConfig& config) {
  const std::string condition = condition_of(error, kNsStreamConditions);
  const std::string reason = quoted_reason(error, kNsStreamConditions, condition);
  const Row& row = row_of(kStreamErrors, condition, kStreamErrorElse);
  std::string sentence = config.mode == XmppConfig::Mode::kComponent
                             ? component_sentence(condition, config, reason)
                             : client_sentence(condition, config, reason);
  if (sentence.empty()) sentence = "the server ended the stream" + reason;
  return {Error{row.code, std::move(sentence)}, row.retry};
}

SessionEnd end_of_sasl_failure(const Element& failure, const XmppConfig& config) {
  const std::string condition = condition_of(failure, kNsSasl);
  const std::string reason = quoted_reason(failure, kNsSasl, condition);
  const Row& row = row_of(kSaslFailures, condition, kSaslFailureElse);
  std::string sentence = fmt::format("the server refused to log {} in{}", config.jid, reason);
  if (condition == "not-authorized") {
    sentence = fmt::format("the server refused the password for {}{}: check [server] password",
                           config.jid, reason);
  } else if (condition == "account-disabled" || condition == "credentials-expired") {
    sentence += ": ask the server's administrator";
  }
  return {Error{row.code, std::move(sentence)}, row.retry};
}

bool is_stream_error(const Element& element) {
  return element.name == "error" && element.ns == kNsStreams;
}

std::string other_host(const Element& stream_error) {
  return stream_error.child_text("see-other-host", kNsStreamConditions);
}

Error error_of_stanza(const Element& stanza) {
  const Element* error = stanza.child("error", kNsClient);
  if (!error) return {Code::kUnavailable, "an error without a reason came back"};
  const std::string condition = condition_of(*error, kNsStanzas);
  const Row& row = row_of(kStanzaErrors, condition, kStanzaErrorElse);
  const std::string words = error->child_text("text", kNsStanzas);
  std::string said = condition;
  // RFC 6120 8.3.2: an application may say more precisely what it is.
  for (const Element* child : error->children()) {
    if (child->ns != kNsStanzas)
      return {row.code, fmt::format("{} ({}): {}", said, redact(child->name, kAppConditionBytesMax),
                                    redact(words, kForeignTextBytesMax))};
  }
  if (words.empty()) return {row.code, said};
  return {row.code, fmt::format("{}: {}", said, redact(words, kForeignTextBytesMax))};
}

}  // namespace skep::xmpp
