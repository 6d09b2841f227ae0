// A session after its handshake, the same for both modes.
#pragma once

#include <unordered_map>

#include "liveness.h"
#include "skep/async/wait.h"
#include "skep/xmpp/session.h"
#include "wire.h"

namespace skep::xmpp {

class LiveSession final : public Session {
 public:
  struct Setup {
    XmppConfig config;
    Jid address;
    Jid ping_target;        // whom an XEP-0199 ping asks; the answer is any byte at all
    std::string mechanism;  // SASL's, empty for a component
  };
  LiveSession(Setup setup, Wire wire, XmppDeps deps);
  ~LiveSession() override;

  const Jid& address() const override { return setup_.address; }
  XmppConfig::Mode mode() const override { return setup_.config.mode; }
  const std::string& mechanism() const override { return setup_.mechanism; }
  Result<void> send(const Element& stanza, std::function<void(Result<void>)> done) override;
  Task<Result<Element>> request(Ctx ctx, Element iq) override;
  Task<SessionEnd> run(Ctx ctx, std::function<void(Element)> handler) override;
  Task<void> close(Ctx ctx) override;

 private:
  using Done = std::function<void(Result<void>)>;
  struct Pending {
    Jid peer;  // empty: our own account
    Signal answered;
    std::optional<Result<Element>> answer;
  };
  using PendingById = std::unordered_map<std::string, std::shared_ptr<Pending>>;

  Task<void> read_loop(Ctx ctx, const std::function<void(Element)>& handler);
  void take_events(const std::function<void(Element)>& handler);
  void take_element(Element element, const std::function<void(Element)>& handler);
  bool answers_request(Element& iq);
  bool comes_from(const Element& iq, const Jid& peer) const;
  Task<void> write_loop();
  Task<void> keepalive_loop();
  void queue(std::string_view bytes);
  void end_with(SessionEnd end);
  void break_link(SessionEnd end);
  void release_waiters(const Error& error);
  Task<void> say_goodbye();
  Task<void> close_unused(Ctx ctx);

  Setup setup_;
  Wire wire_;
  Gate gate_;
  Signal wake_writer_;
  Signal written_;
  Signal finished_;
  std::string out_;      // waits for the next write
  std::string writing_;  // with the kernel
  std::vector<Done> out_done_;
  std::vector<Done> writing_done_;
  std::shared_ptr<PendingById> pending_ = std::make_shared<PendingById>();
  std::string id_prefix_;
  std::uint64_t ids_ = 0;
  SteadyTime last_read_;
  SteadyTime last_write_;
  std::optional<SessionEnd> end_;
  bool broken_ = false;  // the stream is closed
  bool running_ = false;
  bool closing_ = false;  // our </stream:stream> is queued
};

}  // namespace skep::xmpp
