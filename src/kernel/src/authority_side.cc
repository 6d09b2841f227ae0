#include "skep/kernel/authority_side.h"

namespace skep::kernel {

AuthoritySideConfig AuthoritySideConfig::read(ConfigSection section) {
  AuthoritySideConfig config{.rules = authority::AuthorityConfig::read(section),
                             .approvals = authority::ApprovalsConfig::read(section)};
  std::int64_t kilobytes = static_cast<std::int64_t>(config.audit_file_bytes >> 10);
  section.read("audit_file_kb", kilobytes, {.min = 1, .max = 64 << 20});
  config.audit_file_bytes = static_cast<std::uint64_t>(kilobytes) << 10;
  return config;
}

Result<std::unique_ptr<AuthoritySide>> AuthoritySide::open(AuthoritySideConfig config,
                                                           const std::string& home,
                                                           store::Journal& journal,
                                                           const Clock& clock) {
  std::unique_ptr<AuthoritySide> side(new AuthoritySide());
  SKEP_TRY(side->audit_, authority::AuditLog::open(home, clock, config.audit_file_bytes));
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
