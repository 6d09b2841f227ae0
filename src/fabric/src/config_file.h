// The file behind the configuration log: whole states, one a line, the last of each section holds.
#pragma once

#include <optional>

#include "config_state.h"
#include "skep/store/append_file.h"

namespace skep::fabric {

class ConfigFile {
 public:
  // What open() found.
  struct Found {
    std::array<std::optional<ConfigState>, kSections.size()> states;
    std::size_t damaged = 0;  // lines that are not what was written; kept beside as <name>.bad
  };
  // A torn last line is cut off.
  static Result<ConfigFile> open(std::string path, std::uint64_t bytes_max, Found& found);
  // On the disk when it returns. `all`: the latest state of each section, this one included, for
  // the day the file is rewritten with what holds (by renaming).
  Result<void> append(const ConfigState& state,
                      const std::array<std::optional<ConfigState>, kSections.size()>& all);
  [[nodiscard]] std::uint64_t size() const { return file_.size(); }

 private:
  ConfigFile(store::AppendFile file, std::uint64_t bytes_max)
      : file_(std::move(file)), bytes_max_(bytes_max) {}
  store::AppendFile file_;
  std::uint64_t bytes_max_;
};

}  // namespace skep::fabric
