// The audit log line by line.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/result.h"

namespace skep::authority {

// The files of a log in their order: those put aside, then audit.jsonl, which may be missing.
Result<std::vector<std::string>> audit_files(const std::string& log);
// Where a file goes whose first line is `seq`.
std::string aside_path(const std::string& log, std::uint64_t seq);
// The seq of a file's first line; 0: it has none.
Result<std::uint64_t> first_seq(const std::string& path);

// Reads whole lines from a place on, through all the files; what stands behind the last newline is
// left alone. Files that are put aside meanwhile are read all the same.
class AuditLines {
 public:
  struct Line {
    std::string text;
    std::uint64_t offset = 0;
  };
  // `offset`: in the first of them.
  static Result<AuditLines> open(const std::vector<std::string>& paths, std::uint64_t offset);
  // Of the whole log.
  static Result<AuditLines> open_all(const std::string& log);
  // nullopt at the end; kCorrupt for a line over audit_line_bytes_max.
  Result<std::optional<Line>> next();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Close>;
  AuditLines(std::vector<File> files, std::uint64_t offset)
      : files_(std::move(files)), offset_(offset) {}
  std::vector<File> files_;
  std::size_t at_ = 0;  // of the one that is read
  std::uint64_t offset_;
};

}  // namespace skep::authority
