// What the tests of this room share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "skep/async/gate.h"
#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/id.h"
#include "skep/base/text.h"
#include "skep/net/stream.h"

// gtest's ASSERT_ returns, which a coroutine must not.
#define CO_ASSERT_OK(result)                       \
  if (!(result)) {                                 \
    ADD_FAILURE() << (result).error().to_string(); \
    co_return;                                     \
  }

namespace skep::net::testing {

// Long enough for a busy machine; a test that waits for it has failed.
inline Ctx patient() { return Ctx{}.within(std::chrono::seconds(30)); }
// For operations that are meant to run out of time.
inline Ctx brief() { return Ctx{}.within(std::chrono::milliseconds(20)); }

inline Task<std::string> read_up_to(Stream& stream, std::size_t bytes) {
  std::string text;
  std::vector<std::byte> buffer(64u << 10);
  while (text.size() < bytes) {
    const auto piece = std::span(buffer).first(std::min(buffer.size(), bytes - text.size()));
    const auto got = co_await stream.read_some(patient(), piece);
    if (!got || *got == 0) break;
    text.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
  co_return text;
}

inline Task<std::string> read_to_end(Stream& stream) {
  return read_up_to(stream, std::string::npos);
}

// Until `mark` has been read; the text so far.
inline Task<std::string> read_until(Stream& stream, std::string mark) {
  std::string text;
  while (!text.contains(mark)) {
    const std::string piece = co_await read_up_to(stream, 1);
    if (piece.empty()) break;
    text += piece;
  }
  co_return text;
}

class TempDir {
 public:
  TempDir()
      : path_(std::filesystem::temp_directory_path() /
              ("skep-net-" + hex_encode(random_bytes(8)))) {
    std::filesystem::create_directory(path_);
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string write(std::string_view name, std::string_view text) const {
    std::ofstream(path_ / name) << text;
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace skep::net::testing
