#include "skep/kernel/authority_side.h"

namespace skep::kernel {

AuthoritySideConfig AuthoritySideConfig::read(ConfigSection section) {
  return {.rules = authority::AuthorityConfig::read(section),
          .approvals = authority::ApprovalsConfig::read(section)};
}

Result<std::unique_ptr<AuthoritySide>> AuthoritySide::open(AuthoritySideConfig config,
                                                           const std::string& home,
                                                           store::Journal& journal,
                                                           const Clock& clock) {
  std::unique_ptr<AuthoritySide> side(new AuthoritySide());
  SKEP_TRY(side->audit_, authority::AuditLog::open(home, clock));
  SKEP_TRY(side->authority_, authority::Authority::open(std::move(config.rules), *side->audit_,
                                                        [raw = side.get()](std::string_view agent) {
                                                          return raw->grants(agent);
                                                        }));
  SKEP_TRY(side->approvals_,
           authority::Approvals::open(config.approvals, journal, *side->audit_, clock));
  return side;
}

void AuthoritySide::set_grants(std::string agent, authority::Grants grants) {
  grants_.insert_or_assign(std::move(agent), std::move(grants));
}

void AuthoritySide::drop_grants(std::string_view agent) {
  if (auto at = grants_.find(agent); at != grants_.end()) grants_.erase(at);
}

const authority::Grants* AuthoritySide::grants(std::string_view agent) const {
  const auto at = grants_.find(agent);
  return at == grants_.end() ? nullptr : &at->second;
}

}  // namespace skep::kernel
