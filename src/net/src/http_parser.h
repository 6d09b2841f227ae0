// HTTP/1 requests out of bytes. Beast's parser does the grammar and the framing; it stays behind
// this header.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "skep/net/http_server.h"

namespace skep::net {

// An answer that refuses a request.
struct HttpRefusal {
  int status = 400;
  std::string message;
};

// One request; make another for the next. After a refusal close the connection: where the next
// request begins is unknown.
class RequestParser {
 public:
  explicit RequestParser(const HttpServerLimits& limits);
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  ~RequestParser();

  // How many of `bytes` were eaten. The rest must be offered again with more behind it, or belongs
  // to the next request once done(). 431 and 413 on the limits, 400 on what is no HTTP or is
  // ambiguous about where it ends.
  std::expected<std::size_t, HttpRefusal> feed(std::string_view bytes);
  [[nodiscard]] bool head_done() const;
  [[nodiscard]] bool done() const;
  [[nodiscard]] bool keep_alive() const;        // after head_done
  [[nodiscard]] bool expects_continue() const;  // after head_done
  [[nodiscard]] bool is_http_1_0() const;       // after head_done
  ServerRequest take();                         // after done

 private:
  std::expected<void, HttpRefusal> finish_head();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The path of a request target with %xx decoded; nullopt on a bad escape, NUL or bytes that are no
// UTF-8.
std::optional<std::string> decode_path(std::string_view path);

}  // namespace skep::net
