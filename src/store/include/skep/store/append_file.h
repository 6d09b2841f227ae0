// A text file of lines that only grows: transcripts, logs. A line is whole or not there.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"

namespace skep::store {

enum class Sync {
  kProcess,
  kDisk
};  // survives kill -9 | survives power loss (fdatasync each append)

// Not thread-safe. Each append is one write(2) of a whole line. Opening repairs: a last line
// without its newline is cut off (and its bytes saved beside the file as `<name>.torn`).
class AppendFile {
 public:
  // Creates missing directories (0700) and the file (0600). kExhausted on a full disk, kDenied on
  // permissions.
  static Result<AppendFile> open(std::string path, Sync sync = Sync::kProcess);
  AppendFile(AppendFile&&) noexcept;
  AppendFile& operator=(AppendFile&&) noexcept;
  ~AppendFile();

  // `line` without newline characters. On failure (full disk) the file is as it was before.
  Result<void> append(std::string_view line);
  // All lines at once in one write, all or nothing.
  Result<void> append_lines(const std::vector<std::string>& lines);
  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] bool repaired() const;  // open() cut a torn line

 private:
  struct Impl;
  explicit AppendFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whole content; kNotFound, kTooLarge over `bytes_max`.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max = 64u << 20);
// Writes beside and renames: readers see the old or the new content, never a mix. 0600, directories
// 0700.
Result<void> write_file(const std::string& path, std::string_view content,
                        Sync sync = Sync::kProcess);
// mkdir -p with mode 0700.
Result<void> make_directories(const std::string& path);

}  // namespace skep::store
