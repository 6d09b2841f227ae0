// What every answer says to a browser that it ends up in.
#pragma once

#include "skep/net/http_server.h"

namespace skep::api {

// Adds headers: nothing here is a page, to be framed, guessed at or kept.
class SafeResponder final : public net::Responder {
 public:
  explicit SafeResponder(net::Responder& under) : under_(under) {}
  Task<Result<void>> send(int status, net::Headers headers, std::string body) override {
    co_return co_await under_.send(status, with_ours(std::move(headers)), std::move(body));
  }
  Task<Result<void>> start_stream(int status, net::Headers headers) override {
    co_return co_await under_.start_stream(status, with_ours(std::move(headers)));
  }
  Task<Result<void>> write_piece(std::string bytes) override {
    co_return co_await under_.write_piece(std::move(bytes));
  }
  [[nodiscard]] bool started() const override { return under_.started(); }

 private:
  static net::Headers with_ours(net::Headers headers) {
    for (const auto& [name, value] :
         {std::pair{"X-Content-Type-Options", "nosniff"}, std::pair{"X-Frame-Options", "DENY"},
          std::pair{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
          std::pair{"Referrer-Policy", "no-referrer"}, std::pair{"Cache-Control", "no-store"}}) {
      if (net::find_header(headers, name).empty()) headers.push_back({name, value});
    }
    return headers;
  }

  net::Responder& under_;
};

}  // namespace skep::api
