// How a session comes to be, in each mode.
#pragma once

#include <expected>
#include <memory>

#include "skep/xmpp/session.h"

namespace skep::xmpp {

class LiveSession;

using Opened = std::expected<std::unique_ptr<Session>, SessionEnd>;

// XEP-0114. The whole handshake is bounded by config.handshake_timeout.
Task<Opened> open_component(Ctx ctx, const XmppConfig& config, XmppDeps deps);
// RFC 6120: finds the server, then TLS, authentication, binding; each server tried has
// config.handshake_timeout. `interrupted` as in Session::open().
Task<Opened> open_client(Ctx ctx, const XmppConfig& config, XmppDeps deps,
                         LiveSession* interrupted = nullptr);

}  // namespace skep::xmpp
