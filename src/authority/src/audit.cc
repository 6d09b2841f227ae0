#include "skep/authority/audit.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>

#include "audit_chain.h"
#include "audit_line.h"
#include "skep/base/log.h"
#include "skep/store/append_file.h"

namespace skep::authority {
namespace {

class AuditLogImpl final : public AuditLog {
 public:
  struct Files {
    store::AppendFile file;
    std::uint64_t first = 0;  // seq of its first line; 0: it has none
    std::uint64_t bytes_max;
  };
  AuditLogImpl(Files files, AuditChain at, const Clock& clock, AuditPaths paths, Secret key)
      : files_(std::move(files)),
        at_(std::move(at)),
        clock_(clock),
        head_(std::move(paths), std::move(key)) {}

  Result<void> append(AuditEntry entry) override {
    tidy(entry);
    entry.seq = at_.seq + 1;
    entry.time = clock_.now();
    entry.prev = at_.hash;
    entry.hash = chain_hash(entry);
    if (files_.first > 0 && files_.file.size() >= files_.bytes_max) put_aside();
    const std::uint64_t offset = files_.file.size();
    SKEP_TRY_VOID(files_.file.append(audit_line(entry)));
    if (files_.first == 0) files_.first = entry.seq;
    at_ = {.seq = entry.seq, .hash = entry.hash, .offset = offset};
    head_.set({.seq = at_.seq, .offset = at_.offset, .hash = at_.hash});
    return {};
  }
  [[nodiscard]] std::uint64_t size() const override { return at_.seq; }

 private:
  // A log that cannot be put aside grows on: nothing may depend on it. The head is not told before
  // the next line, and its own line is on the disk by then.
  void put_aside() {
    const std::string log = files_.file.path(), aside = aside_path(log, files_.first);
    Result<void> moved = sync_file(log);
    if (moved && ::rename(log.c_str(), aside.c_str()) != 0)
      moved = fail(errno_error("renaming " + log, errno));
    if (moved) {
      auto file = store::AppendFile::open(log);
      if (file) {
        files_.file = *std::move(file);
        files_.first = 0;
        return;
      }
      moved = fail(std::move(file).error());
      (void)::rename(aside.c_str(), log.c_str());
    }
    log::error("audit", "the full log is not put aside: {}", moved.error().to_string());
    files_.bytes_max *= 2;
  }

  Files files_;
  AuditChain at_;
  const Clock& clock_;
  HeadKeeper head_;
};

// The file that the head's line is in, and those behind it.
Result<std::vector<std::string>> files_from(const AuditPaths& paths, const AuditHead& head) {
  SKEP_TRY(std::vector<std::string> files, audit_files(paths.log));
  std::size_t from = 0;
  for (std::size_t at = 0; at < files.size(); ++at) {
    auto first = first_seq(files[at]);
    if (!first) continue;  // a line that is none is found, and named, by who walks over it
    if (*first > 0 && *first <= head.seq) from = at;
  }
  files.erase(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(from));
  return files;
}

// From the head's line to the end: what is behind it was written in the last second of a process.
Result<AuditChain> walk_to_end(const AuditPaths& paths, const AuditHead& head) {
  SKEP_TRY(std::vector<std::string> files, files_from(paths, head));
  SKEP_TRY(AuditLines lines, AuditLines::open(files, head.offset));
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

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::string& home, const Clock& clock,
                                                 std::uint64_t file_bytes_max) {
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
  SKEP_TRY(const std::uint64_t first, first_seq(paths.log));
  return std::make_unique<AuditLogImpl>(
      AuditLogImpl::Files{.file = std::move(file), .first = first, .bytes_max = file_bytes_max},
      *std::move(chain), clock, paths, std::move(key));
}

}  // namespace skep::authority
