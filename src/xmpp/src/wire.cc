#include "wire.h"

namespace skep::xmpp {
namespace {

constexpr std::size_t kReadBytes = 32u << 10;

}  // namespace

Wire::Wire(std::unique_ptr<net::Stream> stream, XmlLimits limits)
    : stream_(std::move(stream)), limits_(limits), parser_(limits), buffer_(kReadBytes) {}

Task<Result<void>> Wire::fill(Ctx ctx) {
  if (!stream_) co_return fail(Code::kUnavailable, "the connection is closed");
  if (bad_xml_) co_return fail(*bad_xml_);
  SKEP_CO_TRY(const std::size_t count, co_await stream_->read_some(std::move(ctx), buffer_));
  if (count == 0) co_return fail(Code::kUnavailable, "the server closed the connection");
  const auto fed = parser_.feed(std::span(buffer_).first(count), events_);
  if (!fed) bad_xml_ = fed.error();
  co_return fed;
}

std::optional<StreamEvent> Wire::take() {
  if (taken_ == events_.size()) {
    events_.clear();
    taken_ = 0;
    return std::nullopt;
  }
  return std::move(events_[taken_++]);
}

Task<Result<StreamEvent>> Wire::next(Ctx ctx) {
  for (;;) {
    if (auto event = take()) co_return std::move(*event);
    const auto filled = co_await fill(ctx);
    if (!filled && events_.empty()) co_return fail(filled.error());
  }
}

Task<Result<void>> Wire::send(Ctx ctx, std::string text) {
  if (!stream_) co_return fail(Code::kUnavailable, "the connection is closed");
  co_return co_await stream_->write(std::move(ctx), net::as_bytes(text));
}

void Wire::restart() {
  parser_ = StreamParser(limits_);
  bad_xml_.reset();
  events_.clear();
  taken_ = 0;
}

Task<Result<void>> Wire::start_tls(Ctx ctx, net::TlsClientConfig config) {
  SKEP_CO_TRY(stream_, co_await net::start_tls_client(std::move(ctx), std::move(stream_),
                                                      std::move(config)));
  restart();
  co_return Result<void>();
}

}  // namespace skep::xmpp
