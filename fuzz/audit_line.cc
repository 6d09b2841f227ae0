// Lines of the audit log: what is accepted is what would be written.
#include "audit_line.h"

#include <cstdint>
#include <cstdlib>

using namespace skep::authority;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto entry = parse_audit_line(bytes); entry && audit_line(*entry) != bytes)
    std::abort();
  // Any text may come to be an entry.
  AuditEntry made{.seq = 1,
                  .principal = std::string(bytes),
                  .resource = std::string(bytes),
                  .detail = std::string(bytes),
                  .prev = first_prev()};
  tidy(made);
  made.hash = chain_hash(made);
  const auto again = parse_audit_line(audit_line(made));
  if (!again || again->hash != made.hash) std::abort();
  return 0;
}
