// An HTTP server played by the test.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "support.h"

namespace skep::net::testing {

// A server that says exactly what the test wants, byte for byte: one script a connection.
using Script = std::function<Task<void>(Stream&)>;

class RawServer {
 public:
  RawServer(Loop& loop, Script script) : gate_(loop), loop_(loop), script_(std::move(script)) {
    auto opened = loop.run(listen_tcp("127.0.0.1", 0));
    acceptor_ = *std::move(opened);
    gate_.spawn("accept", accept_loop());
  }
  ~RawServer() { loop_.run(gate_.close()); }
  [[nodiscard]] std::uint16_t port() const { return acceptor_->port(); }
  [[nodiscard]] std::string url(std::string_view path = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", port(), path);
  }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int finished() const { return finished_; }
  Task<void> await_finished(int count) {
    while (finished_ < count) {
      if (!co_await changed_.wait(patient())) co_return;
    }
  }

 private:
  Task<void> accept_loop() {
    for (;;) {
      const Ctx ctx = gate_.ctx();
      auto stream = co_await acceptor_->accept(ctx);
      if (!stream) co_return;
      ++connections_;
      gate_.spawn("serve", serve(*std::move(stream)));
    }
  }
  Task<void> serve(std::unique_ptr<Stream> stream) {
    co_await script_(*stream);
    ++finished_;
    changed_.notify_all();
  }

  Gate gate_;
  Loop& loop_;
  Script script_;
  std::unique_ptr<Acceptor> acceptor_;
  Signal changed_;
  int connections_ = 0;
  int finished_ = 0;
};

inline Task<void> say(Stream* stream, std::string text, bool keep_open) {
  co_await read_until(*stream, "\r\n\r\n");
  std::ignore = co_await stream->write(patient(), as_bytes(text));
  if (keep_open) co_await read_to_end(*stream);
}
// Answers the first request and closes.
inline Script answers(std::string text) {
  return [text](Stream& stream) { return say(&stream, text, false); };
}
// Answers the first request and waits until the client closes.
inline Script answers_and_stays(std::string text) {
  return [text](Stream& stream) { return say(&stream, text, true); };
}

}  // namespace skep::net::testing
