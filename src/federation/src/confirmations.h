// Asking a person of ours before something is done for somebody else (the protocol's section 5).
#pragma once

#include "counts.h"
#include "execution.h"
#include "peers.h"
#include "post.h"
#include "skep/authority/approvals.h"

namespace skep::federation {

class Confirmations {
 public:
  struct Deps {
    const FederationConfig& config;
    authority::Approvals& approvals;
    Post& post;
    Counts& counts;
    std::string own;  // our address, for components; empty: the server writes it
    std::string agent;
    std::function<bool(const std::string& jid)> is_admin;
  };
  explicit Confirmations(Deps deps);
  ~Confirmations();
  Confirmations(const Confirmations&) = delete;
  Confirmations& operator=(const Confirmations&) = delete;

  // Waits for the owner's answer; the question is withdrawn when the Ctx ends. kDenied: there is
  // nobody to ask; kUnavailable: the process ends, and the next one asks again.
  Task<Result<authority::Answer>> ask(Ctx ctx, const Execution& execution);
  // The agent may have questions of its own while it works on this "ask": they are shown likewise.
  void expect(const Execution& execution);
  // <confirmed/> from somebody. A high risk needs a body beside it.
  void take(const xmpp::Element& message, const xmpp::AgentConfirmed& confirmed);
  // True: it was a thumb on a question of ours (XEP-0444), and is dealt with.
  bool take_reaction(const xmpp::Element& message);
  // What came of it, for the owner.
  void finished(const Execution& execution);

 private:
  void show(const authority::Approval& approval);
  [[nodiscard]] bool is_high_risk(const authority::Approval& approval) const;
  [[nodiscard]] std::optional<authority::Approval> pending(const std::string& id) const;
  struct Shown {
    std::string id;  // of the question; empty: not asked yet
    std::string skill, caller;
  };
  Deps deps_;
  std::map<std::string, Shown> shown_;  // by Approval::turn
  std::function<void()> stop_listening_;
};

}  // namespace skep::federation
