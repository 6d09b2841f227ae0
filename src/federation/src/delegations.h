// Tasks that we give to agents of other domains, until their result is here.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "cancels.h"
#include "catalogues.h"
#include "counts.h"
#include "executor.h"
#include "outputs.h"
#include "peers.h"
#include "post.h"
#include "skep/authority/audit.h"
#include "skep/memory/ledger.h"
#include "skep/tools/toolbox.h"

namespace skep::federation {

// Whom, for what: the resource of Action::kRemoteExecute.
std::string resource_of(const xmpp::Jid& jid, std::string_view skill);

// What the model asks for.
struct Order {
  std::string agent;  // a configured name, or a JID
  std::string skill;
  json::object arguments;
};

class Delegations {
 public:
  static constexpr std::size_t kPendingMax = 64;
  static constexpr std::size_t kFinishedMax = 1024;  // exec-ids whose second result is known as one
  static constexpr std::size_t kCancelsMax = 256;    // that wait for a link; the oldest are let go
  // What another agent says it has used counts at most so many times what it was given.
  static constexpr std::int64_t kOverrunMax = 10;
  // How long a person of theirs may think it over.
  static constexpr std::chrono::minutes kPersonMax{10};

  struct Deps {
    Gate& gate;
    const Clock& clock;
    const FederationConfig& config;
    Peers& peers;
    Post& post;
    Outputs& outputs;
    Cancels& cancels;
    Counts& counts;
    const Executor& executor;
    const Catalogues& catalogues;
    memory::Ledger& ledger;
    authority::AuditLog& audit;
    std::function<bool(const Conversation&)> is_admin;
    xmpp::Jid own;  // bare
    std::string agent, agent_name;
  };
  explicit Delegations(Deps deps) : deps_(std::move(deps)) {}

  // The result, or why there is none, for the model. The same call of the same turn after a restart
  // is the same execution there. When `context.ctx` is stopped the other side is told, unless the
  // process ends.
  Task<Result<xmpp::ExecResult>> run(tools::ToolContext context, Order order);
  // A result, progress, or error of somebody; counted when nobody waits for it.
  void take(const xmpp::Element& message, const xmpp::Element* payload);
  void stopping() { stopping_ = true; }
  [[nodiscard]] json::array list() const;

 private:
  struct Pending {
    Target target;
    Millis timeout{};
    std::string exec_id, skill, turn;
    xmpp::ExecBudget budget;
    xmpp::Element payload;
    WallTime since{};
    std::string message_id;  // when it went as a message
    bool by_message = false;
    xmpp::ExecStatus status = xmpp::ExecStatus::kAccepted;
    std::string note;  // the latest progress
    std::int64_t seq = 0;
    std::optional<Result<xmpp::ExecResult>> outcome;
    Signal changed;
  };
  using Ptr = std::shared_ptr<Pending>;

  Result<Ptr> prepare(const tools::ToolContext& context, const Order& order);
  Result<void> counted(const Pending& pending);
  Result<xmpp::AgentDelegation> wrapped(const tools::ToolContext& context, const Pending& pending,
                                        const Order& order) const;
  [[nodiscard]] xmpp::ExecBudget budget_for(const tools::ToolContext& context,
                                            const Execution* cause, const Pending& pending) const;
  Task<Result<xmpp::ExecResult>> taken(tools::ToolContext context, Ptr pending);
  [[nodiscard]] xmpp::ExecUsage believable(const Pending& pending, xmpp::ExecUsage used) const;
  Task<void> pursue(Ctx ctx, Ptr pending);
  Task<bool> submit(Ctx ctx, Ptr pending);
  Task<bool> submit_message(Ctx ctx, Ptr pending);
  void refused(Pending& pending, const Error& why);
  void answered(Pending& pending, const xmpp::Element& answer);
  void settle(Pending& pending, Result<xmpp::ExecResult> outcome);
  void bill(const tools::ToolContext& context, const Pending& pending, memory::Ledger::Hold hold);
  void audit(const tools::ToolContext& context, const Pending& pending);
  void call_off(const Pending& pending);
  void take_result(Pending& pending, const xmpp::Element& payload);
  void take_error(const xmpp::Element& message);
  memory::Payer payer(const tools::ToolContext& context) const;

  Deps deps_;
  std::map<std::string, Ptr> pending_;  // by exec-id
  std::deque<std::string> finished_;
  bool stopping_ = false;
};

}  // namespace skep::federation
