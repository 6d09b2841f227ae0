// Who may talk to the agent: first the domain, then the address.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skep::identity {

struct AllowListConfig {
  std::vector<std::string> domains;    // [agent] allowed_domains; "*" = all; empty = own_domains
  std::vector<std::string> addresses;  // [agent] allowed_jids: bare JIDs, "@example.org" for a
                                       // whole domain, "*"; empty = nobody
  std::vector<std::string>
      own_domains;  // the agent's own domain; in component mode also its parent host
  std::vector<std::string> admins;  // [agent] admin_jids: always allowed
};

enum class Verdict { kAllowed, kForeignDomain, kNotListed };

// Addresses given to check() are normalised bare JIDs; entries of the configuration are normalised
// by the caller likewise. Immutable.
class AllowList {
 public:
  explicit AllowList(AllowListConfig config);
  [[nodiscard]] Verdict check(std::string_view address) const;
  [[nodiscard]] bool is_admin(std::string_view address) const;
  // "domains example.org, agent.example.org; 3 addresses": for the start-up log.
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] const AllowListConfig& config() const { return config_; }

 private:
  AllowListConfig config_;
};

}  // namespace skep::identity
