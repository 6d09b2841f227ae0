// XEP-0114: Jabber Component Protocol.
#include "failure.h"
#include "live_session.h"
#include "open.h"
#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kNsComponent = "jabber:component:accept";
constexpr std::string_view kDefaultHost = "127.0.0.1";

class ComponentHandshake {
 public:
  ComponentHandshake(const XmppConfig& config, XmppDeps deps)
      : config_(config), deps_(deps), domain_(config.address()) {}

  Task<Opened> run(Ctx ctx) {
    const Ctx bounded = ctx.within(config_.handshake_timeout);
    auto session = co_await shake_hands(bounded);
    if (session) co_return std::move(*session);
    if (refusal_) co_return std::unexpected(std::move(*refusal_));
    co_return std::unexpected(end_of_transport(std::move(session).error().in(where())));
  }

 private:
  std::string host() const {
    return config_.host.empty() ? std::string(kDefaultHost) : config_.host;
  }
  std::uint16_t port() const { return config_.port_or_default(); }
  std::string where() const { return fmt::format("component link to {}:{}", host(), port()); }

  Task<Result<std::unique_ptr<Session>>> shake_hands(Ctx ctx) {
    SKEP_CO_TRY(Wire wire, co_await connect(ctx));
    std::string header =
        fmt::format("<?xml version='1.0'?><stream:stream xmlns='{}' xmlns:stream='{}' to='{}'>",
                    kNsComponent, kNsStreams, escape_xml(domain_.domain()));
    SKEP_CO_TRY_VOID(co_await wire.send(ctx, std::move(header)));
    SKEP_CO_TRY(const StreamEvent opened, co_await wire.next(ctx));
    SKEP_CO_TRY_VOID(check_header(opened));
    std::string proof = handshake(std::get<StreamOpen>(opened).header.attribute("id"));
    if (proof.empty()) co_return co_await refused_at_once(ctx, wire);
    SKEP_CO_TRY_VOID(co_await wire.send(ctx, std::move(proof)));
    SKEP_CO_TRY(const StreamEvent verdict, co_await wire.next(ctx));
    SKEP_CO_TRY_VOID(check(verdict));
    // The ping goes to ourselves: every server sends it back, whatever domains it serves.
    LiveSession::Setup setup{.config = config_, .address = domain_, .ping_target = domain_};
    co_return std::make_unique<LiveSession>(std::move(setup), std::move(wire), deps_);
  }

  Task<Result<Wire>> connect(Ctx ctx) {
    const net::TcpOptions options{.user_timeout = config_.ping_timeout};
    SKEP_CO_TRY(auto stream, co_await net::connect_tcp(ctx, host(), port(), options));
    Wire wire(std::move(stream), config_.xml);
    if (config_.tls) {
      net::TlsClientConfig tls{
          .server_name = host(), .verify = config_.tls_verify, .ca_file = config_.tls_ca_file};
      SKEP_CO_TRY_VOID(co_await wire.start_tls(ctx, std::move(tls)));
    }
    co_return wire;
  }

  static Result<void> check_header(const StreamEvent& event) {
    const auto* open = std::get_if<StreamOpen>(&event);
    if (open && open->header.name == "stream" && open->header.ns == kNsStreams) return {};
    return fail(Code::kCorrupt, "the other side does not speak XMPP");
  }

  // SHA-1 over the id as it is meant, not as it is escaped, and the secret. Empty without an id.
  std::string handshake(std::string_view id) const {
    if (id.empty()) return {};
    std::string proof(id);
    proof += config_.component_secret.reveal();
    std::string message = fmt::format("<handshake>{}</handshake>", hex_encode(sha1(proof)));
    wipe(proof);
    return message;
  }

  // Prosody's stream has no id when it refuses the domain: the reason follows.
  Task<Result<std::unique_ptr<Session>>> refused_at_once(Ctx ctx, Wire& wire) {
    SKEP_CO_TRY(const StreamEvent reason, co_await wire.next(ctx));
    SKEP_CO_TRY_VOID(check(reason));
    co_return fail(Code::kCorrupt, "the server's stream has no id");
  }

  Result<void> check(const StreamEvent& event) {
    const auto* element = std::get_if<Element>(&event);
    if (!element)
      return fail(Code::kUnavailable, "the server closed the stream during the handshake");
    if (is_stream_error(*element)) {
      refusal_ = end_of_stream_error(*element, config_);
      return fail(refusal_->error);
    }
    if (element->name == "handshake" && element->ns == kNsComponent) return {};
    return fail(Code::kCorrupt, fmt::format("<{}/> instead of <handshake/>", element->name));
  }

  const XmppConfig& config_;
  XmppDeps deps_;
  Jid domain_;
  std::optional<SessionEnd> refusal_;
};

}  // namespace

Task<Opened> open_component(Ctx ctx, const XmppConfig& config, XmppDeps deps) {
  ComponentHandshake handshake(config, deps);
  co_return co_await handshake.run(ctx);
}

}  // namespace skep::xmpp
