// The head of the audit log: which line must be there, signed with a key that lies elsewhere.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "skep/base/result.h"
#include "skep/base/secret.h"

namespace skep::authority {

struct AuditPaths {
  explicit AuditPaths(const std::string& home)
      : log(home + "/audit/audit.jsonl"),
        head(home + "/audit/head"),
        key(home + "/credentials/audit.key") {}
  std::string log, head, key;
};

struct AuditHead {
  std::uint64_t seq = 0;     // 0: the log is empty
  std::uint64_t offset = 0;  // where its line begins
  std::string hash;
  bool operator==(const AuditHead&) const = default;
};
std::string head_text(const AuditHead& head, const Secret& key);
// kCorrupt when it was not written with this key.
Result<AuditHead> parse_head(std::string_view text, const Secret& key);

// kNotFound when there is none, kCorrupt when it is no key.
Result<Secret> read_key(const AuditPaths& paths);
Result<Secret> make_key(const AuditPaths& paths);  // 0600
Result<void> sync_file(const std::string& path);   // its bytes are on the disk
// The log's head, checked. nullopt: there is neither a log nor a head. kCorrupt when one of them or
// the key is missing beside the other.
Result<std::optional<AuditHead>> read_head(const AuditPaths& paths);

// Writes the head behind the log: at once, then at most once a second, and at the end. The disk has
// the line before the head names it, so that a power cut does not look like lines taken away.
class HeadKeeper {
 public:
  HeadKeeper(AuditPaths paths, Secret key) : paths_(std::move(paths)), key_(std::move(key)) {}
  ~HeadKeeper();
  HeadKeeper(const HeadKeeper&) = delete;
  HeadKeeper& operator=(const HeadKeeper&) = delete;
  void set(AuditHead head);  // never waits for the disk

 private:
  void run(const std::stop_token& stop);
  void write(const AuditHead& head);

  const AuditPaths paths_;
  const Secret key_;
  std::mutex mutex_;  // of newest_ and thread_'s wake-up
  std::condition_variable_any changed_;
  std::optional<AuditHead> newest_;  // not written yet
  bool idle_ = true;                 // the thread waits for a head, not for its pause to end
  bool failing_ = false;             // the thread's own
  std::jthread thread_;              // begins with the first head
};

}  // namespace skep::authority
