// The patch format of apply_patch, as pure functions.
//
//   *** Begin Patch
//   *** Add File: docs/new.md
//   +first line
//   *** Update File: src/a.cc -> src/b.cc     (" -> name" only to rename)
//   @@ int main() {                           (a line above the change; may be empty)
//    a line that stays
//   -a line that goes
//   +a line that comes
//   *** Delete File: old.txt
//   *** End Patch
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"

namespace skep::tools {

inline constexpr std::size_t patch_bytes_max = 1u << 20;
inline constexpr std::size_t patch_files_max = 100;
inline constexpr std::size_t patch_hunks_max = 1000;

struct Hunk {
  std::string anchor;                  // a line that stands somewhere above; empty: none
  std::vector<std::string> old_lines;  // as they are, in a row
  std::vector<std::string> new_lines;  // in their place
  bool at_end = false;                 // "*** End of File" follows: the old lines are the last
  std::size_t line = 0;                // of the patch, from 1
};

struct FilePatch {
  enum Kind { kAdd, kUpdate, kDelete };
  Kind kind = kAdd;
  std::string path;
  std::string new_path;  // kUpdate: empty unless renamed
  std::string content;   // kAdd
  std::vector<Hunk> hunks;
};

// kInvalid naming the line of the patch; kTooLarge over a bound.
Result<std::vector<FilePatch>> parse_patch(std::string_view text);

// The new content. kConflict when a hunk's lines are not there, or are there more than once, with
// what was looked for and what to do.
Result<std::string> apply_hunks(std::string_view content, const FilePatch& patch);

}  // namespace skep::tools
