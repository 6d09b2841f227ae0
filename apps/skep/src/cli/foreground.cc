#include "foreground.h"

#include <unistd.h>

#include <csignal>

namespace skep::cli {

Foreground::Foreground(Loop& loop) {
  loop.on_signals([this](int signal) { on_signal(signal); });
}

void Foreground::on_signal(int signal) {
  if (signal == SIGHUP) return hang_up_ ? hang_up_() : void();
  if (stopping_) _exit(130);
  request_stop();
}

void Foreground::request_stop() {
  stopping_ = true;
  stop_.notify_all();
}

void Foreground::fail_with(const Error& error) {
  failure_ = error;
  request_stop();
}

Task<void> Foreground::until_stopped() {
  const Ctx forever;
  while (!stopping_) (void)co_await stop_.wait(forever);
}

}  // namespace skep::cli
