// A home of its own for one test, removed with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace skep::kernel {

class TempHome {
 public:
  TempHome() {
    std::string pattern = std::filesystem::temp_directory_path() / "skep-home-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TempHome() { std::filesystem::remove_all(path_); }
  TempHome(const TempHome&) = delete;
  TempHome& operator=(const TempHome&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace skep::kernel
