// What was decided and done, in a file that tells when somebody has changed it.
//
//   <home>/audit/audit.jsonl      one line an entry: seq, time, principal, agent, action, resource,
//                                 outcome, detail, trace, prev, hash
//   <home>/audit/audit-N.jsonl    the older lines, from seq N on (20 digits): when the file is full
//   it
//                                 gets this name, and the chain goes on in a new one
//   <home>/audit/head             seq, hash and place of a late line, HMAC-SHA256 over them
//   <home>/credentials/audit.key  the head's key
//
// hash = SHA-256 over prev and each field with its length in front, so that no byte can move
// between fields. The head tells that lines are missing at the end. docs/authority.md has the
// layout.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/result.h"

namespace skep::authority {

struct AuditEntry {
  std::uint64_t seq = 0;         // given by append()
  WallTime time{};               // likewise
  std::string principal, agent;  // these and resource: cut to 256 bytes
  std::string action;  // an Action's name, or "agent_spawned", "approval", "budget", "login", …
  std::string resource;
  std::string outcome;  // "allow", "deny", "ask", "done", "failed"
  std::string detail;   // cut to 200 bytes; never a secret
  std::string trace;
  std::string prev, hash;  // 64 hex digits each; the first prev is 64 zeros
};

// Loop thread only. One write(2) an entry; the head file follows within a second, from a thread of
// its own that first waits for the disk, and at close. A log that is longer than its head says is
// no fault.
class AuditLog {
 public:
  // Checks the log from the line that the head names. A torn last line is cut. kCorrupt when that
  // line is not there or differs, or one behind it does not follow from the one before, or head or
  // key are missing beside a log.
  // `file_bytes_max`: a longer file is put aside under its first seq.
  static constexpr std::uint64_t file_bytes_usual = 64u << 20;
  static Result<std::unique_ptr<AuditLog>> open(const std::string& home, const Clock& clock,
                                                std::uint64_t file_bytes_max = file_bytes_usual);
  virtual ~AuditLog() = default;
  // Bytes that are no UTF-8 are replaced and what looks like a key in `detail` is masked. An error
  // leaves the log as it was.
  virtual Result<void> append(AuditEntry entry) = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;  // the newest seq
};

// `skep audit verify`: reads the whole log, all its files; needs no running daemon. Value: entries
// checked.
// kCorrupt names the first line that is wrong and why; kNotFound: there is no log.
Result<std::uint64_t> verify_audit(const std::string& home);
// Newest last, at most `entries_max`; those that `wanted` takes.
Result<std::vector<AuditEntry>> read_audit(const std::string& home, std::size_t entries_max,
                                           const std::function<bool(const AuditEntry&)>& wanted);

}  // namespace skep::authority
