// A home of one test's own with an audit log in it.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "skep/authority/audit.h"
#include "skep/base/id.h"

namespace skep::authority {

class TestHome {
 public:
  TestHome() : path_(testing::TempDir() + "authority-" + mint_ulid()) {
    std::filesystem::create_directories(path_);
  }
  ~TestHome() { std::filesystem::remove_all(path_); }
  TestHome(const TestHome&) = delete;
  TestHome& operator=(const TestHome&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string log() const { return path_ + "/audit/audit.jsonl"; }
  [[nodiscard]] std::string head() const { return path_ + "/audit/head"; }
  [[nodiscard]] std::string key() const { return path_ + "/credentials/audit.key"; }
  [[nodiscard]] std::unique_ptr<AuditLog> open() const {
    auto log = AuditLog::open(path_, Clock::system());
    EXPECT_TRUE(log) << log.error().to_string();
    return log ? *std::move(log) : nullptr;
  }
  static std::string read(const std::string& path) {
    std::ostringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    return all.str();
  }
  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

 private:
  std::string path_;
};

// No file of this process may grow over `bytes` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uintmax_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

inline AuditEntry entry(std::string action, std::string resource, std::string outcome) {
  return {.principal = "ann@example.org",
          .agent = "AI.support",
          .action = std::move(action),
          .resource = std::move(resource),
          .outcome = std::move(outcome),
          .detail = "for a test",
          .trace = "01TRACE"};
}

}  // namespace skep::authority
