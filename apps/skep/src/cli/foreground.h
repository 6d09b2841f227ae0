// What runs in the foreground until it is asked to stop.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/result.h"

namespace skep::cli {

// SIGTERM and Ctrl-C ask once; a second time ends the process at once, and the journal keeps what
// is unfinished. SIGHUP, which a closed terminal sends too, does not end it. Loop thread only.
class Foreground {
 public:
  explicit Foreground(Loop& loop);
  // Until somebody asked.
  Task<void> until_stopped();
  void request_stop();
  // What SIGHUP does; nothing unless said.
  void on_hang_up(std::function<void()> work) { hang_up_ = std::move(work); }
  // The same, because of something that trying again cannot mend.
  void fail_with(const Error& error);
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  void on_signal(int signal);
  Signal stop_;
  std::function<void()> hang_up_;
  bool stopping_ = false;
  std::optional<Error> failure_;
};

}  // namespace skep::cli
