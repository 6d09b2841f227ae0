// A session after its handshake, the same for both modes.
#pragma once

#include <optional>
#include <unordered_map>

#include "liveness.h"
#include "skep/async/wait.h"
#include "skep/xmpp/session.h"
#include "stream_management.h"
#include "wire.h"

namespace skep::xmpp {

class LiveSession final : public Session {
 public:
  struct Setup {
    XmppConfig config;
    Jid address;
    Jid ping_target;        // whom an XEP-0199 ping asks; the answer is any byte at all
    std::string mechanism;  // SASL's, empty for a component
    // What <enabled/> said, and the stanzas that came before it; they are not counted.
    std::optional<StreamManagement::Terms> management = std::nullopt;
    std::vector<Element> early = {};
  };
  static constexpr auto kAckTimeout =
      std::chrono::seconds(90);  // a server that does not answer <r/> is as good as dead
  LiveSession(Setup setup, Wire wire, XmppDeps deps);
  ~LiveSession() override;

  const Jid& address() const override { return setup_.address; }
  XmppConfig::Mode mode() const override { return setup_.config.mode; }
  const std::string& mechanism() const override { return setup_.mechanism; }
  Result<void> send(const Element& stanza, std::function<void(Result<void>)> done) override;
  Task<Result<Element>> request(Ctx ctx, Element iq) override;
  Task<SessionEnd> run(Ctx ctx, std::function<void(Element)> handler) override;
  Task<void> close(Ctx ctx) override;

  bool acknowledges() const override { return management_.has_value(); }
  std::shared_ptr<void> hold() override { return holding_; }
  bool resumable() const override;
  bool lied_to() const override { return lied_to_; }
  // After run(); null where the server does not manage the stream.
  [[nodiscard]] StreamManagement* management() { return management_ ? &*management_ : nullptr; }
  // The stream goes on over `wire`; the server has had `h` of ours. kCorrupt when it cannot have:
  // no other connection will do either.
  Result<void> resume(Wire wire, std::uint32_t h);
  // The server does not resume, but has had `h` of ours.
  void settle(std::uint32_t h);

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
  Result<void> check_room(std::size_t fresh);
  void hand_over(Element element, const std::function<void(Element)>& handler);
  bool take_management(const Element& element);
  void on_acknowledged(const Element& element);
  void refuse_count(std::uint32_t h, const Error& why);
  std::string acknowledgement();
  void ping();
  void ask_for_acknowledgement();
  void tell_handled();
  bool acknowledgement_overdue() const;
  void lose(SessionEnd end);
  void drop(SessionEnd end);
  static void call_all(std::vector<Done>& done, const Result<void>& result);
  void end_with(SessionEnd end);
  void break_link(SessionEnd end);
  void release_waiters(const Error& error);
  Task<void> say_goodbye();
  Task<void> close_unused(Ctx ctx);

  Setup setup_;
  Wire wire_;
  Loop& loop_;
  std::optional<Gate> gate_;  // of one run()
  std::optional<StreamManagement> management_;
  std::shared_ptr<void> holding_;    // of the stanza being handed over
  std::optional<SteadyTime> asked_;  // for an acknowledgement that has not come yet
  bool lied_to_ = false;
  bool lost_ = false;  // the connection ended, not the stream
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
