#include "skep/xmpp/sasl.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "scram.h"
#include "skep/base/id.h"
#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::array<std::string_view, 7> kStrongestFirst = {"SCRAM-SHA-512-PLUS",
                                                             "SCRAM-SHA-256-PLUS",
                                                             "SCRAM-SHA-1-PLUS",
                                                             "SCRAM-SHA-512",
                                                             "SCRAM-SHA-256",
                                                             "SCRAM-SHA-1",
                                                             "PLAIN"};
constexpr std::array<std::string_view, 3> kBindingsBestFirst = {
    "tls-exporter", "tls-server-end-point", "tls-unique"};
constexpr int kIterationsMin = 4096;        // RFC 5802 5.1
constexpr int kIterationsMax = 10'000'000;  // some seconds of CPU: more is an attack, not a policy
constexpr std::size_t kChallengeBytesMax = 16u << 10;
constexpr std::size_t kNonceBytes = 24;

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

std::size_t rank_of(std::string_view mechanism) {
  return static_cast<std::size_t>(std::ranges::find(kStrongestFirst, mechanism) -
                                  kStrongestFirst.begin());
}

// The type both sides can do. A server without an XEP-0440 list is only believed to know the
// default of its TLS version: tls-unique (RFC 5802 6.1), which TLS 1.3 does not have.
std::string binding_type(const SaslOffer& offer) {
  for (const std::string_view type : kBindingsBestFirst) {
    if (!contains(offer.bindings_available, type)) continue;
    const bool known = offer.channel_bindings.empty() ? type == "tls-unique"
                                                      : contains(offer.channel_bindings, type);
    if (known) return std::string(type);
  }
  return {};
}

bool offers_plus(const SaslOffer& offer) {
  return std::ranges::any_of(offer.mechanisms,
                             [](const auto& name) { return name.ends_with("-PLUS"); });
}

std::optional<SaslChoice> strongest(const SaslOffer& offer) {
  const std::string binding = binding_type(offer);
  for (const std::string_view name : kStrongestFirst) {
    if (!contains(offer.mechanisms, name)) continue;
    const bool plus = name.ends_with("-PLUS");
    if (plus && binding.empty()) continue;
    if (name == "PLAIN" && !(offer.verified && offer.allow_plain)) continue;
    return SaslChoice{.mechanism = std::string(name),
                      .binding = plus ? binding : std::string(),
                      .binding_supported_by_us =
                          !plus && !offer.bindings_available.empty() && !offers_plus(offer)};
  }
  return std::nullopt;
}

// Nothing but -PLUS and no word on the binding types: RFC 9266 names the default for TLS 1.3.
std::optional<SaslChoice> default_binding_choice(SaslOffer offer) {
  if (!offer.channel_bindings.empty()) return std::nullopt;
  offer.channel_bindings = {"tls-exporter"};
  return strongest(offer);
}

std::unexpected<Error> nothing_acceptable(const SaslOffer& offer) {
  const std::string offered = offer.mechanisms.empty() ? "nothing" : join(offer.mechanisms, ", ");
  if (contains(offer.mechanisms, "PLAIN") && !offer.allow_plain) {
    return fail(
        Code::kDenied,
        fmt::format(
            "the server offers {} and no SCRAM: PLAIN would show it the password. Set [server] "
            "allow_plain = true if you trust it",
            offered));
  }
  if (contains(offer.mechanisms, "PLAIN") && !offer.verified) {
    return fail(Code::kDenied,
                fmt::format("the server offers {}: PLAIN is only used when its certificate is "
                            "verified ([server] tls_verify)",
                            offered));
  }
  return fail(
      Code::kUnauthenticated,
      fmt::format("no authentication mechanism in common: the server offers {}; SCRAM-SHA-512, "
                  "SCRAM-SHA-256, SCRAM-SHA-1 or PLAIN is needed",
                  cut_utf8(offered, 300)));
}

}  // namespace

Result<SaslChoice> choose_mechanism(const SaslOffer& offer) {
  if (!offer.encrypted) {
    return fail(Code::kUnauthenticated, "no credentials are sent over a link without TLS");
  }
  std::optional<SaslChoice> choice = strongest(offer);
  if (!choice) choice = default_binding_choice(offer);
  if (!choice) return nothing_acceptable(offer);
  if (!offer.strongest_seen.empty() && rank_of(choice->mechanism) > rank_of(offer.strongest_seen)) {
    return fail(
        Code::kUnauthenticated,
        fmt::format("the server offered {} before and now only {}: refused as a downgrade. If its "
                    "administrator changed that, restart",
                    offer.strongest_seen, choice->mechanism));
  }
  return *choice;
}

namespace {

// RFC 5802 5.1: in a name, '=' and ',' are written as =3D and =2C.
std::string escaped_name(std::string_view name) {
  return replace_all(replace_all(std::string(name), "=", "=3D"), ",", "=2C");
}

class PlainClient final : public SaslClient {
 public:
  PlainClient(std::string user, Secret password)
      : user_(std::move(user)), password_(std::move(password)) {}

  std::string initial() const override {
    std::string message(1, '\0');
    message.append(user_).append(1, '\0').append(password_.reveal());
    return message;
  }
  Result<std::string> respond(std::string_view) override {
    return fail(Code::kUnauthenticated, "the server sent a challenge to PLAIN");
  }
  Result<void> finish(std::string_view) override { return {}; }

 private:
  std::string user_;
  Secret password_;
};

// The server's first message: r=nonce,s=salt,i=iterations[,extensions].
struct ServerFirst {
  std::string nonce;
  std::string salt;
  int iterations = 0;
};

std::unexpected<Error> refused(std::string_view why) {
  return fail(Code::kUnauthenticated,
              fmt::format("the server's SCRAM message is refused: {}", why));
}

// The value of the attribute at the front of `fields`, which must be `name`.
std::optional<std::string_view> value_of(std::string_view field, char name) {
  if (field.size() < 2 || field[0] != name || field[1] != '=') return std::nullopt;
  return field.substr(2);
}

Result<ServerFirst> parse_server_first(std::string_view text) {
  if (text.size() > kChallengeBytesMax) return refused("too long");
  if (text.starts_with("m=")) return refused("it demands an extension that we do not know");
  const auto fields = split(text, ',');
  if (fields.size() < 3) return refused("a field is missing");
  const auto nonce = value_of(fields[0], 'r');
  const auto salt = value_of(fields[1], 's');
  const auto iterations = value_of(fields[2], 'i');
  if (!nonce || !salt || !iterations) return refused("a field is missing");
  ServerFirst first{.nonce = std::string(*nonce)};
  auto raw_salt = base64_decode(*salt);
  if (!raw_salt || raw_salt->empty()) return refused("the salt is no base64");
  first.salt = std::move(*raw_salt);
  const char* end = iterations->data() + iterations->size();
  const auto parsed = std::from_chars(iterations->data(), end, first.iterations);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    return refused("the iteration count is no number");
  if (first.iterations < kIterationsMin || first.iterations > kIterationsMax) {
    return refused(fmt::format("{} iterations are outside {} to {}", first.iterations,
                               kIterationsMin, kIterationsMax));
  }
  return first;
}

class ScramClient final : public SaslClient {
 public:
  ScramClient(ScramHash hash, Input input, std::string user, Secret password)
      : hash_(hash), input_(std::move(input)), password_(std::move(password)) {
    first_bare_ = fmt::format("n={},r={}", escaped_name(user), input_.nonce);
  }

  std::string initial() const override { return gs2_header() + first_bare_; }

  Result<std::string> respond(std::string_view challenge) override {
    if (!expected_signature_.empty()) return refused("a second challenge");
    SKEP_TRY(const ServerFirst first, parse_server_first(challenge));
    if (!first.nonce.starts_with(input_.nonce) || first.nonce.size() == input_.nonce.size()) {
      return refused("its nonce does not continue ours");
    }
    const std::string without_proof =
        fmt::format("c={},r={}", base64_encode(gs2_header() + input_.binding_data), first.nonce);
    const std::string auth_message = fmt::format("{},{},{}", first_bare_, challenge, without_proof);
    SKEP_TRY(const ScramKeys keys,
             scram_keys(hash_, password_.reveal(), first.salt, first.iterations, auth_message));
    expected_signature_ = keys.server_signature;
    return fmt::format("{},p={}", without_proof, base64_encode(keys.proof));
  }

  Result<void> finish(std::string_view additional_data) override {
    if (additional_data.starts_with("e=")) {
      return fail(Code::kUnauthenticated, fmt::format("the server refused the login: {}",
                                                      cut_utf8(additional_data.substr(2), 100)));
    }
    const auto fields = split(additional_data, ',');
    const auto value = value_of(fields.empty() ? std::string_view() : fields[0], 'v');
    const auto signature = value ? base64_decode(*value) : std::nullopt;
    if (!signature || expected_signature_.empty() ||
        !equal_in_constant_time(*signature, expected_signature_)) {
      return fail(Code::kUnauthenticated,
                  "the server could not prove that it knows the password: its signature is missing "
                  "or wrong, so it "
                  "may be an impostor");
    }
    return {};
  }

 private:
  std::string gs2_header() const {
    if (!input_.choice.binding.empty()) return fmt::format("p={},,", input_.choice.binding);
    return input_.choice.binding_supported_by_us ? "y,," : "n,,";
  }

  ScramHash hash_;
  Input input_;
  Secret password_;  // prepared
  std::string first_bare_;
  std::string expected_signature_;  // empty until the challenge was answered
};

}  // namespace

Result<std::unique_ptr<SaslClient>> SaslClient::start(Input input) {
  SKEP_TRY(std::string user, saslprep(input.user, "the user name"));
  SKEP_TRY(std::string prepared, saslprep(input.password.reveal(), "the password"));
  Secret password(std::move(prepared));
  if (input.choice.mechanism == "PLAIN") {
    return std::make_unique<PlainClient>(std::move(user), std::move(password));
  }
  const auto hash = scram_hash(input.choice.mechanism);
  if (!hash) {
    return fail(Code::kUnsupported,
                fmt::format("SASL mechanism {} is not known", input.choice.mechanism));
  }
  if (input.nonce.empty()) input.nonce = base64_encode(random_bytes(kNonceBytes));
  input.password = Secret();
  return std::make_unique<ScramClient>(*hash, std::move(input), std::move(user),
                                       std::move(password));
}

}  // namespace skep::xmpp
