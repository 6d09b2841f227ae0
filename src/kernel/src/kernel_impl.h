// The kernel's parts: kernel.cc opens the rooms and closes them, kernel_nodes.cc builds the nodes
// and puts them on the fabric, kernel_status.cc shows it all.
#pragma once

#include "conversation_rules.h"
#include "federation_side.h"
#include "memory_side.h"
#include "model_side.h"
#include "node_out.h"
#include "node_status.h"
#include "node_supervisor.h"
#include "port_inbox.h"
#include "skep/kernel/agents.h"
#include "skep/kernel/jobs.h"
#include "skep/kernel/kernel.h"
#include "skep/tools/result_store.h"
#include "xmpp_side.h"

namespace skep::kernel {

class KernelImpl final : public Kernel {
 public:
  KernelImpl(Loop& loop, KernelConfig config, KernelOptions options, HomeLock lock)
      : loop_(loop),
        config_(std::move(config)),
        options_(std::move(options)),
        lock_(std::move(lock)),
        pool_(loop),
        supervisor_(loop, config_.home, options_.node_arguments) {}

  Task<Result<void>> open_all();
  Task<void> close(Ctx ctx) override;

  const KernelConfig& config() const override { return config_; }
  const llm::Choice& model_choice() const override { return models_->now()->choice; }
  channels::WebChannel& web() override { return *web_; }
  fabric::Router& router() override { return *router_; }
  Agents& agents() override { return *agents_; }
  Jobs* jobs() override { return jobs_.get(); }
  memory::Ledger& ledger() override { return *ledger_; }
  fabric::ConfigLog* config_log() override { return books_ ? &books_->config_log() : nullptr; }
  fabric::Tracer* tracer() override { return fabric_ ? &fabric_->tracer() : nullptr; }
  AuthoritySide& authority() override { return *authority_; }
  WallTime started() const override { return started_; }
  Result<Reloaded> reload(const KernelConfig& config) override;
  json::object status() const override;
  json::object usage() const override;

 private:
  // What this process is: all that no other process is, or one node alone.
  [[nodiscard]] bool is_main() const { return !options_.only; }
  [[nodiscard]] bool hosts(NodeKind kind) const;
  [[nodiscard]] bool there_is(NodeKind kind) const;  // in some process of the home
  // Messages cross processes here: every one is kept until it has arrived.
  [[nodiscard]] bool linked() const {
    return !is_main() || (options_.networks && (!config_.nodes.all_inside() || kept_by_links_));
  }
  [[nodiscard]] Name own_name() const;
  [[nodiscard]] bool is_admin(const Conversation& conversation) const;
  [[nodiscard]] std::vector<std::string> status_lines(bool admin) const;

  // kernel.cc
  Task<Result<void>> open_stores(Ctx ctx);
  Task<Result<void>> open_db(Ctx ctx);
  Result<void> settle_journals();
  Task<Result<void>> open_model(Ctx ctx);
  Result<void> open_tools();
  Task<Result<void>> open_router_and_agents(Ctx ctx);
  Result<void> open_fabric();

  // kernel_jobs.cc
  Task<Result<void>> open_jobs(Ctx ctx);
  Result<void> ask_to_say(const Conversation& who, const channels::Unasked& unasked);
  std::string jobs_command(const Conversation& who, std::string_view arguments);
  [[nodiscard]] Result<tools::WorkspacePtr> workspace_of(const AgentEntry& agent) const;
  [[nodiscard]] std::optional<std::string> why_not(const AgentEntry& agent,
                                                   const tools::Need& need);
  Result<void> notify(const schedule::Job& job, const std::string& id, std::string text);

  // kernel_nodes.cc
  Result<void> open_remote_agents();
  Result<void> open_nodes();
  Result<void> open_agent();
  Result<void> open_xmpp();
  decltype(agent::AgentDeps::send_file) file_sender();
  void serve_commands(agent::AgentDeps& deps);
  [[nodiscard]] std::vector<Message> unfinished() const;
  [[nodiscard]] Result<Name> node_of(std::string_view agent) const;
  NodeOut::LinkDeps link_deps();
  Result<void> attach(const Name& name, Inbox& inbox, NodeOut& out);
  Result<void> attach_agent();
  Result<void> attach_nodes();
  Result<void> attach_federation();
  void start_processes();

  // kernel_reload.cc
  void audit_reload(const Reloaded& reloaded);
  Result<ModelSetPtr> fresh_models(const KernelConfig& config) const;

  // kernel_status.cc
  void add_processes(json::object& status) const;
  void add_rooms(json::object& status) const;

  Loop& loop_;
  KernelConfig config_;
  KernelOptions options_;
  HomeLock lock_;
  WallTime started_ = Clock::system().now();
  // In the order of opening; destroyed in reverse. Ports go before the router, and before the nodes
  // they lead to.
  Pool pool_;
  std::unique_ptr<store::Journal> journal_;
  bool kept_by_links_ = false;  // links of a time when nodes were outside have left something
  std::unique_ptr<AuthoritySide> authority_;
  std::unique_ptr<memory::Memory> memory_;
  std::unique_ptr<memory::Personas> personas_;
  std::unique_ptr<memory::Ledger> ledger_;
  std::unique_ptr<store::Db> db_;
  std::unique_ptr<identity::Directory> directory_;
  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<attachments::Attachments> attachments_;
  std::unique_ptr<ModelSide> models_;
  std::unique_ptr<MemorySide> memory_side_;
  tools::ResultStore results_{
      [this](const Conversation& conversation) { return memory_->directory(conversation); }};
  tools::Toolbox toolbox_;
  std::unique_ptr<federation::Federation> federation_;
  std::unique_ptr<fabric::Router> router_;
  std::optional<Name> talks_to_;  // whom people here reach
  std::unique_ptr<fabric::Gateway> gateway_;
  std::unique_ptr<agent::TurnLog> turn_log_;
  std::unique_ptr<agent::Agent> agent_;
  std::unique_ptr<Agents> agents_;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<channels::WebChannel> web_;
  std::unique_ptr<identity::Access> access_;
  std::unique_ptr<identity::Contacts> contacts_;
  std::unique_ptr<XmppSide> xmpp_;
  NodeOut agent_out_, web_out_, jobs_out_;
  PortInbox federation_out_;
  std::vector<std::unique_ptr<PortInbox>> stand_in_outs_;
  std::unique_ptr<FabricBooks> books_;
  std::unique_ptr<FabricSide> fabric_;
  NodeSupervisor supervisor_;
  std::unique_ptr<NodeStatusWriter> status_writer_, usage_writer_;
};

}  // namespace skep::kernel
