// Real sockets for tests: a hive directory of its own, and a node that speaks frames by hand.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/json.h"
#include "skep/fabric/node_server.h"

namespace skep::fabric {

// Removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs the loop until `done` says yes; false when that takes more than a generous while.
bool run_until(Loop& loop, const std::function<bool()>& done,
               std::chrono::seconds limit = std::chrono::seconds(20));

// A node written by hand: a non-blocking Unix socket, frames in and out as they are.
class RawNode {
 public:
  explicit RawNode(const std::string& path);
  ~RawNode();
  RawNode(RawNode&& other) noexcept;
  RawNode& operator=(RawNode&&) = delete;

  void send_bytes(std::string_view bytes);  // all of them, waiting in the kernel if need be
  void send(std::string_view frame_json);   // with its length in front
  void read();                              // what is there now, into `frames`
  // The first frame of that meta.msg that came and was not asked for yet.
  std::optional<json::value> word(Loop& loop, std::string_view msg);
  std::optional<json::value> next(Loop& loop);
  bool ends(Loop& loop);  // the router closes
  void close();
  [[nodiscard]] int fd() const { return fd_; }

  // HELLO, and the ANNOUNCE or HELLO_REJECT that comes.
  json::value hello(Loop& loop, std::string_view name, std::string_view token = {});
  void say_hello(std::string_view name, std::string_view token = {});
  std::string message_to(std::string_view dst, std::string_view content, std::string_view id = {},
                         int ttl = 16) const;

  std::string id = Uuid::random().str();
  std::vector<json::value> frames;
  std::vector<std::string> texts;  // the same as bytes
  bool closed = false;

 private:
  int fd_;
  std::string in_;
};

std::string reason_of(const json::value& frame);  // payload.reason
std::string msg_of(const json::value& frame);     // meta.msg
std::string with_length(std::string_view json);

}  // namespace skep::fabric
