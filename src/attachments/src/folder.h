// The files of one conversation on the disk. Blocks: callers use the Pool; any thread.
#pragma once

#include <optional>
#include <string>

#include "skep/base/result.h"

namespace skep::attachments {

// <directory>/<key>_<name>, where `key` says of which message, and which of its files, it is.
class Folder {
 public:
  Folder(std::string directory, std::uint64_t bytes_max)
      : directory_(std::move(directory)), bytes_max_(bytes_max) {}

  // The path of the file with that key; nullopt: there is none.
  [[nodiscard]] std::optional<std::string> find(const std::string& key) const;
  // Its path. kExhausted when the folder, or the disk, is full.
  [[nodiscard]] Result<std::string> keep(const std::string& key, const std::string& name,
                                         std::string_view bytes) const;

 private:
  [[nodiscard]] std::uint64_t size() const;
  std::string directory_;
  std::uint64_t bytes_max_;
};

}  // namespace skep::attachments
