// The audit log line by line.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "skep/base/result.h"

namespace skep::authority {

// Reads whole lines from a place on; what stands behind the last newline is left alone.
class AuditLines {
 public:
  struct Line {
    std::string text;
    std::uint64_t offset = 0;
  };
  static Result<AuditLines> open(const std::string& path, std::uint64_t offset);
  // nullopt at the end; kCorrupt for a line over audit_line_bytes_max.
  Result<std::optional<Line>> next();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  AuditLines(std::FILE* file, std::uint64_t offset) : file_(file), offset_(offset) {}
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t offset_;
};

}  // namespace skep::authority
