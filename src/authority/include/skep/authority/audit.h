// What was decided and done, in a file that tells when somebody has changed it.
//
//   <home>/audit/audit.jsonl   one line an entry: seq, time, principal, agent, action, resource,
//   outcome, detail, prev, hash <home>/audit/head          seq and hash of the newest line,
//   HMAC-SHA256 with <home>/credentials/audit.key
//
// hash = SHA-256 over prev and each field with its length in front, so that no byte can move
// between fields. The head tells that lines are missing at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "skep/base/clock.h"
#include "skep/base/result.h"

namespace skep::authority {

struct AuditEntry {
  std::uint64_t seq = 0;  // given by append()
  WallTime time{};        // likewise
  std::string principal, agent;
  std::string action;  // an Action's name, or "agent_spawned", "approval", "budget", "login", …
  std::string resource;
  std::string outcome;  // "allow", "deny", "ask", "done", "failed"
  std::string detail;   // cut to 200 bytes; never a secret
  std::string trace;
  std::string prev, hash;  // 64 hex digits each; the first prev is 64 zeros
};

// Loop thread only. One write(2) an entry; the head file follows within a second and at close, and
// a log that is longer than its head says is no fault.
class AuditLog {
 public:
  // Reads the last line and checks it against the head. A torn last line is cut. kCorrupt when the
  // head names a line that is not there or differs.
  static Result<std::unique_ptr<AuditLog>> open(const std::string& home, const Clock& clock);
  virtual ~AuditLog() = default;
  virtual Result<void> append(AuditEntry entry) = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;  // the newest seq
};

// `skep audit verify`: reads the whole log; needs no running daemon. Value: entries checked.
// kCorrupt names the first line that is wrong and why.
Result<std::uint64_t> verify_audit(const std::string& home);
// Newest last, at most `entries_max`; those that `wanted` takes.
Result<std::vector<AuditEntry>> read_audit(const std::string& home, std::size_t entries_max,
                                           const std::function<bool(const AuditEntry&)>& wanted);

}  // namespace skep::authority
