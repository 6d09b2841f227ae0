// A conversation with the agent from a program's main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "skep/base/json.h"
#include "skep/kernel/kernel.h"

namespace skep::cli {

// Talks to the running daemon of the home; starts one inside this process, without networks, when
// none runs. Its loop has a thread of its own, so that the main thread may wait for the user. Main
// thread only.
class ChatSession {
 public:
  using OnEvent = std::function<void(std::string_view name, const json::value& data)>;

  static Result<std::unique_ptr<ChatSession>> open(kernel::KernelConfig config);
  ~ChatSession();  // ends the inner daemon

  // What to say to a question of the agent's; empty: nothing, somebody else answers it.
  using OnQuestion = std::function<std::string(const std::string& question)>;

  // Blocks until the reply has come. `on_event` runs on the loop's thread, never after the return;
  // `on_question` on the caller's. Ctrl-C meanwhile sends /cancel.
  Result<void> chat(
      json::value body, OnEvent on_event,
      OnQuestion on_question = [](const std::string&) { return std::string(); });
  // "Talking to Skep (demo …) on 127.0.0.1:4545": which model answers and where.
  [[nodiscard]] const std::string& greeting() const;

 private:
  struct Impl;
  struct Exchange;
  explicit ChatSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::cli
