#include "skep/identity/allow_list.h"

#include <algorithm>

#include "skep/base/text.h"

namespace skep::identity {
namespace {

constexpr std::size_t kDomainsDescribed = 5;

bool lists(const std::vector<std::string>& list, std::string_view what) {
  return std::ranges::find(list, what) != list.end();
}

// "ann@example.org" -> "example.org"; an address without '@' is a domain itself (RFC 6120 allows
// one to write to us).
std::string_view domain_of(std::string_view address) {
  const auto at = address.find('@');
  return at == std::string_view::npos ? address : address.substr(at + 1);
}

std::string describe_domains(const AllowListConfig& config) {
  if (lists(config.domains, "*")) return "all domains";
  const auto& domains = config.domains.empty() ? config.own_domains : config.domains;
  if (domains.empty()) return "no domain";
  const std::size_t shown = std::min(domains.size(), kDomainsDescribed);
  std::string text = shown == 1 ? "domain " : "domains ";
  text += join(std::span(domains).first(shown), ", ");
  if (shown < domains.size()) text += fmt::format(" and {} more", domains.size() - shown);
  return text;
}

std::string describe_addresses(const AllowListConfig& config) {
  if (lists(config.addresses, "*")) return "everybody there";
  if (config.addresses.empty()) return "nobody";
  return fmt::format("{} {}", config.addresses.size(),
                     config.addresses.size() == 1 ? "address" : "addresses");
}

}  // namespace

AllowList::AllowList(AllowListConfig config) : config_(std::move(config)) {}

Verdict AllowList::check(std::string_view address) const {
  if (address.empty()) return Verdict::kForeignDomain;
  if (is_admin(address)) return Verdict::kAllowed;
  if (config_.people.any())
    return role_of(address) > Role::kNone ? Verdict::kAllowed : Verdict::kNotListed;
  const std::string_view domain = domain_of(address);
  const auto& domains = config_.domains.empty() ? config_.own_domains : config_.domains;
  if (!lists(config_.domains, "*") && !lists(domains, domain)) return Verdict::kForeignDomain;
  const bool listed = lists(config_.addresses, "*") || lists(config_.addresses, address) ||
                      lists(config_.addresses, fmt::format("@{}", domain));
  return listed ? Verdict::kAllowed : Verdict::kNotListed;
}

bool AllowList::is_admin(std::string_view address) const {
  return role_of(address) >= Role::kAdmin;
}

std::vector<std::string> AllowList::administrators() const {
  std::vector<std::string> all = config_.admins;
  for (const Person& person : config_.people.all()) {
    if (person.role < Role::kAdmin) continue;
    for (const std::string& address : person.addresses) {
      if (!is_of_terminal(address) && !lists(all, address)) all.push_back(address);
    }
  }
  return all;
}

Role AllowList::role_of(std::string_view address) const {
  if (!address.empty() && lists(config_.admins, address)) return Role::kOwner;
  // A server on the network may be called "cli"; its people are not those of the terminal.
  return is_of_terminal(address) ? Role::kNone : config_.people.role_of(address);
}

std::string AllowList::describe() const {
  std::string text = describe_domains(config_) + "; " + describe_addresses(config_);
  if (config_.people.any())
    text = fmt::format("{} of [[users]] and nobody else", config_.people.all().size());
  if (!config_.admins.empty()) {
    text += fmt::format("; {} {}", config_.admins.size(),
                        config_.admins.size() == 1 ? "admin" : "admins");
  }
  return text;
}

}  // namespace skep::identity
