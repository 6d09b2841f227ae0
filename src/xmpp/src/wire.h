// The stream and its parser: what negotiation and session share. Loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/net/stream.h"
#include "skep/xmpp/xml.h"

namespace skep::xmpp {

class Wire {
 public:
  Wire(std::unique_ptr<net::Stream> stream, XmlLimits limits);

  // Reads once and parses. On bad XML what came before it can still be taken. kUnavailable when the
  // peer has ended.
  Task<Result<void>> fill(Ctx ctx);
  // The next event that was parsed, or nullopt: fill() first.
  std::optional<StreamEvent> take();
  // take(), after fill() as often as needed.
  Task<Result<StreamEvent>> next(Ctx ctx);

  Task<Result<void>> send(Ctx ctx, std::string text);
  // A new stream on the same connection. Whatever the peer sent too early is dropped: before TLS it
  // may not be the peer's.
  void restart();
  Task<Result<void>> start_tls(Ctx ctx, net::TlsClientConfig config);
  net::Stream& stream() { return *stream_; }

 private:
  std::unique_ptr<net::Stream> stream_;  // null after a failed start_tls()
  XmlLimits limits_;
  StreamParser parser_;
  std::optional<Error> bad_xml_;
  std::vector<std::byte> buffer_;
  std::vector<StreamEvent> events_;
  std::size_t taken_ = 0;
};

}  // namespace skep::xmpp
