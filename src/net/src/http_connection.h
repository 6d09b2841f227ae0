// One client's connection to the HTTP server.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http_parser.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/net/http_server.h"

namespace skep::net {

// What a connection may know of its server.
struct ConnectionDeps {
  Gate& gate;
  const HttpHandler& handler;
  const HttpServerLimits& limits;
  const bool& closing;  // the server takes no more requests
};

// Two coroutines share it, both in the server's Gate: serve() takes one request after the other,
// pump() reads all the time, so that a client that goes away is noticed while its handler runs.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(ConnectionDeps deps, std::unique_ptr<Stream> stream);

  static Task<void> serve(std::shared_ptr<HttpConnection> self);
  // Nothing of a request has come yet, so nobody loses by closing.
  [[nodiscard]] bool idle() const { return !busy_; }
  void close() { stream_->close(); }

  // All of `bytes`, each piece of it within the write timeout. After a failure the connection is
  // broken.
  Task<Result<void>> write(std::string_view bytes);

 private:
  static Task<void> pump(std::shared_ptr<HttpConnection> self);
  Task<void> serve_requests();
  // False: the connection ends without an answer.
  Task<bool> await_request(bool first);
  // nullopt when the request is complete; a refusal of status 0 when the client left.
  Task<std::optional<HttpRefusal>> read_request(RequestParser& parser);
  Task<std::optional<HttpRefusal>> more(const Ctx& ctx);
  Task<bool> answer(RequestParser& parser);
  Task<void> refuse(const HttpRefusal& refusal);
  Task<void> linger();
  void consume(std::size_t bytes);

  ConnectionDeps deps_;
  std::unique_ptr<Stream> stream_;
  std::string in_;  // read, not yet eaten
  std::size_t in_max_;
  Signal arrived_;       // bytes or the end
  Signal room_;          // in_ got shorter
  bool ended_ = false;   // the client sends no more
  bool broken_ = false;  // we cannot send any more
  bool busy_ = false;
  bool over_ = false;              // serve() has ended
  JoinedStop* current_ = nullptr;  // stops the request being handled
};

}  // namespace skep::net
