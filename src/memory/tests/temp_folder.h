// A folder of its own for a test, gone afterwards.
#pragma once

#include <filesystem>
#include <string>

namespace skep::memory {

struct TempFolder {
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "skep-memory-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

}  // namespace skep::memory
