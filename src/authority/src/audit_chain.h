// Where in the chain of the audit log a reader or writer stands.
#pragma once

#include <optional>
#include <string>

#include "audit_head.h"
#include "audit_lines.h"
#include "skep/authority/audit.h"

namespace skep::authority {

struct AuditChain {
  std::uint64_t seq = 0;  // of the last line
  std::string hash;       // likewise; first_prev() before the first
  std::uint64_t offset = 0;

  // The next line, when it follows from here; kCorrupt with its number when it does not.
  Result<std::optional<AuditEntry>> next(AuditLines& lines);
};
// kCorrupt when the chain stands at the head's line and that is another one.
Result<void> check_head(const AuditHead& head, const AuditChain& chain);
std::unexpected<Error> lines_missing(const AuditHead& head, std::uint64_t lines);
std::unexpected<Error> wrong_line(std::uint64_t number, std::string_view why);

}  // namespace skep::authority
