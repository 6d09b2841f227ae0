#include "skep/authority/audit.h"

#include <fmt/format.h>

#include "audit_chain.h"
#include "audit_line.h"
#include "skep/base/log.h"
#include "skep/store/append_file.h"

namespace skep::authority {
namespace {

class AuditLogImpl final : public AuditLog {
 public:
  AuditLogImpl(store::AppendFile file, AuditChain at, const Clock& clock, AuditPaths paths,
               Secret key)
      : file_(std::move(file)),
        at_(std::move(at)),
        clock_(clock),
        head_(std::move(paths), std::move(key)) {}

  Result<void> append(AuditEntry entry) override {
    tidy(entry);
    entry.seq = at_.seq + 1;
    entry.time = clock_.now();
    entry.prev = at_.hash;
    entry.hash = chain_hash(entry);
    const std::uint64_t offset = file_.size();
    SKEP_TRY_VOID(file_.append(audit_line(entry)));
    at_ = {.seq = entry.seq, .hash = entry.hash, .offset = offset};
    head_.set({.seq = at_.seq, .offset = at_.offset, .hash = at_.hash});
    return {};
  }
  [[nodiscard]] std::uint64_t size() const override { return at_.seq; }

 private:
  store::AppendFile file_;
  AuditChain at_;
  const Clock& clock_;
  HeadKeeper head_;
};

// From the head's line to the end: what is behind it was written in the last second of a process.
Result<AuditChain> walk_to_end(const AuditPaths& paths, const AuditHead& head) {
  SKEP_TRY(AuditLines lines, AuditLines::open(paths.log, head.offset));
  AuditChain chain{.seq = 0, .hash = first_prev(), .offset = 0};
  if (head.seq > 0) {
    auto line = lines.next();
    if (!line) return wrong_line(head.seq, line.error().message);
    if (!*line) {
      return fail(Code::kCorrupt,
                  fmt::format("the audit log is shorter than its head says: line {} and what "
                              "stood around it were taken away",
                              head.seq));
    }
    auto entry = parse_audit_line((*line)->text);
    if (!entry) return wrong_line(head.seq, entry.error().message);
    if (entry->seq != head.seq || entry->hash != head.hash)
      return wrong_line(head.seq, "it is not the one that the head names");
    chain = {.seq = entry->seq, .hash = entry->hash, .offset = head.offset};
  }
  while (true) {
    SKEP_TRY(const std::optional<AuditEntry> entry, chain.next(lines));
    if (!entry) return chain;
  }
}

// The head is there before the first line, so that lines without one are a fault.
Result<void> begin_log(const AuditPaths& paths) {
  auto key = read_key(paths);
  if (key) {
    log::warn("audit", "a new audit log begins, though {} says that there was one before",
              paths.key);
  } else if (key.error().code == Code::kNotFound) {
    key = make_key(paths);
  }
  if (!key) return fail(std::move(key).error());
  const AuditHead empty{.seq = 0, .offset = 0, .hash = first_prev()};
  return store::write_file(paths.head, head_text(empty, *key), store::Sync::kDisk);
}

Error advised(Error error, const std::string& home) {
  if (error.code != Code::kCorrupt) return error;
  error.message += fmt::format(
      ". Look with `skep audit verify`; keep {}/audit for whoever looks into it and move it away "
      "to begin a new log",
      home);
  return error;
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::string& home, const Clock& clock) {
  const AuditPaths paths(home);
  auto head = read_head(paths);
  if (!head) return fail(advised(std::move(head).error(), home));
  SKEP_TRY(store::AppendFile file, store::AppendFile::open(paths.log));
  if (!*head) {
    SKEP_TRY_VOID(begin_log(paths));
    *head = AuditHead{.seq = 0, .offset = 0, .hash = first_prev()};
  }
  if (file.repaired()) log::warn("audit", "a torn last line was cut off {}", paths.log);
  auto chain = walk_to_end(paths, **head);
  if (!chain) return fail(advised(std::move(chain).error(), home));
  SKEP_TRY(Secret key, read_key(paths));
  return std::make_unique<AuditLogImpl>(std::move(file), *std::move(chain), clock, paths,
                                        std::move(key));
}

}  // namespace skep::authority
