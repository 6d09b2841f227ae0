#include "skep/net/http_server.h"

#include <set>

#include "address.h"
#include "http_connection.h"
#include "http_response.h"
#include "skep/base/log.h"

namespace skep::net {
namespace {

constexpr std::chrono::milliseconds kAcceptPause{
    100};  // after accept failed for want of descriptors or memory
constexpr std::chrono::milliseconds kRefuseTimeout{
    100};  // for telling a client that there are too many
constexpr std::string_view kUnixPrefix = "unix:";

class Server final : public HttpServer {
 public:
  Server(Deps deps, std::unique_ptr<Acceptor> acceptor, std::string address)
      : deps_(std::move(deps)),
        acceptor_(std::move(acceptor)),
        address_(std::move(address)),
        gate_(deps_.loop) {
    gate_.spawn("http accept", accept_loop());
  }

  [[nodiscard]] std::string address() const override { return address_; }

  Task<void> close(Ctx ctx) override {
    closing_ = true;
    acceptor_->close();
    for (HttpConnection* connection : connections_) {
      if (connection->idle()) connection->close();
    }
    co_await gate_.drain(std::move(ctx));
  }

 private:
  Task<void> accept_loop() {
    const Ctx ctx = gate_.ctx();
    while (!closing_) {
      auto stream = co_await acceptor_->accept(ctx);
      if (closing_ || (!stream && stream.error().code == Code::kCancelled)) co_return;
      if (stream) {
        co_await welcome(*std::move(stream));
        continue;
      }
      log::warn("net", "HTTP server {}: {}", address_, stream.error().to_string());
      std::ignore = co_await sleep_for(ctx, kAcceptPause);
    }
  }

  Task<void> welcome(std::unique_ptr<Stream> stream) {
    if (connections_.size() >= deps_.limits.connections_max) {
      co_await turn_away(std::move(stream));
      co_return;
    }
    const ConnectionDeps deps{
        .gate = gate_, .handler = deps_.handler, .limits = deps_.limits, .closing = closing_};
    auto connection = std::make_shared<HttpConnection>(deps, std::move(stream));
    connections_.insert(connection.get());
    gate_.spawn("http connection", serve(std::move(connection)));
  }

  Task<void> serve(std::shared_ptr<HttpConnection> connection) {
    co_await HttpConnection::serve(connection);
    connections_.erase(connection.get());
  }

  // The few bytes fit into a fresh socket's buffer, so this does not hold up the next client.
  Task<void> turn_away(std::unique_ptr<Stream> stream) {
    const std::string body =
        error_body(error_code_of(503), "too many connections, try again later");
    const Headers headers = {{"Content-Type", "application/json"}, {"Retry-After", "1"}};
    const ResponseHead head{.status = 503, .keep_alive = false, .content_length = body.size()};
    const std::string text = format_head(head, headers).value_or("") + body;
    const Ctx ctx = gate_.ctx().within(kRefuseTimeout);
    if (auto sent = co_await stream->write(ctx, as_bytes(text)); sent)
      co_await stream->shutdown(ctx);
  }

  Deps deps_;
  std::unique_ptr<Acceptor> acceptor_;
  std::string address_;
  bool closing_ = false;
  std::set<HttpConnection*> connections_;
  Gate gate_;
};

Task<Result<std::unique_ptr<Acceptor>>> listen_on(const std::string& listen) {
  if (listen.starts_with(kUnixPrefix))
    co_return co_await listen_unix(listen.substr(kUnixPrefix.size()));
  const auto where = parse_host_port(listen);
  if (!where)
    co_return fail(Code::kInvalid, fmt::format("\"{}\" is no address like 127.0.0.1:4545", listen));
  co_return co_await listen_tcp(where->host, where->port);
}

}  // namespace

Task<Result<std::unique_ptr<HttpServer>>> HttpServer::open(std::string listen, Deps deps) {
  SKEP_CO_TRY(auto acceptor, co_await listen_on(listen));
  std::string address = listen;
  if (const auto where = parse_host_port(listen); where && !listen.starts_with(kUnixPrefix)) {
    address = format_host_port(where->host, acceptor->port());
  }
  co_return std::make_unique<Server>(std::move(deps), std::move(acceptor), std::move(address));
}

}  // namespace skep::net
