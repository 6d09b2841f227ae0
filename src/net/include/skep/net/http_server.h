// A small HTTP/1.1 server over Stream: keep-alive, limits, streaming answers (SSE).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "skep/async/ctx.h"
#include "skep/async/gate.h"
#include "skep/async/loop.h"
#include "skep/net/http_client.h"
#include "skep/net/stream.h"

namespace skep::net {

struct HttpServerLimits {
  std::size_t header_bytes_max = 32u << 10;          // more: 431
  std::size_t body_bytes_max = 8u << 20;             // more: 413
  std::size_t connections_max = 1024;                // more: 503 and closed at once
  std::chrono::milliseconds header_timeout{10'000};  // a request's head must be complete by then
  std::chrono::milliseconds body_timeout{60'000};
  std::chrono::milliseconds idle_timeout{75'000};   // kept open between requests
  std::chrono::milliseconds write_timeout{30'000};  // a client that does not read is dropped
};

struct ServerRequest {
  std::string method;
  std::string target;  // as sent
  std::string path;    // decoded, without query
  std::string query;   // raw, after '?'
  Headers headers;
  std::string body;
  std::string peer;
};

// Writes one answer. Either send() once, or start_stream() then any number of write_piece(), then
// nothing (the server ends the stream when the handler returns).
class Responder {
 public:
  virtual ~Responder() = default;
  virtual Task<Result<void>> send(int status, Headers headers, std::string body) = 0;
  Task<Result<void>> send_json(int status, std::string body);
  virtual Task<Result<void>> start_stream(int status, Headers headers) = 0;  // chunked
  // kUnavailable once the client has gone.
  virtual Task<Result<void>> write_piece(std::string bytes) = 0;
  // One server-sent event: "event: <name>\ndata: <line>…\n\n".
  Task<Result<void>> write_event(std::string_view event, std::string_view data);
  [[nodiscard]] virtual bool started() const = 0;
};

// One call a request. The Ctx stops when the client goes away (also when it only half closes) or
// the server closes; its trace is a new id. A handler that returns without answering gives 500.
using HttpHandler = std::function<Task<void>(Ctx, const ServerRequest&, Responder&)>;

// Loop thread only. close() must have ended before destruction.
class HttpServer {
 public:
  struct Deps {
    Loop& loop;
    HttpHandler handler;
    HttpServerLimits limits{};
  };
  // `listen` is "127.0.0.1:4545", "[::1]:0" or "unix:/path".
  static Task<Result<std::unique_ptr<HttpServer>>> open(std::string listen, Deps deps);
  virtual ~HttpServer() = default;
  [[nodiscard]] virtual std::string address() const = 0;  // "127.0.0.1:41234": the real port
  // Stops accepting, lets running requests end until the Ctx ends, then cuts them.
  virtual Task<void> close(Ctx ctx) = 0;
};

}  // namespace skep::net
