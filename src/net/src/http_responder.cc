#include "http_responder.h"

#include "http_response.h"
#include "skep/base/text.h"

namespace skep::net {
namespace {

bool asks_to_close(const Headers& headers) {
  return equals_ignoring_ascii_case(find_header(headers, "Connection"), "close");
}

std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(line, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return line;
}

}  // namespace

Task<Result<void>> ConnectionResponder::send(int status, Headers headers, std::string body) {
  if (started()) co_return fail(Code::kInternal, "the request was answered already");
  if (asks_to_close(headers)) mode_.keep_alive = false;
  ResponseHead head{.status = status, .http_1_0 = mode_.http_1_0, .keep_alive = mode_.keep_alive};
  if (has_body(status)) head.content_length = body.size();
  SKEP_CO_TRY(std::string text, format_head(head, headers));
  state_ = State::kDone;
  if (has_body(status) && !head_only_) text += body;
  co_return co_await connection_.write(text);
}

Task<Result<void>> ConnectionResponder::start_stream(int status, Headers headers) {
  if (started()) co_return fail(Code::kInternal, "the request was answered already");
  body_allowed_ = has_body(status) && !head_only_;
  chunked_ = has_body(status) && !mode_.http_1_0;
  // HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
  if (asks_to_close(headers) || (has_body(status) && mode_.http_1_0)) mode_.keep_alive = false;
  const ResponseHead head{.status = status,
                          .http_1_0 = mode_.http_1_0,
                          .keep_alive = mode_.keep_alive,
                          .chunked = chunked_};
  SKEP_CO_TRY(std::string text, format_head(head, headers));
  state_ = State::kStreaming;
  co_return co_await connection_.write(text);
}

Task<Result<void>> ConnectionResponder::write_piece(std::string bytes) {
  if (state_ != State::kStreaming)
    co_return fail(Code::kInternal, "write_piece needs start_stream first");
  if (bytes.empty() || !body_allowed_) co_return Result<void>{};
  if (chunked_) bytes = fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
  co_return co_await connection_.write(bytes);
}

Task<void> ConnectionResponder::finish() {
  if (state_ == State::kNothing) {
    auto body = error_body(code_name(Code::kInternal), "the request was not answered");
    std::ignore = co_await send_json(500, std::move(body));
  }
  if (state_ == State::kStreaming && chunked_ && body_allowed_)
    std::ignore = co_await connection_.write("0\r\n\r\n");
  state_ = State::kDone;
}

Task<Result<void>> Responder::send_json(int status, std::string body) {
  Headers headers = {{"Content-Type", "application/json"}};
  co_return co_await send(status, std::move(headers), std::move(body));
}

Task<Result<void>> Responder::write_event(std::string_view event, std::string_view data) {
  std::string text;
  if (!event.empty()) text += fmt::format("event: {}\n", one_line(event));
  // A line may end with LF, CRLF or CR; each becomes a data line of its own.
  for (bool last = false; !last;) {
    const auto end = data.find_first_of("\r\n");
    last = end == std::string_view::npos;
    text.append("data: ").append(data.substr(0, end)).append("\n");
    if (!last) data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  text += "\n";
  co_return co_await write_piece(std::move(text));
}

}  // namespace skep::net
