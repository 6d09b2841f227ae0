// One line of the audit log. Pure.
#pragma once

#include <string>
#include <string_view>

#include "skep/authority/audit.h"

namespace skep::authority {

inline constexpr std::size_t audit_line_bytes_max = 16u << 10;

// 64 zeros: what the first line follows.
const std::string& first_prev();
// SHA-256 of `prev` and the fields, as hex.
std::string chain_hash(const AuditEntry& entry);
std::string audit_line(const AuditEntry& entry);
// kCorrupt when it is no line that audit_line() would write, or its hash is not that of its fields.
Result<AuditEntry> parse_audit_line(std::string_view line);
// Cuts, masks and repairs the texts of an entry to what a line may hold.
void tidy(AuditEntry& entry);

}  // namespace skep::authority
