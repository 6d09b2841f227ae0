// A region in a place of its own, and values to put in it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "skep/fabric/region.h"

namespace skep::fabric {

class RegionPlace {
 public:
  RegionPlace() {
    std::string pattern = "/dev/shm/skep-test-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  ~RegionPlace() { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::string path() const { return directory_ + "/regions/nodes-RT.main"; }
  [[nodiscard]] std::string directory() const { return directory_; }

  [[nodiscard]] std::unique_ptr<RegionWriter> writer() const {
    auto writer = RegionWriter::open(path(), RegionKind::kNodes, "lab", "RT.main");
    EXPECT_TRUE(writer.has_value()) << writer.error().to_string();
    return writer ? std::move(*writer) : nullptr;
  }
  [[nodiscard]] Result<RegionContent> read() const {
    return read_region(path(), RegionKind::kNodes);
  }
  [[nodiscard]] Code read_error() const {
    auto read = this->read();
    EXPECT_FALSE(read.has_value());
    return read ? Code{} : read.error().code;
  }
  [[nodiscard]] std::string bytes() const {
    std::ostringstream all;
    all << std::ifstream(path(), std::ios::binary).rdbuf();
    return all.str();
  }
  void put(std::string_view bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path()).parent_path());
    std::filesystem::permissions(std::filesystem::path(path()).parent_path(),
                                 std::filesystem::perms::owner_all);
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  }

 private:
  std::string directory_;
};

// Content that shows any mix of two writes: a number, then bytes that all follow from it. The
// length differs from write to write, and now and then is large.
inline std::string numbered(std::uint64_t number, std::size_t length) {
  std::string content = std::to_string(number) + ":";
  content.resize(std::max(length, content.size()), static_cast<char>('a' + number % 26));
  return content;
}
inline bool is_numbered(std::string_view content) {
  const std::size_t colon = content.find(':');
  if (colon == std::string_view::npos) return false;
  const std::uint64_t number = std::stoull(std::string(content.substr(0, colon)));
  return content == numbered(number, content.size());
}

}  // namespace skep::fabric
