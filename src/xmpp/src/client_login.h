// One attempt to log in at one server: TLS, authentication, binding (RFC 6120 4-7).
#pragma once

#include "failure.h"
#include "live_session.h"
#include "open.h"
#include "resolve.h"
#include "skep/xmpp/sasl.h"

namespace skep::xmpp {

class ClientLogin {
 public:
  // `interrupted` may be null; it is resumed if the server does so, and run() then gives null.
  ClientLogin(const XmppConfig& config, XmppDeps deps, Endpoint endpoint,
              LiveSession* interrupted = nullptr);

  Task<Opened> run(Ctx ctx);
  // After a failed run(): where the server sent us, empty if it did not.
  [[nodiscard]] const std::string& redirected_to() const { return redirected_to_; }

 private:
  Task<Result<std::unique_ptr<Session>>> log_in(Ctx ctx);
  Task<Result<void>> connect(Ctx ctx);
  Task<Result<Element>> open_stream(Ctx ctx);
  Task<Result<void>> start_tls(Ctx ctx, const Element& features);
  Task<Result<void>> authenticate(Ctx ctx, const Element& features);
  Task<Result<void>> exchange(Ctx ctx, std::shared_ptr<SaslClient> sasl);
  Task<Result<std::string>> respond(Ctx ctx, std::shared_ptr<SaslClient> sasl,
                                    std::string challenge);
  Task<Result<Jid>> bind(Ctx ctx, const Element& features);
  Task<Result<Element>> bind_once(Ctx ctx, std::string resource);
  Task<Result<Element>> next_element(Ctx ctx);
  Task<Result<bool>> resume(Ctx ctx, const Element& features);
  Task<Result<void>> manage(Ctx ctx, const Element& features);

  [[nodiscard]] SaslOffer offer_of(const Element& features);
  [[nodiscard]] net::TlsClientConfig tls_config() const;
  std::unexpected<Error> refuse(SessionEnd end);
  std::unexpected<Error> refuse(Error error, Retry retry) {
    return refuse(SessionEnd{std::move(error), retry});
  }

  const XmppConfig& config_;
  XmppDeps deps_;
  Endpoint endpoint_;
  LiveSession* interrupted_;
  Jid account_;
  std::optional<Wire> wire_;
  std::string mechanism_;
  std::optional<StreamManagement::Terms> management_;
  std::vector<Element> early_;  // came before the answer to <enable/>
  std::string redirected_to_;
  std::optional<Retry> retry_;  // set by refuse(); else the error's code decides
};

}  // namespace skep::xmpp
