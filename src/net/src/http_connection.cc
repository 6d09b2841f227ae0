#include "http_connection.h"

#include "http_responder.h"
#include "http_response.h"
#include "skep/base/id.h"

namespace skep::net {
namespace {

constexpr std::size_t kReadBytes = 8u << 10;
constexpr std::size_t kBacklogBytesMax = 64u
                                         << 10;  // held beyond the largest head; then reading waits
constexpr std::size_t kWritePiece = 256u << 10;  // what a client must take within the write timeout
constexpr std::chrono::seconds kLinger{
    1};  // for the client to read a refusal before the connection breaks
constexpr std::size_t kLingerBytesMax = 1u << 20;  // thrown away meanwhile

}  // namespace

HttpConnection::HttpConnection(ConnectionDeps deps, std::unique_ptr<Stream> stream)
    : deps_(deps),
      stream_(std::move(stream)),
      in_max_(deps.limits.header_bytes_max + kBacklogBytesMax) {}

Task<void> HttpConnection::serve(std::shared_ptr<HttpConnection> self) {
  if (!self->deps_.gate.spawn("http read", pump(self))) co_return;
  co_await self->serve_requests();
  self->over_ = true;
  self->close();  // pump ends, and with it the last reference
  self->room_.notify_all();
}

Task<void> HttpConnection::pump(std::shared_ptr<HttpConnection> self) {
  const Ctx ctx = self->deps_.gate.ctx();
  std::vector<std::byte> buffer(kReadBytes);
  for (;;) {
    auto got = co_await self->stream_->read_some(ctx, buffer);
    if (!got || *got == 0) break;
    self->in_.append(reinterpret_cast<const char*>(buffer.data()), *got);
    self->arrived_.notify_all();
    while (self->in_.size() >= self->in_max_ && !self->over_) {
      if (auto waited = co_await self->room_.wait(ctx); !waited) break;
    }
  }
  self->ended_ = true;
  if (self->current_ != nullptr) self->current_->request_stop();
  self->arrived_.notify_all();
}

void HttpConnection::consume(std::size_t bytes) {
  in_.erase(0, bytes);
  room_.notify_all();
}

Task<void> HttpConnection::serve_requests() {
  for (bool first = true;; first = false) {
    busy_ = false;
    if (!co_await await_request(first)) break;
    busy_ = true;
    RequestParser parser(deps_.limits);
    if (auto refusal = co_await read_request(parser)) {
      if (refusal->status != 0) co_await refuse(*refusal);
      co_return;
    }
    if (!co_await answer(parser)) break;
  }
  if (!broken_) co_await stream_->shutdown(deps_.gate.ctx());
}

Task<bool> HttpConnection::await_request(bool first) {
  const Ctx ctx =
      deps_.gate.ctx().within(first ? deps_.limits.header_timeout : deps_.limits.idle_timeout);
  while (in_.empty()) {
    if (ended_ || deps_.closing) co_return false;
    if (auto waited = co_await arrived_.wait(ctx); !waited) co_return false;
  }
  co_return true;
}

Task<std::optional<HttpRefusal>> HttpConnection::more(const Ctx& ctx) {
  if (ended_) co_return HttpRefusal{.status = 0};
  auto waited = co_await arrived_.wait(ctx);
  if (waited) co_return std::nullopt;
  if (waited.error().code == Code::kTimeout)
    co_return HttpRefusal{408, "the request did not arrive in time"};
  co_return HttpRefusal{.status = 0};
}

Task<std::optional<HttpRefusal>> HttpConnection::read_request(RequestParser& parser) {
  Ctx ctx = deps_.gate.ctx().within(deps_.limits.header_timeout);
  bool in_body = false;
  for (;;) {
    const auto used = parser.feed(in_);
    if (!used) co_return used.error();
    consume(*used);
    if (parser.done()) co_return std::nullopt;
    if (*used == 0 && in_.size() >= in_max_)
      co_return HttpRefusal{431, "the request's head is too large"};
    if (parser.head_done() && !std::exchange(in_body, true)) {
      ctx = deps_.gate.ctx().within(deps_.limits.body_timeout);
      if (parser.expects_continue() && in_.empty()) {
        if (auto sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n"); !sent)
          co_return HttpRefusal{.status = 0};
        if (!in_.empty()) continue;
      }
    }
    if (auto refusal = co_await more(ctx)) co_return refusal;
  }
}

// Whether the connection may serve another request.
Task<bool> HttpConnection::answer(RequestParser& parser) {
  const ResponderMode mode{.http_1_0 = parser.is_http_1_0(),
                           .keep_alive = parser.keep_alive() && !deps_.closing};
  ServerRequest request = parser.take();
  request.peer = stream_->peer();
  ConnectionResponder responder(*this, mode, request.method == "HEAD");
  {
    JoinedStop stop(deps_.gate.ctx().stop, std::stop_token{});
    if (ended_) stop.request_stop();
    current_ = &stop;
    Ctx ctx = Ctx{}.with_stop(stop.token());
    ctx.trace = mint_ulid();
    co_await deps_.handler(std::move(ctx), request, responder);
    current_ = nullptr;
  }
  co_await responder.finish();
  co_return responder.keep_alive() && !broken_ && !deps_.closing;
}

Task<Result<void>> HttpConnection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (broken_) co_return fail(Code::kUnavailable, "the client has gone");
    const std::string_view piece = bytes.substr(0, kWritePiece);
    const Ctx ctx = deps_.gate.ctx().within(deps_.limits.write_timeout);
    if (auto sent = co_await stream_->write(ctx, as_bytes(piece)); !sent) {
      broken_ = true;
      if (current_ != nullptr) current_->request_stop();
      stream_->close();
      const bool slow = sent.error().code == Code::kTimeout;
      co_return fail(Code::kUnavailable, slow ? "the client does not read" : "the client has gone");
    }
    bytes.remove_prefix(piece.size());
  }
  co_return Result<void>{};
}

Task<void> HttpConnection::refuse(const HttpRefusal& refusal) {
  const std::string body = error_body(error_code_of(refusal.status), refusal.message);
  const Headers headers = {{"Content-Type", "application/json"}};
  const ResponseHead head{
      .status = refusal.status, .keep_alive = false, .content_length = body.size()};
  const std::string text = format_head(head, headers).value_or("") + body;
  if (auto sent = co_await write(text); !sent) co_return;
  co_await linger();
}

// Bytes left unread when a socket is closed make the kernel send RST, and that may take the answer
// away from the client before it has read it (RFC 9112 9.6).
Task<void> HttpConnection::linger() {
  const Ctx ctx = deps_.gate.ctx().within(kLinger);
  co_await stream_->shutdown(ctx);
  std::size_t dropped = 0;
  while (!ended_ && dropped < kLingerBytesMax) {
    dropped += in_.size();
    consume(in_.size());
    if (auto waited = co_await arrived_.wait(ctx); !waited) co_return;
  }
}

}  // namespace skep::net
