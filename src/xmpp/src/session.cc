#include "skep/xmpp/session.h"

#include "live_session.h"
#include "open.h"

namespace skep::xmpp {

Task<std::expected<std::unique_ptr<Session>, SessionEnd>> Session::open(Ctx ctx,
                                                                        const XmppConfig& config,
                                                                        XmppDeps deps,
                                                                        Session* interrupted) {
  if (config.address().empty()) {
    const bool component = config.mode == XmppConfig::Mode::kComponent;
    co_return std::unexpected(SessionEnd{
        Error{Code::kInvalid, component ? "[server] component_domain is missing or no domain"
                                        : "[server] jid is missing or no address"},
        Retry::kNever});
  }
  if (config.mode == XmppConfig::Mode::kComponent)
    co_return co_await open_component(ctx, config, deps);
  co_return co_await open_client(ctx, config, deps, dynamic_cast<LiveSession*>(interrupted));
}

}  // namespace skep::xmpp
