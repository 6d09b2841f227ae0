// Lines from a person: editing and history on a terminal, plain lines from a pipe.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace skep::cli {

class LineEditor {
 public:
  // Keeps the last 1,000 lines in `history_file` (0600).
  explicit LineEditor(std::string history_file);
  ~LineEditor();
  // nullopt at the end of input.
  std::optional<std::string> read(const std::string& prompt);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::cli
