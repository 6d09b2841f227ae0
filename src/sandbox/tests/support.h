// A workspace to run in and an outside to reach for.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/sandbox/sandbox.h"

namespace skep::sandbox::testing {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

inline Ctx patient() {
  Ctx ctx;
  return ctx.within(50s);
}

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (fs::temp_directory_path() / "skep-sandbox-XXXXXX").string();
    path_ = fs::canonical(mkdtemp(pattern.data()));
  }
  ~TempFolder() { fs::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] std::string str() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return (path_ / name).string();
  }

 private:
  fs::path path_;
};

inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path) << text;
}
inline std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class SandboxTest : public ::testing::Test {
 protected:
  // A shell line in the workspace.
  [[nodiscard]] Command shell(std::string line) const {
    return {.argv = {"/bin/sh", "-c", std::move(line)},
            .directory = "/workspace",
            .writable = {{workspace_.str(), "/workspace"}}};
  }
  Outcome run(Command command, Limits limits = {}) {
    auto outcome = loop_.run(sandbox::run(patient(), std::move(command), limits));
    if (!outcome) {
      ADD_FAILURE() << outcome.error().to_string();
      return {};
    }
    return *std::move(outcome);
  }
  Error refused(Command command, Limits limits = {}) {
    auto outcome = loop_.run(sandbox::run(patient(), std::move(command), limits));
    if (outcome) {
      ADD_FAILURE() << "it ran: " << outcome->out.text() << outcome->err.text();
      return {};
    }
    return outcome.error();
  }
  Loop loop_;
  TempFolder workspace_;
};

}  // namespace skep::sandbox::testing
