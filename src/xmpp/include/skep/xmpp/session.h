// A working XMPP session, either as a component of a server (XEP-0114) or as an ordinary account
// (RFC 6120 client).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/async/gate.h"
#include "skep/async/pool.h"
#include "skep/async/task.h"
#include "skep/base/config.h"
#include "skep/base/secret.h"
#include "skep/net/stream.h"
#include "skep/xmpp/stanza.h"

namespace skep::xmpp {

// [server], [keepalive], [reconnect]
struct XmppConfig {
  enum class Mode { kComponent, kClient };
  Mode mode = Mode::kComponent;
  std::string host;        // empty in client mode: SRV of the JID's domain
  std::uint16_t port = 0;  // 0: 5347 component, 5222 client, 5223 direct TLS
  // component
  std::string component_domain;
  Secret component_secret;
  bool tls = false;  // wrap the component link in TLS (server behind a TLS proxy)
  // client
  std::string jid;
  Secret password;
  std::string resource = "skep";  // empty: the server chooses
  bool direct_tls = false;        // XEP-0368; with SRV both kinds are tried
  bool stream_management = true;  // XEP-0198, where the server offers it
  bool allow_plain = false;
  bool tls_verify = true;
  std::string tls_ca_file;
  std::vector<std::string>
      user_domains;  // whose people may talk to a component beside its own and its parent domain
  std::string nameserver;  // "127.0.0.1:5353" for SRV; empty: the system's

  bool keepalive_enabled = true;
  std::chrono::milliseconds ping_interval{60'000};  // whitespace written when idle
  std::chrono::milliseconds read_timeout{
      300'000};  // silence after which an XEP-0199 ping asks whether the link lives
  std::chrono::milliseconds ping_timeout{20'000};  // no byte within: the link is dead
  std::chrono::milliseconds reconnect_initial{2'000};
  std::chrono::milliseconds reconnect_max{60'000};
  std::chrono::milliseconds reconnect_stable{60'000};  // up that long: the back-off starts anew
  std::chrono::milliseconds reconnect_slow{
      60'000};  // not in the file: Retry::kSlowly, and after ten failures in a row
  int reconnect_max_attempts = 0;  // 0: never give up
  std::chrono::milliseconds handshake_timeout{30'000};
  std::string strongest_mechanism;  // not in the file: what this account logged in with before,
                                    // kept by Link
  XmlLimits xml;
  std::size_t unsent_bytes_max = 8u << 20;  // a link that does not drain: broken as dead

  static XmppConfig read(ConfigSection root);  // [server]
  static XmppConfig read(ConfigSection root, ConfigSection server);
  // `port`, or the usual one of the mode.
  [[nodiscard]] std::uint16_t port_or_default() const;
  // Our own address: component domain, or the bare JID.
  [[nodiscard]] Jid address() const;
};

// How a failed or ended session is to be treated (facts of RFC 6120 4.9.3, 6.5 and XEP-0114).
enum class Retry { kNever, kSlowly, kNormally };
struct SessionEnd {
  Error error;  // kCancelled after an orderly close of ours
  Retry retry = Retry::kNormally;
};

struct XmppDeps {
  Loop& loop;
  Pool& pool;
  const Clock& clock;
};

// Loop thread only. Established sessions only: open() returns after handshake, authentication and
// binding.
class Session {
 public:
  // `interrupted`: a session that may be resumed (below). When the server does so, the result is
  // null and `interrupted` works again: run() it. Else the result is a new one, and of
  // `interrupted` only that is done which the server says it has.
  static Task<std::expected<std::unique_ptr<Session>, SessionEnd>> open(
      Ctx ctx, const XmppConfig& config, XmppDeps deps, Session* interrupted = nullptr);
  virtual ~Session() = default;

  [[nodiscard]] virtual const Jid& address() const = 0;  // full JID, or the component's domain
  [[nodiscard]] virtual XmppConfig::Mode mode() const = 0;

  [[nodiscard]] virtual const std::string& mechanism() const = 0;  // of SASL; empty for a component

  // Queues a stanza; never waits; run() does the writing. A component's stanza without `from` comes
  // from its domain. `done` is called on the loop, with the error or once its bytes are with the
  // kernel; where the session acknowledges(), once the server has it. kExhausted when the link does
  // not drain. `written`, only where the session acknowledges(): its bytes are with the kernel for
  // the first time.
  virtual Result<void> send(const Element& stanza, std::function<void(Result<void>)> done = {},
                            std::function<void()> written = {}) = 0;
  // Sends an iq (id is set here) and gives its answer: matched on id and from. An error answer is
  // an Error: kNotFound for item-not-found, ….
  virtual Task<Result<Element>> request(Ctx ctx, Element iq) = 0;

  // Reads and writes until the end, giving every stanza that is not an answer to request(). Also
  // keeps the link alive. The handler must not await.
  virtual Task<SessionEnd> run(Ctx ctx, std::function<void(Element)> handler) = 0;

  // XEP-0198. The server says what it has had of us, and is told what we have had of it.
  [[nodiscard]] virtual bool acknowledges() const { return false; }
  // Inside the handler: until the last copy is gone the server is not told that we have the stanza
  // being handed over, so that it keeps it. Null where sessions do not acknowledge.
  [[nodiscard]] virtual std::shared_ptr<void> hold() { return nullptr; }
  // After run(): the connection is lost, the stream may go on over another one. send() and
  // request() go on taking.
  [[nodiscard]] virtual bool resumable() const { return false; }
  // The server claimed to have more than was sent.
  [[nodiscard]] virtual bool lied_to() const { return false; }
  // What is queued and </stream:stream>, bounded by the Ctx; run() ends with kCancelled. The
  // session must not be destroyed before run() and close() have ended.
  virtual Task<void> close(Ctx ctx) = 0;
};

}  // namespace skep::xmpp
