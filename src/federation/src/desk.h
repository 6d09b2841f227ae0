// What others ask of us: read, judged, and answered or accepted.
#pragma once

#include "executor.h"
#include "skep/authority/authority.h"
#include "skep/xmpp/features.h"

namespace skep::federation {

class Desk {
 public:
  static constexpr std::size_t kWaitingMax = 256;  // requests being judged; more are refused

  struct Deps {
    Gate& gate;
    const Clock& clock;
    const FederationConfig& config;
    Peers& peers;
    const Skills& skills;
    Executor& executor;
    Archive& archive;
    Post& post;
    Counts& counts;
    authority::Authority& authority;
    xmpp::Jid own;  // bare
    std::string agent;
  };
  explicit Desk(Deps deps) : deps_(std::move(deps)) {}

  void add_features(xmpp::Features& features);
  // The same for somebody who filled in a form (mirror.h); answered later.
  void run(const xmpp::Element& iq, xmpp::ExecuteRequest request);
  void say(xmpp::Element stanza) { deps_.post.say(std::move(stanza)); }
  // A message with a payload of this protocol that asks for something.
  Task<void> take(Ctx ctx, const xmpp::Element& message);

 private:
  using Answer = std::optional<xmpp::Element>;  // nullopt: later, or never
  struct Asked {
    const xmpp::Element& stanza;
    const xmpp::Element& payload;
    xmpp::Jid from;
    const PeerConfig* peer = nullptr;
  };
  using Command = std::optional<xmpp::ExecuteRequest>;  // of a form; else the stanza says it
  // False: the process is about to end.
  bool receive(const xmpp::Element& iq, Command command = std::nullopt);
  Task<void> answer(xmpp::Element iq, Command command);
  Task<Answer> handle_command(Ctx ctx, const xmpp::Element& iq, xmpp::ExecuteRequest request);
  Task<Answer> handle(Ctx ctx, const xmpp::Element& stanza);
  Task<Answer> dispatch(Ctx ctx, Asked asked);
  Answer skills(const Asked& asked);
  Task<Answer> execute(Ctx ctx, Asked asked, Result<xmpp::AgentDelegation> read, bool delegated);
  Task<Answer> known(Ctx ctx, const Asked& asked, const Execution& wanted, bool& fresh);
  Task<Answer> status(Ctx ctx, const Asked& asked);
  Answer cancel(const Asked& asked);
  std::optional<xmpp::AgentError> misdelegated(const Asked& asked,
                                               const xmpp::AgentDelegation& delegation);
  std::optional<xmpp::AgentError> forbidden(const Asked& asked, Execution& wanted);
  Result<std::shared_ptr<Execution>> prepare(const Asked& asked,
                                             const xmpp::AgentDelegation& delegation,
                                             bool delegated);
  Answer refuse(const Asked& asked, xmpp::AgentError error);
  static xmpp::Element told(const Asked& asked, const xmpp::ExecResult& result);

  Deps deps_;
  std::size_t waiting_ = 0;
};

}  // namespace skep::federation
