#include "skep/kernel/kernel.h"

#include <filesystem>

#include "conversation_rules.h"
#include "journal_move.h"
#include "node_out.h"
#include "node_status.h"
#include "node_supervisor.h"
#include "rooms_desk.h"
#include "skep/base/log.h"
#include "skep/tools/builtin.h"
#include "skep/tools/result_store.h"
#include "status_json.h"
#include "workspace_tools.h"

namespace skep::kernel {

namespace {

class KernelImpl final : public Kernel {
 public:
  KernelImpl(Loop& loop, KernelConfig config, KernelOptions options, HomeLock lock)
      : loop_(loop),
        config_(std::move(config)),
        options_(std::move(options)),
        lock_(std::move(lock)),
        pool_(loop),
        supervisor_(loop, config_.home, options_.node_arguments) {}

  // Each step opens what the next ones stand on.
  Task<Result<void>> open_all() {
    const Ctx ctx;
    SKEP_CO_TRY_VOID(co_await open_stores(ctx));
    SKEP_CO_TRY_VOID(co_await open_model(ctx));
    SKEP_CO_TRY_VOID(open_tools());
    SKEP_CO_TRY_VOID(open_nodes());
    SKEP_CO_TRY_VOID(attach_nodes());
    SKEP_CO_TRY_VOID(open_fabric());
    for (NodeOut* out : {&agent_out_, &web_out_, &xmpp_out_}) out->start();
    if (agent_) agent_->resume();
    if (is_main() && options_.networks && config_.gateway.wanted()) {
      SKEP_CO_TRY(gateway_, co_await fabric::Gateway::open(loop_, *router_, config_.gateway));
    }
    if (xmpp_) xmpp_->start();
    start_processes();
    co_return Result<void>{};
  }

  Task<void> close(Ctx ctx) override {
    using namespace std::chrono_literals;
    // Running turns may still answer, so the channels stay until the agent is done.
    if (authority_) authority_->approvals().stop();  // nobody waits for an answer any more
    co_await supervisor_.stop(NodeKind::kAgent, ctx.within(6s));
    if (agent_) co_await agent_->close(ctx.within(6s));
    co_await agent_out_.close(ctx.within(1s));
    co_await supervisor_.stop(NodeKind::kXmpp, ctx.within(3s));
    if (xmpp_) co_await xmpp_->close(ctx.within(2s));
    co_await xmpp_out_.close(ctx.within(1s));
    if (web_) co_await web_->close(ctx.within(1s));
    co_await web_out_.close(ctx.within(1s));
    co_await supervisor_.close();
    if (gateway_) co_await gateway_->close(ctx.within(3s));
    if (fabric_) co_await fabric_->close(ctx.within(1s));
    if (status_writer_) co_await status_writer_->close();
    if (usage_writer_) co_await usage_writer_->close();
  }

  const KernelConfig& config() const override { return config_; }
  const llm::Choice& model_choice() const override { return choice_; }
  channels::WebChannel& web() override { return *web_; }
  fabric::Router& router() override { return *router_; }
  memory::Ledger& ledger() override { return *ledger_; }
  fabric::Tracer* tracer() override { return fabric_ ? &fabric_->tracer() : nullptr; }
  json::object usage() const override;
  AuthoritySide& authority() override { return *authority_; }
  WallTime started() const override { return started_; }
  json::object status() const override;

 private:
  // What this process is: all that no other process is, or one node alone.
  [[nodiscard]] bool is_main() const { return !options_.only; }
  [[nodiscard]] bool hosts(NodeKind kind) const {
    if (kind == NodeKind::kXmpp && !(config_.xmpp && options_.networks)) return false;
    if (options_.only) return *options_.only == kind;
    return !options_.networks || config_.nodes.where(kind) == NodesConfig::Where::kInside;
  }
  // Messages cross processes here: every one is kept until it has arrived.
  [[nodiscard]] bool linked() const {
    return !is_main() || (options_.networks && (!config_.nodes.all_inside() || kept_by_links_));
  }

  Task<Result<void>> open_stores(Ctx ctx) {
    const std::string& home = config_.home;
    store::JournalConfig journal{.directory = home + "/run/journal", .sync = config_.sync};
    if (options_.only) journal.directory = node_journal(home, *options_.only);
    SKEP_CO_TRY(journal_, store::Journal::open(std::move(journal)));
    SKEP_CO_TRY_VOID(settle_journals());
    if (is_main() || hosts(NodeKind::kAgent)) {
      // The audit log goes with the agent, as the usage does.
      const std::string audit = hosts(NodeKind::kAgent) ? home : home + "/nodes";
      SKEP_CO_TRY(authority_,
                  AuthoritySide::open(config_.authority, audit, *journal_, Clock::system()));
      authority_->set_grants(std::string(own_name().base()), config_.agent.grants);
    }
    if (hosts(NodeKind::kAgent)) {
      SKEP_CO_TRY(memory_, memory::Memory::open(config_.memory));
    }
    // Whoever has the agent pays from its purse.
    memory::LedgerConfig ledger{.directory = home + (memory_ ? "/usage" : "/nodes/usage"),
                                .quota = config_.quota,
                                .time_zone = config_.agent.time_zone,
                                .sync = config_.sync};
    if (is_main() || memory_) {
      SKEP_CO_TRY(ledger_, memory::Ledger::open(std::move(ledger), Clock::system()));
    }
    store::DbConfig db{.path = home + "/state.db", .sync = config_.sync};
    SKEP_CO_TRY(db_,
                co_await store::Db::open(loop_, std::move(db), identity::Directory::migrations()));
    SKEP_CO_TRY(directory_, co_await identity::Directory::open(ctx, *db_));
    co_return Result<void>{};
  }

  // Nodes that have moved out or back in since the last time take their unfinished work along.
  Result<void> settle_journals() {
    if (!is_main()) return {};
    for (const NodeKind kind : kNodeKinds) {
      if (hosts(kind)) {
        SKEP_TRY_VOID(take_journal_back(config_, kind, *journal_));
      } else if (kind == NodeKind::kAgent || (config_.xmpp && options_.networks)) {
        SKEP_TRY_VOID(hand_journal_over(config_, kind, *journal_));
      }
    }
    const Name own = own_name();
    for (const std::string_view base : {own.base(), std::string_view("IO.web"), {"IO.xmpp"}})
      kept_by_links_ |= !fabric::kept_messages(*journal_, base).empty();
    return {};
  }

  Task<Result<void>> open_model(Ctx ctx) {
    if (!is_main() && !hosts(NodeKind::kAgent)) co_return Result<void>{};
    net::HttpClient::Deps http{.loop = loop_, .user_agent = "skep/" + std::string(version())};
    SKEP_CO_TRY(http_, net::HttpClient::open(std::move(http)));
    const EnvLookup env = process_env();
    SKEP_CO_TRY(choice_,
                co_await llm::choose_model(ctx, config_.llm, *config_.catalogue, *http_, env));
    SKEP_CO_TRY(model_, llm::Model::open(choice_.config, {.loop = loop_, .http = *http_}));
    co_return Result<void>{};
  }

  Result<void> open_tools() {
    if (!hosts(NodeKind::kAgent)) return {};
    SKEP_TRY_VOID(toolbox_.add(tools::make_memory_store(*memory_, Clock::system())));
    SKEP_TRY_VOID(toolbox_.add(tools::make_memory_recall(*memory_)));
    SKEP_TRY_VOID(toolbox_.add(tools::make_system_time(Clock::system())));
    if (config_.web_fetch.enabled) {
      SKEP_TRY_VOID(toolbox_.add(tools::make_web_fetch(*http_, config_.web_fetch)));
    }
    SKEP_TRY_VOID(toolbox_.add(tools::make_result_read(results_)));
    toolbox_.keep_long_results(results_, result_bytes());
    return open_workspace_tools(toolbox_, config_, pool_);
  }

  // A single result may take three tenths of the model's window, at two bytes a token.
  std::size_t result_bytes() const {
    const int window = model_->driver().context_window_tokens();
    if (window <= 0) return tools::result_bytes_max;
    return static_cast<std::size_t>(window) * 6 / 10;
  }

  [[nodiscard]] Name own_name() const {
    return Name::from_label(NodeType::kAgent, config_.agent.name, config_.hive);
  }
  Result<Name> talks_to() const {  // whom people here reach
    if (!options_.networks || config_.default_agent.empty()) return own_name();
    return Name::parse(config_.default_agent, config_.hive);
  }

  Result<void> open_nodes() {
    SKEP_TRY(const Name target, talks_to());
    if (is_main()) {
      SKEP_TRY(router_, fabric::Router::open({.hive = config_.hive,
                                              .name = config_.fabric.router,
                                              .default_target = target.str()}));
    }
    if (hosts(NodeKind::kAgent)) SKEP_TRY_VOID(open_agent());
    if (is_main()) {
      web_ = channels::WebChannel::open({.loop = loop_,
                                         .directory = *directory_,
                                         .out = web_out_,
                                         .agent = target,
                                         .clock = Clock::system()});
    }
    if (!hosts(NodeKind::kXmpp)) return {};
    channels::XmppChannelDeps xmpp{.xmpp = {.loop = loop_, .pool = pool_, .clock = Clock::system()},
                                   .directory = *directory_,
                                   .journal = *journal_,
                                   .out = xmpp_desk_,
                                   .agent = target,
                                   .version = std::string(version()),
                                   .gave_up = options_.fatal};
    if (agent_) xmpp.unfinished = agent_->unfinished();
    std::ranges::move(fabric::kept_messages(*journal_, "IO.xmpp"),
                      std::back_inserter(xmpp.unfinished));
    SKEP_TRY(xmpp_, channels::XmppChannel::open(*config_.xmpp, std::move(xmpp)));
    if (!agent_) xmpp_desk_.serve(*xmpp_);
    return {};
  }

  Result<void> open_agent() {
    agent::AgentDeps agent{.loop = loop_,
                           .model = *model_,
                           .toolbox = toolbox_,
                           .memory = *memory_,
                           .ledger = *ledger_,
                           .journal = *journal_,
                           .out = agent_out_,
                           .clock = Clock::system(),
                           .status_lines = [this](bool admin) { return status_lines(admin); },
                           .is_admin = [this](const Conversation& c) { return is_admin(c); },
                           .settings = [this](const Conversation& c) { return settings(c); }};
    if (config_.xmpp && options_.networks) {
      agent.rooms = [this](std::string_view command, std::string_view arguments) {
        if (xmpp_) return xmpp_->rooms_command(command, arguments);
        return std::string(
            "The XMPP channel has a process of its own: say this to me over XMPP, one-to-one.");
      };
    }
    SKEP_TRY(agent_, agent::Agent::open(config_.agent, std::move(agent)));
    return {};
  }

  NodeOut::LinkDeps link_deps(Inbox& inbox) {
    NodeOut::LinkDeps deps{.loop = loop_, .config = config_, .journal = *journal_, .router = {}};
    if (is_main())
      deps.router =
          fmt::format("{}/{}.sock", fabric_directory(config_.home), config_.fabric.router);
    if (&inbox == agent_.get()) deps.taken = agent_->unfinished();
    deps.gave_up = options_.fatal;
    return deps;
  }

  Result<void> attach(Name name, Inbox& inbox, NodeOut& out) {
    if (linked()) return out.link(name, inbox, link_deps(inbox));
    SKEP_TRY(fabric::Port port, router_->attach(std::move(name), NodeId{Uuid::random()}, inbox));
    out.attach(std::move(port));
    return {};
  }

  Result<void> attach_nodes() {
    const std::string& hive = config_.hive;
    if (agent_) SKEP_TRY_VOID(attach(own_name(), *agent_, agent_out_));
    if (web_)
      SKEP_TRY_VOID(attach(Name::from_label(NodeType::kChannel, "web", hive), *web_, web_out_));
    if (xmpp_)
      SKEP_TRY_VOID(attach(Name::from_label(NodeType::kChannel, "xmpp", hive), *xmpp_, xmpp_out_));
    return {};
  }

  void start_processes() {
    if (!is_main()) {
      status_writer_ = std::make_unique<NodeStatusWriter>(
          loop_, node_directory(config_.home, *options_.only) + kStatusFile,
          [this] { return status(); });
      if (ledger_) {
        usage_writer_ = std::make_unique<NodeStatusWriter>(
            loop_, node_directory(config_.home, *options_.only) + kUsageFile,
            [this] { return usage_json(*ledger_); });
      }
      return;
    }
    if (!options_.networks) return;
    for (const NodeKind kind : kNodeKinds) {
      const bool wanted = kind == NodeKind::kAgent || config_.xmpp;
      if (wanted && config_.nodes.where(kind) == NodesConfig::Where::kProcess)
        supervisor_.start(kind);
    }
  }

  // Without sockets this process is whole in itself, so only another router of the same name, which
  // would take half of the messages, keeps it from starting.
  Result<void> open_fabric() {
    if (!is_main() || !options_.networks || !config_.fabric.socket) return {};
    std::function<fabric::LsaRegion()> hives;
    if (config_.gateway.wanted()) {
      hives = [this] {
        return gateway_ ? fabric::lsa_region_of(*gateway_, *router_) : fabric::LsaRegion();
      };
    }
    auto side = FabricSide::open(loop_, *router_, config_.fabric, config_.home,
                                 /*rules_writer=*/true, std::move(hives));
    if (side) {
      fabric_ = *std::move(side);
    } else if (side.error().code == Code::kConflict) {
      return fail(std::move(side).error());
    } else {
      log::warn("fabric", "nodes of other processes cannot connect: {}", side.error().message);
    }
    return {};
  }

  bool is_admin(const Conversation& conversation) const {
    return kernel::is_admin(config_, conversation);
  }
  agent::ConversationSettings settings(const Conversation& conversation) const {
    return settings_of(config_, xmpp_.get(), conversation);
  }

  std::vector<std::string> status_lines(bool admin) const {
    std::vector<std::string> lines{"Model: " + model_->driver().describe()};
    for (const llm::Way& way : model_->ways()) {
      if (way.resting.count() > 0)
        lines.push_back(fmt::format("{} failed and rests for {} s", way.name, way.resting.count()));
    }
    if (!xmpp_) return lines;
    for (std::string& line : xmpp_->status_lines(admin)) lines.push_back(std::move(line));
    return lines;
  }

  void add_processes(json::object& status) const;

  Loop& loop_;
  KernelConfig config_;
  KernelOptions options_;
  HomeLock lock_;
  WallTime started_ = Clock::system().now();
  // In the order of opening; destroyed in reverse. Ports go before the router, and before the nodes
  // they lead to.
  Pool pool_;
  std::unique_ptr<store::Journal> journal_;
  std::unique_ptr<AuthoritySide> authority_;
  std::unique_ptr<memory::Memory> memory_;
  std::unique_ptr<memory::Ledger> ledger_;
  std::unique_ptr<store::Db> db_;
  std::unique_ptr<identity::Directory> directory_;
  std::unique_ptr<net::HttpClient> http_;
  llm::Choice choice_;
  std::unique_ptr<llm::Model> model_;
  tools::ResultStore results_{
      [this](const Conversation& conversation) { return memory_->directory(conversation); }};
  tools::Toolbox toolbox_;
  std::unique_ptr<fabric::Router> router_;
  std::unique_ptr<fabric::Gateway> gateway_;
  bool kept_by_links_ = false;
  std::unique_ptr<agent::Agent> agent_;
  std::unique_ptr<channels::WebChannel> web_;
  std::unique_ptr<channels::XmppChannel> xmpp_;
  NodeOut agent_out_, web_out_, xmpp_out_;
  RoomsDesk xmpp_desk_{xmpp_out_, [this](const Conversation& c) { return is_admin(c); }};
  std::unique_ptr<FabricSide> fabric_;
  NodeSupervisor supervisor_;
  std::unique_ptr<NodeStatusWriter> status_writer_, usage_writer_;
};

json::object KernelImpl::status() const {
  json::object status{
      {"version", version()}, {"pid", ::getpid()},    {"started_at", format_rfc3339(started_)},
      {"home", config_.home}, {"hive", config_.hive}, {"journal_unfinished", journal_->size()}};
  if (model_) {
    status["model"] = json::object{{"name", model_->driver().describe()}, {"why", choice_.why}};
  }
  if (agent_) status["agent"] = agent_json(agent_->stats(), config_.agent.name);
  if (xmpp_) status["xmpp"] = xmpp_->status();
  if (!is_main()) {
    if (auto link = (agent_ ? agent_out_ : xmpp_out_).status()) status["link"] = *std::move(link);
    return status;
  }
  add_processes(status);
  status["routes"] = routes_json(*router_);
  if (gateway_) {
    status["hives"] = hives_of(*gateway_);
    status["gateway"] = gateway_json(*gateway_);
  }
  if (fabric_) status["fabric"] = fabric_->status();
  return status;
}

// What a node's process says of agent and channel stands where it would if they were here.
void KernelImpl::add_processes(json::object& status) const {
  json::array processes;
  for (const NodeKind kind : kNodeKinds) {
    const bool there = kind == NodeKind::kAgent || (config_.xmpp && options_.networks);
    if (there && !hosts(kind))
      processes.push_back(process_json(config_.home, kind, supervisor_.status(kind), status));
  }
  if (!processes.empty()) status["processes"] = std::move(processes);
}

json::object KernelImpl::usage() const {
  json::object sums = usage_json(*ledger_);
  if (!is_main() || agent_) return sums;
  if (auto more = read_node_file(config_.home, NodeKind::kAgent, kUsageFile))
    add_usage(sums, json::value(*std::move(more)));
  return sums;
}

}  // namespace

Task<Result<std::unique_ptr<Kernel>>> Kernel::open(Loop& loop, KernelConfig config,
                                                   KernelOptions options) {
  const std::string place = options.only ? node_directory(config.home, *options.only) : config.home;
  SKEP_CO_TRY(HomeLock lock, HomeLock::take(place));
  auto kernel =
      std::make_unique<KernelImpl>(loop, std::move(config), std::move(options), std::move(lock));
  if (Result<void> opened = co_await kernel->open_all(); !opened) {
    Ctx ctx;
    co_await kernel->close(ctx.within(std::chrono::seconds(1)));
    co_return fail(std::move(opened).error());
  }
  std::unique_ptr<Kernel> result = std::move(kernel);
  co_return result;
}

}  // namespace skep::kernel
