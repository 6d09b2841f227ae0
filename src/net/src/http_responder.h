// Writes one answer to one connection.
#pragma once

#include "http_connection.h"

namespace skep::net {

struct ResponderMode {
  bool http_1_0 = false;
  bool keep_alive = true;
};

class ConnectionResponder final : public Responder {
 public:
  ConnectionResponder(HttpConnection& connection, ResponderMode mode, bool head_only)
      : connection_(connection), mode_(mode), head_only_(head_only) {}

  Task<Result<void>> send(int status, Headers headers, std::string body) override;
  Task<Result<void>> start_stream(int status, Headers headers) override;
  Task<Result<void>> write_piece(std::string bytes) override;
  [[nodiscard]] bool started() const override { return state_ != State::kNothing; }

  // After the handler: ends the stream, or answers 500 where the handler said nothing.
  Task<void> finish();
  [[nodiscard]] bool keep_alive() const { return mode_.keep_alive; }

 private:
  enum class State { kNothing, kStreaming, kDone };
  HttpConnection& connection_;
  ResponderMode mode_;
  bool head_only_;
  bool chunked_ = false;
  bool body_allowed_ = true;
  State state_ = State::kNothing;
};

}  // namespace skep::net
