#include "wan_session.h"

#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;

Error gone(const net::Stream& stream) {
  return {Code::kUnavailable, stream.peer() + " closed the connection"};
}

}  // namespace

WanSession::WanSession(Loop& loop, std::unique_ptr<net::Stream> stream, WanLimits limits)
    : loop_(loop), stream_(std::move(stream)), limits_(limits) {}
WanSession::~WanSession() = default;

// Waits for bytes until a whole frame is there. The view lives until the next call.
Task<Result<EnvelopeView>> WanSession::next_frame(Ctx ctx) {
  for (;;) {
    SKEP_CO_TRY(const std::string_view frame, frames_.next());
    if (!frame.empty()) co_return read_envelope(frame);
    const std::span<char> space = frames_.space(kReadBytes);
    SKEP_CO_TRY(const std::size_t got,
                co_await stream_->read_some(ctx, std::as_writable_bytes(space)));
    if (got == 0) co_return fail(gone(*stream_));
    frames_.filled(got);
  }
}

Task<Result<void>> WanSession::write_control(Ctx ctx, std::string_view msg, std::string payload) {
  const std::string frame = control_frame(ends_, msg, payload);
  co_return co_await stream_->write(std::move(ctx), net::as_bytes(frame));
}

Task<Result<WanHello>> WanSession::hear_hello(Ctx ctx) {
  SKEP_CO_TRY(const EnvelopeView view, co_await next_frame(ctx));
  if (!is_control(view, ends_) || view.msg != "WAN_HELLO") {
    co_return fail(Code::kInvalid, "the first frame is no WAN_HELLO");
  }
  SKEP_CO_TRY(WanHello hello, read_hello(view.payload));
  if (hello.router != view.src) co_return fail(Code::kInvalid, "WAN_HELLO: bad router_id");
  co_return hello;
}

Task<Result<void>> WanSession::hear_verdict(Ctx ctx) {
  SKEP_CO_TRY(const EnvelopeView view, co_await next_frame(ctx));
  const bool ours = is_control(view, ends_);
  if (ours && view.msg == "WAN_ACCEPT") co_return Result<void>{};
  if (!ours || view.msg != "WAN_REJECT") {
    co_return fail(Code::kInvalid, "neither WAN_ACCEPT nor WAN_REJECT came");
  }
  const auto payload = parse_json(view.payload, {.bytes_max = 4'096, .depth_max = 4});
  const std::string reason(payload ? get_string(*payload, "reason") : "");
  co_return fail(Code::kDenied, "rejected: " + to_valid_utf8(cut_utf8(reason, 512)));
}

// The other side must be able to read our last words: a close with unread bytes would be a reset,
// which takes them away. So it is left to close first.
Task<void> WanSession::linger(Ctx ctx) {
  const Ctx limited = ctx.within(WanLimits::kReject);
  co_await stream_->shutdown(limited);
  std::vector<std::byte> nowhere(kReadBytes);
  for (;;) {
    const auto got = co_await stream_->read_some(limited, nowhere);
    if (!got || *got == 0) co_return;
  }
}

Task<Result<void>> WanSession::refuse(Ctx ctx, Error why) {
  std::string payload = to_json(json::object{{"reason", why.message}});
  std::ignore = co_await write_control(ctx, "WAN_REJECT", std::move(payload));
  co_await linger(ctx);
  co_return fail(Code::kDenied, "rejected by us: " + why.message);
}

Task<Result<void>> WanSession::shake_hands(Ctx ctx, WanHello ours,
                                           std::function<Result<void>(const WanHello&)> judge) {
  const Ctx limited = ctx.within(WanLimits::kHandshake);
  ends_.from = ours.router;
  ends_.from_name = ours.router_name;
  SKEP_CO_TRY_VOID(co_await write_control(limited, "WAN_HELLO", write_hello(ours)));
  auto hello = co_await hear_hello(limited);
  if (!hello) {
    if (hello.error().code != Code::kInvalid) co_return fail(std::move(hello).error());
    co_return co_await refuse(limited, hello.error());
  }
  theirs_ = *std::move(hello);
  ends_.to = theirs_.router;
  if (auto judged = judge(theirs_); !judged) co_return co_await refuse(limited, judged.error());
  SKEP_CO_TRY_VOID(co_await write_control(limited, "WAN_ACCEPT", "{}"));
  auto verdict = co_await hear_verdict(limited);
  if (!verdict && verdict.error().code == Code::kDenied) co_await linger(limited);
  if (verdict) heard_ = std::chrono::steady_clock::now();
  open_ = verdict.has_value();
  co_return verdict;
}

Task<Error> WanSession::run(Ctx ctx, Hears hears) {
  const JoinedStop either(ctx.stop, stop_.get_token());
  const Ctx joined = ctx.with_stop(either.token());
  Gate writer(loop_);
  writer.spawn("wan writer", write_loop(joined));
  Error end = co_await read_loop(joined, hears);
  open_ = false;
  stop_.request_stop();
  co_await writer.close();
  stream_->close();
  if (!stopped_why_.empty()) end = {Code::kCancelled, stopped_why_};
  co_return end;
}

Task<Error> WanSession::read_loop(Ctx ctx, const Hears& hears) {
  for (;;) {
    if (auto handled = handle_buffered(hears); !handled) co_return handled.error();
    if (stop_.stop_requested()) co_return Error{Code::kCancelled, stopped_why_};
    const std::span<char> space = frames_.space(kReadBytes);
    const Ctx limited = ctx.within(limits_.dead_interval);
    const auto got = co_await stream_->read_some(limited, std::as_writable_bytes(space));
    if (!got && got.error().code == Code::kTimeout) {
      co_return Error{Code::kTimeout, fmt::format("nothing was heard from {} for {} s", peer(),
                                                  limits_.dead_interval.count() / 1000.0)};
    }
    if (!got) co_return got.error();
    if (*got == 0) co_return gone(*stream_);
    heard_ = std::chrono::steady_clock::now();
    frames_.filled(*got);
  }
}

Result<void> WanSession::handle_buffered(const Hears& hears) {
  while (!stop_.stop_requested()) {
    SKEP_TRY(const std::string_view frame, frames_.next());
    if (frame.empty()) return {};
    const auto view = read_envelope(frame);
    if (!view) {
      hears.malformed();
      if (view.error().code == Code::kCorrupt) return fail(view.error());
    } else if (is_control(*view, ends_)) {
      hears.control(*view);
    } else {
      hears.message(*view);
    }
  }
  return {};
}

// All that has gathered goes out in one write, so that many frames share a TLS record.
Task<void> WanSession::write_loop(Ctx ctx) {
  std::string batch;
  for (;;) {
    while (pending_.empty()) {
      if (!co_await something_.wait(ctx)) co_return;
    }
    batch.swap(pending_);
    pending_.clear();
    const std::size_t messages = std::exchange(waiting_, 0);
    writing_bytes_ = batch.size();
    const Result<void> written = co_await stream_->write(ctx, net::as_bytes(batch));
    writing_bytes_ = 0;
    if (!written) {
      waiting_ += messages;
      open_ = false;
      stop("writing to " + peer() + ": " + written.error().message);
      co_return;
    }
    if (batch.capacity() > limits_.queue_bytes_max / 16) std::string().swap(batch);
  }
}

void WanSession::stop(std::string why) {
  if (stopped_why_.empty()) stopped_why_ = std::move(why);
  open_ = false;
  stop_.request_stop();
}

void WanSession::wake() { something_.notify_one(); }

Result<void> WanSession::take(const Packet& packet) {
  if (!open_) return fail(Code::kUnavailable, "no session with hive " + theirs_.hive);
  if (introduce) introduce(packet.view().src);
  if (waiting_ >= limits_.queue_messages_max ||
      pending_.size() + writing_bytes_ >= limits_.queue_bytes_max) {
    return fail(Code::kExhausted, fmt::format("the queue to hive {} is full", theirs_.hive));
  }
  const std::size_t before = pending_.size();
  if (auto appended = packet.append(pending_, true); !appended) {
    pending_.resize(before);
    return appended;
  }
  ++waiting_;
  if (before == 0) wake();
  return {};
}

void WanSession::send_control(std::string_view msg, std::string_view payload) {
  if (!open_) return;
  const std::string frame = control_frame(ends_, msg, payload);
  if (frame.empty() || pending_.size() + writing_bytes_ + frame.size() >
                           limits_.queue_bytes_max + WanLimits::kControlBytes) {
    return stop("the queue to hive " + theirs_.hive + " is full");
  }
  pending_ += frame;
  wake();
}

std::chrono::milliseconds WanSession::heard_ago() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               heard_);
}

}  // namespace skep::fabric
