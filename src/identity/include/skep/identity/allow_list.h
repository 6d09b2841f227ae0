// Who may talk to the agent: first the domain, then the address.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "skep/identity/people.h"

namespace skep::identity {

struct AllowListConfig {
  std::vector<std::string> domains;    // [agent] allowed_domains; "*" = all; empty = own_domains
  std::vector<std::string> addresses;  // [agent] allowed_jids: bare JIDs, "@example.org" for a
                                       // whole domain, "*"; empty = nobody
  std::vector<std::string>
      own_domains;  // the agent's own domain; in component mode also its parent host
  std::vector<std::string> admins;  // [agent] admin_jids: always allowed
  // [[users]]: where there are any, who is none of them and no administrator is a stranger,
  // whatever the lists above say.
  People people = {};
};

enum class Verdict { kAllowed, kForeignDomain, kNotListed };

// Addresses given to check() are normalised bare JIDs; entries of the configuration are normalised
// by the caller likewise. Immutable.
class AllowList {
 public:
  explicit AllowList(AllowListConfig config);
  [[nodiscard]] Verdict check(std::string_view address) const;
  // One of `admins`, or a user with the role admin or owner.
  [[nodiscard]] bool is_admin(std::string_view address) const;
  // Whom to tell what concerns administrators: `admins`, and users with the role admin or owner.
  [[nodiscard]] std::vector<std::string> administrators() const;
  // Where there are [[users]]; `admins` are owners.
  [[nodiscard]] Role role_of(std::string_view address) const;
  // "domains example.org, agent.example.org; 3 addresses": for the start-up log.
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] const AllowListConfig& config() const { return config_; }

 private:
  AllowListConfig config_;
};

}  // namespace skep::identity
