// XMPP addresses (RFC 7622): localpart@domain/resource.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "skep/base/result.h"

namespace skep::xmpp {

// Always normalised: localpart case-mapped and NFC with forbidden characters refused (PRECIS
// UsernameCaseMapped), domain lower case in its Unicode form (IDNA2008) without a final dot,
// resource NFC (OpaqueString, but characters newer than our tables pass). The Unicode bidi rules
// are not checked. Each part at most 1023 bytes.
class Jid {
 public:
  Jid() = default;  // empty: no address
  // kInvalid with the reason: empty domain, empty localpart or resource beside their separator, bad
  // characters, too long.
  static Result<Jid> parse(std::string_view text);

  [[nodiscard]] const std::string& local() const { return local_; }
  [[nodiscard]] const std::string& domain() const { return domain_; }
  [[nodiscard]] const std::string& resource() const { return resource_; }
  [[nodiscard]] bool empty() const { return domain_.empty(); }
  [[nodiscard]] bool is_bare() const { return resource_.empty(); }
  [[nodiscard]] Jid bare() const;
  [[nodiscard]] Jid with_resource(
      std::string_view resource) const;  // must be valid; our own choice
  [[nodiscard]] std::string str() const;
  [[nodiscard]] std::string ascii_domain()
      const;  // for DNS, SNI and certificates: "xn--mller-kva.example"
  auto operator<=>(const Jid&) const = default;

 private:
  std::string local_;
  std::string domain_;
  std::string resource_;
};

}  // namespace skep::xmpp
