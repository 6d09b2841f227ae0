// Agents of other domains: what they may ask of ours, and how ours asks them. The agent protocol
// (docs/protocol/agent-protocol.md) on whatever XMPP link the process has.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "skep/async/gate.h"
#include "skep/authority/approvals.h"
#include "skep/authority/audit.h"
#include "skep/authority/authority.h"
#include "skep/federation/config.h"
#include "skep/federation/stand_in.h"
#include "skep/memory/ledger.h"
#include "skep/model/message.h"
#include "skep/store/db.h"
#include "skep/store/journal.h"
#include "skep/tools/toolbox.h"
#include "skep/xmpp/features.h"
#include "skep/xmpp/session.h"
#include "skep/xmpp/shared_files.h"

namespace skep::federation {

struct FederationDeps {
  Loop& loop;
  const Clock& clock;
  store::Journal& journal;
  store::Db& db;  // holds migrations()
  const tools::Toolbox& toolbox;
  memory::Ledger& ledger;
  authority::Authority& authority;
  authority::Approvals& approvals;
  authority::AuditLog& audit;
  Inbox& out;  // towards the fabric
  Destination agent;
  std::string agent_node;  // "AI.support": who acts, for the authority
  std::string agent_name;  // for people
  xmpp::Jid own;           // the link's bare address
  bool component = false;
  std::function<bool(const Conversation&)> is_admin;
  // Where large outputs are put and found (XEP-0363); empty: they are cut, and not fetched. The
  // messages of upload()'s failures stay in the log, those of fetch()'s are shown to the model.
  std::function<Task<Result<xmpp::SharedFile>>(Ctx, xmpp::SharedFile, std::string bytes)> upload =
      {};
  std::function<Task<Result<std::string>>(Ctx, std::string url, std::uint64_t bytes_max)> fetch =
      {};
};

// A node of its own: tasks for the agent leave through `out`, its answers come to deliver(). Loop
// thread only.
class Federation : public Inbox {
 public:
  static std::vector<store::Migration> migrations();
  // Reads back what a previous process accepted, so that the agent's answers to it find it.
  static Result<std::unique_ptr<Federation>> open(FederationConfig config, FederationDeps deps);

  // `remote_agents` and `delegate`, when there is anybody to ask; they must not outlive this.
  virtual std::vector<std::unique_ptr<tools::Tool>> tools() = 0;
  // One for each of [llm.agents.*] that lives elsewhere; to be attached as AI.<name>.
  [[nodiscard]] virtual std::vector<StandIn*> stand_ins() = 0;
  // Before the link starts: what is answered and announced.
  virtual void add_features(xmpp::Features& features) = 0;
  // May this address learn what we are (disco)?
  [[nodiscard]] virtual bool may_ask(const xmpp::Jid& peer) const = 0;
  // The link has a session now; nullptr: none any more.
  virtual void link(xmpp::Session* session) = 0;
  // A message of this protocol is taken: true. What it asks for is in the journal then.
  virtual Task<bool> take(Ctx ctx, const xmpp::Element& message) = 0;
  // Goes on with what was accepted. After the agent has resumed.
  virtual void start() = 0;
  // From now on a stopped task is one that the next process goes on with.
  virtual void stopping() = 0;
  virtual Task<void> close(Ctx ctx) = 0;
  [[nodiscard]] virtual json::object status() const = 0;
  [[nodiscard]] virtual std::vector<std::string> status_lines() const = 0;
};

}  // namespace skep::federation
