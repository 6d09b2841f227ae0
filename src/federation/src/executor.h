// Runs what was accepted: to a result, to the asker, into the archive. Whatever is accepted is in
// the journal; a process that dies goes on in the next one, and what may not run twice does not.
#pragma once

#include <memory>
#include <string>

#include "archive.h"
#include "confirmations.h"
#include "counts.h"
#include "execution.h"
#include "outputs.h"
#include "post.h"
#include "skep/async/gate.h"
#include "skep/model/message.h"
#include "skills.h"

namespace skep::federation {

class Executor {
 public:
  static constexpr std::int64_t kProgressMax = 100;  // notes about one execution

  struct Deps {
    Loop& loop;
    const Clock& clock;
    const FederationConfig& config;
    const Peers& peers;
    store::Journal& journal;
    Archive& archive;
    Post& post;
    Outputs& outputs;
    const Skills& skills;
    const tools::Toolbox& toolbox;
    Confirmations& confirmations;
    Counts& counts;
    Inbox& out;  // towards the agent
    Destination agent;
    std::function<void(const Execution&, std::string_view outcome)> audit;
  };
  explicit Executor(Deps deps) : deps_(std::move(deps)), gate_(deps_.loop) {}

  // What a previous process accepted, before anything is answered; then start().
  void restore();
  void start();
  // In the journal when this returns ok. kExhausted: too much is under way.
  Result<void> accept(std::shared_ptr<Execution> execution);
  // Not finished yet, or nullptr.
  [[nodiscard]] std::shared_ptr<Execution> find(const std::string& peer,
                                                const std::string& exec_id) const;
  [[nodiscard]] std::shared_ptr<Execution> by_id(const std::string& id) const;
  // It was asked for again, perhaps from another address: the result will come there, as a message.
  void again(Execution& execution, const xmpp::Jid& caller);
  // Its asker does not want it any more. Ok: in the journal, so that the next process knows too.
  Result<void> cancel(Execution& execution);
  // The agent's answer to an "ask". Ok: it is in the journal, or nobody wants it any more.
  Result<void> take_reply(const Message& reply);
  void take_progress(const Message& progress);
  // Stops; what is under way stays in the journal.
  Task<void> close() { co_await gate_.close(); }
  [[nodiscard]] json::array list() const;

 private:
  using Ptr = std::shared_ptr<Execution>;
  void launch(const Ptr& execution);
  Task<void> run(Ptr e);
  Task<void> tell_later(Ptr e);
  Task<std::optional<xmpp::ExecResult>> work(Ptr e);
  Task<std::optional<xmpp::ExecResult>> confirm(Ctx ctx, Ptr e);
  Task<std::optional<xmpp::ExecResult>> run_tool(Ctx ctx, Ptr e);
  Task<std::optional<xmpp::ExecResult>> ask_agent(Ctx ctx, Ptr e);
  Message errand_for(const Execution& e) const;
  void stop_agent(const Execution& e);
  bool needs_person(const Execution& e) const;
  std::optional<xmpp::ExecResult> ended(const Ctx& ctx, const Execution& e) const;
  xmpp::ExecResult result_of(const Execution& e, xmpp::ExecStatus status) const;
  xmpp::ExecResult failure(const Execution& e, xmpp::AgentFault fault, std::string text) const;
  Result<void> decide(Execution& e, xmpp::ExecResult result);
  Task<bool> decide_surely(Ptr e, xmpp::ExecResult result);
  void tell(Execution& e, xmpp::ExecStatus status);
  Task<bool> packed_surely(Ptr e);
  Task<void> hand_back(Ptr e);

  Deps deps_;
  Gate gate_;
  std::map<std::string, Ptr> live_;  // by id
};

}  // namespace skep::federation
