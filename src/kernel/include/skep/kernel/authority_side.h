// Who may do what in this process: the audit log, the one that decides, the questions to people.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "skep/authority/approvals.h"
#include "skep/authority/audit.h"
#include "skep/authority/authority.h"

namespace skep::kernel {

// [authority]
struct AuthoritySideConfig {
  authority::AuthorityConfig rules;
  authority::ApprovalsConfig approvals;
  std::uint64_t audit_file_bytes = authority::AuditLog::file_bytes_usual;
  static AuthoritySideConfig read(ConfigSection section);
};

// Loop thread only; outlives whoever asks. Agents that nobody set grants for may nothing.
class AuthoritySide {
 public:
  // kCorrupt when the audit log was tampered with: nothing starts on it.
  static Result<std::unique_ptr<AuthoritySide>> open(AuthoritySideConfig config,
                                                     const std::string& home,
                                                     store::Journal& journal, const Clock& clock);

  // `agent`: its node's name without the hive, "AI.support". From the next question on.
  void set_grants(std::string agent, authority::Grants grants);
  void drop_grants(std::string_view agent);
  [[nodiscard]] const authority::Grants* grants(std::string_view agent) const;  // nullptr: none

  authority::AuditLog& audit() { return *audit_; }
  authority::Authority& authority() { return *authority_; }
  authority::Approvals& approvals() { return *approvals_; }

 private:
  AuthoritySide() = default;
  std::map<std::string, authority::Grants, std::less<>> grants_;
  std::unique_ptr<authority::AuditLog> audit_;
  std::unique_ptr<authority::Authority> authority_;
  std::unique_ptr<authority::Approvals> approvals_;
};

}  // namespace skep::kernel
