#include "skep/net/egress.h"

#include <curl/curl.h>

#include <memory>

#include "address.h"
#include "address_class.h"
#include "skep/base/text.h"

namespace skep::net {
namespace {

constexpr std::size_t kUrlBytesMax = 8192;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlPtr = std::unique_ptr<CURLU, FreeUrl>;

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

// Lower case, without brackets and final dots: "LOCALHOST." is localhost.
std::string plain_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  while (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return to_lower_ascii(host);
}

bool is_or_is_under(std::string_view host, std::string_view domain) {
  if (host == domain) return true;
  return host.size() > domain.size() && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.';
}

bool is_local_name(std::string_view host) {
  // The last of them are nobody's in the public tree and common in private ones; "svc" is a
  // cluster's.
  static constexpr std::array<std::string_view, 12> kLocal = {
      "localhost", "local", "internal", "home.arpa", "localdomain", "localhost6",
      "lan",       "corp",  "home",     "intranet",  "private",     "svc"};
  if (!host.contains('.')) return true;  // a search list makes it a machine of this network
  return std::ranges::any_of(
      kLocal, [host](std::string_view domain) { return is_or_is_under(host, domain); });
}

bool is_denied_name(const EgressConfig& config, std::string_view host) {
  return std::ranges::any_of(config.deny, [host](const std::string& rule) {
    if (rule.starts_with("*.")) {
      const std::string domain = plain_host(std::string_view(rule).substr(2));
      return host != domain && is_or_is_under(host, domain);
    }
    return host == plain_host(rule);
  });
}

bool is_on_allow_list(const EgressConfig& config, std::string_view host, std::uint16_t port) {
  return std::ranges::any_of(config.allow, [host, port](const std::string& rule) {
    if (const auto both = parse_host_port(rule))
      return both->port == port && plain_host(both->host) == host;
    return plain_host(rule) == host;
  });
}

bool is_open_port(const EgressConfig& config, std::uint16_t port) {
  return std::ranges::find(config.ports, port) != config.ports.end();
}

std::unexpected<Error> denied(std::string why) { return fail(Code::kDenied, std::move(why)); }

struct Target {
  std::string host;
  std::uint16_t port = 0;
};

// Read by the same parser that the HTTP client uses, so the two cannot differ about what the host
// is: "0x7f.1" and "2130706433" come out as 127.0.0.1.
Result<Target> read_url(std::string_view text) {
  if (text.size() > kUrlBytesMax)
    return fail(Code::kTooLarge, fmt::format("URL is over {} bytes", kUrlBytesMax));
  const bool printable =
      std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c != 0x7f && c != '\\'; });
  if (!printable) return fail(Code::kInvalid, "URL has spaces, control characters or backslashes");
  const UrlPtr url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_NON_SUPPORT_SCHEME) !=
      CURLUE_OK) {
    return fail(Code::kInvalid, "not a URL of the form https://host/path");
  }
  const std::string scheme = to_lower_ascii(part(url.get(), CURLUPART_SCHEME));
  if (scheme != "http" && scheme != "https")
    return denied(fmt::format("URL scheme {} is not http or https", scheme));
  char* user = nullptr;
  char* password = nullptr;
  const bool has_user = curl_url_get(url.get(), CURLUPART_USER, &user, 0) == CURLUE_OK;
  const bool has_password = curl_url_get(url.get(), CURLUPART_PASSWORD, &password, 0) == CURLUE_OK;
  curl_free(user);
  curl_free(password);
  if (has_user || has_password) return denied("URL carries a user or password");
  if (!part(url.get(), CURLUPART_ZONEID).empty())
    return denied("URL has an IPv6 zone: its address is link-local");
  const std::string host = part(url.get(), CURLUPART_HOST);
  if (host.empty()) return fail(Code::kInvalid, "URL has no host");
  // What another script's letters become (a dot, a digit, "localhost") would be decided after our
  // look.
  const bool ascii = std::ranges::all_of(host, [](unsigned char c) { return c < 0x80; });
  if (!ascii)
    return fail(Code::kInvalid, "URL has a host outside ASCII: write it in its xn-- form");
  const std::string port = part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  return Target{plain_host(host),
                static_cast<std::uint16_t>(std::strtoul(port.c_str(), nullptr, 10))};
}

}  // namespace

Result<std::string> endpoint_of(std::string_view url) {
  SKEP_TRY(const Target target, read_url(url));
  const std::string_view form = target.host.contains(':') ? "[{}]:{}" : "{}:{}";
  return fmt::format(fmt::runtime(form), target.host, target.port);
}

EgressGuard::EgressGuard(EgressConfig config) : config_(std::move(config)) {}

Result<void> EgressGuard::check_url(std::string_view url) const {
  SKEP_TRY(const Target target, read_url(url));
  if (is_denied_name(config_, target.host))
    return denied(fmt::format("host {} is on the deny list", target.host));
  if (is_address(target.host)) return check_address(target.host, target.port, target.host);
  if (is_on_allow_list(config_, target.host, target.port)) return {};
  if (is_local_name(target.host))
    return denied(fmt::format("host {} is a local name", target.host));
  if (!is_open_port(config_, target.port))
    return denied(fmt::format("port {} is not allowed", target.port));
  return {};
}

std::string host_of(std::string_view url) {
  Result<Target> target = read_url(url);
  return target ? std::move(target->host) : std::string();
}

bool EgressGuard::is_allowed_by_operator(std::string_view url) const {
  const Result<Target> target = read_url(url);
  return target && is_on_allow_list(config_, target->host, target->port);
}

Result<void> EgressGuard::check_address(std::string_view address, std::uint16_t port,
                                        std::string_view host) const {
  const std::string name = plain_host(host);
  if (is_denied_name(config_, name) || is_denied_name(config_, plain_host(address))) {
    return denied(fmt::format("host {} is on the deny list", name));
  }
  if (is_on_allow_list(config_, name, port)) return {};
  const std::optional<std::string_view> why = why_not_public(plain_host(address));
  if (why) return denied(fmt::format("{} has the address {}, which is {}", name, address, *why));
  if (!is_open_port(config_, port)) return denied(fmt::format("port {} is not allowed", port));
  return {};
}

}  // namespace skep::net
