#include "skep/kernel/kernel.h"

#include <filesystem>

#include "federation_side.h"
#include "gateway_status.h"
#include "house_tools.h"
#include "skep/base/log.h"
#include "skep/kernel/agents.h"
#include "skep/tools/builtin.h"
#include "skep/tools/result_store.h"
#include "xmpp_send_tool.h"
#include "xmpp_side.h"
#include "xmpp_tools.h"

namespace skep::kernel {

namespace {

class KernelImpl final : public Kernel {
 public:
  KernelImpl(Loop& loop, KernelConfig config, KernelOptions options, HomeLock lock)
      : loop_(loop),
        config_(std::move(config)),
        options_(std::move(options)),
        lock_(std::move(lock)),
        pool_(loop) {}

  // Each step opens what the next ones stand on.
  Task<Result<void>> open_all() {
    const Ctx ctx;
    SKEP_CO_TRY_VOID(co_await open_stores(ctx));
    SKEP_CO_TRY_VOID(co_await open_model(ctx));
    SKEP_CO_TRY_VOID(open_tools());
    SKEP_CO_TRY_VOID(co_await open_agents(ctx));
    SKEP_CO_TRY_VOID(open_nodes());
    SKEP_CO_TRY_VOID(attach_nodes());
    SKEP_CO_TRY_VOID(open_fabric());
    agent_->resume();
    agents_->resume();
    if (federation_) federation_->start();
    if (options_.networks && config_.gateway.wanted()) {
      SKEP_CO_TRY(gateway_, co_await fabric::Gateway::open(loop_, *router_, config_.gateway));
    }
    if (xmpp_) xmpp_->start();
    co_return Result<void>{};
  }

  Task<void> close(Ctx ctx) override {
    using namespace std::chrono_literals;
    // Running turns may still answer, so the channels stay until the agent is done.
    if (authority_) authority_->approvals().stop();  // nobody waits for an answer any more
    if (federation_) federation_->stopping();
    if (agent_) co_await agent_->close(ctx.within(6s));
    if (agents_) co_await agents_->close(ctx.within(6s));
    if (federation_) co_await federation_->close(ctx.within(1s));
    if (xmpp_) co_await xmpp_->close(ctx.within(2s));
    if (web_) co_await web_->close(ctx.within(1s));
    if (gateway_) co_await gateway_->close(ctx.within(3s));
    if (fabric_) co_await fabric_->close(ctx.within(1s));
    if (books_) co_await books_->close(ctx.within(1s));
  }

  const KernelConfig& config() const override { return config_; }
  const llm::Choice& model_choice() const override { return choice_; }
  channels::WebChannel& web() override { return *web_; }
  fabric::Router& router() override { return *router_; }
  Agents& agents() override { return *agents_; }
  memory::Ledger& ledger() override { return *ledger_; }
  fabric::ConfigLog* config_log() override { return books_ ? &books_->config_log() : nullptr; }
  AuthoritySide& authority() override { return *authority_; }
  WallTime started() const override { return started_; }
  void reload(const KernelConfig& config) override {
    if (xmpp_) xmpp_->reload(config.xmpp_nodes());
  }
  json::object status() const override;

 private:
  Task<Result<void>> open_stores(Ctx ctx) {
    const std::string& home = config_.home;
    SKEP_CO_TRY(journal_,
                store::Journal::open({.directory = home + "/run/journal", .sync = config_.sync}));
    SKEP_CO_TRY(authority_,
                AuthoritySide::open(config_.authority, home, *journal_, Clock::system()));
    authority_->set_grants(
        std::string(Name::from_label(NodeType::kAgent, config_.agent.name, config_.hive).base()),
        config_.agent.grants);
    SKEP_CO_TRY(memory_, memory::Memory::open(config_.memory));
    memory::LedgerConfig ledger{.directory = home + "/usage",
                                .quota = config_.quota,
                                .time_zone = config_.agent.time_zone,
                                .sync = config_.sync};
    SKEP_CO_TRY(ledger_, memory::Ledger::open(std::move(ledger), Clock::system()));
    store::DbConfig db{.path = home + "/state.db", .sync = config_.sync};
    std::vector<store::Migration> migrations = identity::Directory::migrations();
    std::ranges::copy(Agents::migrations(), std::back_inserter(migrations));
    std::ranges::copy(federation::Federation::migrations(), std::back_inserter(migrations));
    SKEP_CO_TRY(db_, co_await store::Db::open(loop_, std::move(db), std::move(migrations)));
    SKEP_CO_TRY(directory_, co_await identity::Directory::open(ctx, *db_));
    co_return Result<void>{};
  }

  Task<Result<void>> open_model(Ctx ctx) {
    net::HttpClient::Deps http{.loop = loop_, .user_agent = "skep/" + std::string(version())};
    SKEP_CO_TRY(http_, net::HttpClient::open(std::move(http)));
    attachments::AttachmentsDeps files{.loop = loop_,
                                       .pool = pool_,
                                       .memory = *memory_,
                                       .user_agent = "skep/" + std::string(version())};
    SKEP_CO_TRY(attachments_,
                attachments::Attachments::open(config_.attachments, std::move(files)));
    const EnvLookup env = process_env();
    SKEP_CO_TRY(choice_,
                co_await llm::choose_model(ctx, config_.llm, *config_.catalogue, *http_, env));
    SKEP_CO_TRY(model_, llm::Model::open(choice_.config, {.loop = loop_, .http = *http_}));
    co_return Result<void>{};
  }

  Result<void> open_tools() {
    return add_house_tools(toolbox_, {.config = config_,
                                      .memory = *memory_,
                                      .http = *http_,
                                      .pool = pool_,
                                      .results = results_,
                                      .model = *model_,
                                      .folder = folder_name(config_.agent.name, config_.hive)});
  }

  // The router first: agents are nodes.
  Task<Result<void>> open_agents(Ctx ctx) {
    talks_to_ = Name::from_label(NodeType::kAgent, config_.agent.name, config_.hive);
    if (options_.networks && !config_.default_agent.empty()) {
      SKEP_CO_TRY(talks_to_, Name::parse(config_.default_agent, config_.hive));
    }
    SKEP_CO_TRY(router_, fabric::Router::open({.hive = config_.hive,
                                               .name = config_.fabric.router,
                                               .default_target = talks_to_->str()}));
    if (config_.turn_log.enabled) {
      SKEP_CO_TRY(turn_log_, agent::TurnLog::open(config_.turn_log, Clock::system()));
    }
    AgentHouse house{.loop = loop_,
                     .pool = pool_,
                     .http = *http_,
                     .journal = *journal_,
                     .ledger = *ledger_,
                     .model = *model_,
                     .chosen = choice_.config,
                     .authority = *authority_,
                     .turn_log = turn_log_.get(),
                     .config = config_,
                     .is_admin = [this](const Conversation& c) { return is_admin(c); }};
    AgentsDeps deps{
        .house = std::move(house), .db = *db_, .router = *router_, .clock = Clock::system()};
    SKEP_CO_TRY(agents_, co_await Agents::open(std::move(ctx), std::move(deps)));
    co_return agents_->add_main_tools(toolbox_);
  }

  Result<void> open_remote_agents() {
    if (!options_.networks) return {};
    const Name own = Name::from_label(NodeType::kAgent, config_.agent.name, config_.hive);
    SKEP_TRY(federation_,
             open_federation({.loop = loop_,
                              .config = config_,
                              .journal = *journal_,
                              .db = *db_,
                              .toolbox = toolbox_,
                              .ledger = *ledger_,
                              .authority = *authority_,
                              .out = federation_out_,
                              .agent = own,
                              .is_admin = [this](const Conversation& c) { return is_admin(c); }}));
    return {};
  }

  Result<void> open_nodes() {
    SKEP_TRY_VOID(open_remote_agents());
    agent::AgentDeps agent{.loop = loop_,
                           .model = *model_,
                           .toolbox = toolbox_,
                           .memory = *memory_,
                           .ledger = *ledger_,
                           .journal = *journal_,
                           .authority = authority_->authority(),
                           .approvals = authority_->approvals(),
                           .audit = authority_->audit(),
                           .out = agents_->main_out(),
                           .clock = Clock::system(),
                           .status_lines = [this](bool admin) { return status_lines(admin); },
                           .is_admin = [this](const Conversation& c) { return is_admin(c); },
                           .settings = [this](const Conversation& c) { return settings(c); },
                           .attach =
                               [this](Ctx ctx, Message message) {
                                 return attachments_->take(std::move(ctx), std::move(message));
                               }};
    if (config_.has_xmpp() && options_.networks) {
      agent.rooms = [this](std::string_view command, std::string_view arguments) {
        return xmpp_->rooms_command(command, arguments);
      };
      agent.access = [this](const Conversation& who, std::string_view command,
                            std::string_view arguments) {
        return xmpp_->access_command(who, command, arguments);
      };
    }
    agent.turn_log = turn_log_.get();
    SKEP_TRY(agent_, agent::Agent::open(config_.agent, std::move(agent)));

    web_ = channels::WebChannel::open(
        {.loop = loop_,
         .directory = *directory_,
         .out = web_out_,
         .agent = *talks_to_,
         .node_of = [this](std::string_view name) { return node_of(name); },
         .clock = Clock::system()});
    return open_xmpp();
  }

  Result<void> open_xmpp() {
    SKEP_TRY(access_, identity::Access::open(config_.home + "/access.json", Clock::system()));
    if (!config_.has_xmpp() || !options_.networks) return {};
    XmppSide::Deps deps{.xmpp = {.loop = loop_, .pool = pool_, .clock = Clock::system()},
                        .directory = *directory_,
                        .access = *access_,
                        .journal = *journal_,
                        .agent = *talks_to_,
                        .hive = config_.hive,
                        .version = std::string(version()),
                        .gave_up = options_.fatal,
                        .unfinished = unfinished(),
                        .commands = command_specs(),
                        .files = attachments_.get()};
    if (federation_) deps.guest = guest_of(*federation_);
    SKEP_TRY(xmpp_, XmppSide::open(config_.xmpp_nodes(), deps));
    xmpp_->on_reload = options_.reload;
    SKEP_TRY_VOID(open_xmpp_send(toolbox_, config_, *xmpp_, *authority_));
    return open_xmpp_tools(toolbox_, config_, pool_, *xmpp_);
  }

  Result<void> attach(Name name, Inbox& inbox, PortInbox& out) {
    SKEP_TRY(out.port, router_->attach(std::move(name), NodeId{Uuid::random()}, inbox));
    return {};
  }

  Result<void> attach_nodes() {
    const std::string& hive = config_.hive;
    SKEP_TRY_VOID(agents_->attach(*agent_));
    SKEP_TRY_VOID(attach(Name::from_label(NodeType::kChannel, "web", hive), *web_, web_out_));
    if (federation_) {
      SKEP_TRY_VOID(attach(Name::from_label(NodeType::kChannel, "federation", hive), *federation_,
                           federation_out_));
      SKEP_TRY_VOID(attach_stand_ins());
    }
    return xmpp_ ? xmpp_->attach(*router_, hive) : Result<void>();
  }

  Result<void> attach_stand_ins() {
    for (federation::StandIn* one : federation_->stand_ins()) {
      PortInbox& out = *stand_in_outs_.emplace_back(std::make_unique<PortInbox>());
      const Name name = Name::from_label(NodeType::kAgent, one->name(), config_.hive);
      SKEP_TRY_VOID(attach(name, *one, out));
      one->speak_through(out);
    }
    return {};
  }

  // Without sockets this process is whole in itself, so only another router of the same name, which
  // would take half of the messages, keeps it from starting.
  Result<void> open_fabric() {
    if (!options_.networks) return {};
    SKEP_TRY(books_,
             FabricBooks::open(loop_, *router_, config_.books(true, config_.fabric.router)));
    books_->audit_to(authority_->audit());
    if (!config_.fabric.socket) return {};
    std::function<fabric::LsaRegion()> hives;
    if (config_.gateway.wanted()) {
      hives = [this] {
        return gateway_ ? fabric::lsa_region_of(*gateway_, *router_) : fabric::LsaRegion();
      };
    }
    auto side = FabricSide::open(loop_, *router_, *books_, config_.fabric, config_.home,
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

  Result<Name> node_of(std::string_view agent) const {
    SKEP_TRY(const AgentEntry entry, agents_->find(agent));
    return agents_->node(entry);
  }

  std::vector<Message> unfinished() const {
    std::vector<Message> all = agent_->unfinished();
    std::ranges::move(agents_->unfinished(), std::back_inserter(all));
    return all;
  }

  bool is_admin(const Conversation& conversation) const {
    if (conversation.channel == "agent") return false;  // a model speaks
    if (conversation.channel == "cli")
      return true;  // the operating system already knows this person
    return xmpp_ && xmpp_->is_admin(conversation);
  }

  agent::ConversationSettings settings(const Conversation& conversation) const {
    const channels::RoomConfig* room = xmpp_ ? xmpp_->room_config(conversation) : nullptr;
    if (room == nullptr)
      return {.context = xmpp_ ? xmpp_->signals_of(conversation) : std::string()};
    return {.personality = room->persona,
            .instructions = room->instructions,
            .history_token_budget = room->history_token_budget};
  }

  std::vector<std::string> status_lines(bool admin) const {
    std::vector<std::string> lines{"Model: " + model_->driver().describe()};
    for (const llm::Way& way : model_->ways()) {
      if (way.resting.count() > 0)
        lines.push_back(fmt::format("{} failed and rests for {} s", way.name, way.resting.count()));
    }
    if (!xmpp_) return lines;
    for (std::string& line : xmpp_->status_lines(admin)) lines.push_back(std::move(line));
    if (federation_ && admin)
      std::ranges::move(federation_->status_lines(), std::back_inserter(lines));
    return lines;
  }

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
  std::unique_ptr<attachments::Attachments> attachments_;
  llm::Choice choice_;
  std::unique_ptr<llm::Model> model_;
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
  std::unique_ptr<channels::WebChannel> web_;
  std::unique_ptr<identity::Access> access_;
  std::unique_ptr<XmppSide> xmpp_;
  PortInbox web_out_, federation_out_;
  std::vector<std::unique_ptr<PortInbox>> stand_in_outs_;
  std::unique_ptr<FabricBooks> books_;
  std::unique_ptr<FabricSide> fabric_;
};

json::object KernelImpl::status() const {
  const agent::AgentStats stats = agent_->stats();
  json::object agent{{"name", config_.agent.name},
                     {"running", stats.running},
                     {"waiting", stats.waiting},
                     {"accepted", stats.accepted},
                     {"refused", stats.refused},
                     {"replied", stats.replied},
                     {"failed", stats.failed},
                     {"resumed", stats.resumed},
                     {"input_tokens", stats.usage.input},
                     {"output_tokens", stats.usage.output}};
  json::array routes;
  for (const fabric::RouteEntry& route : router_->snapshot()->routes) {
    routes.push_back(
        json::object{{"name", route.name}, {"node", route.node.uuid.str()}, {"why", route.why}});
  }
  json::object status{
      {"version", version()},
      {"started_at", format_rfc3339(started_)},
      {"home", config_.home},
      {"hive", config_.hive},
      {"model", json::object{{"name", model_->driver().describe()}, {"why", choice_.why}}},
      {"agent", std::move(agent)},
      {"agents", agents_->status()},
      {"journal_unfinished", journal_->size()},
      {"routes", std::move(routes)}};
  if (xmpp_) status["xmpp"] = xmpp_->status();
  status["attachments"] = attachments_status(attachments_->stats());
  if (federation_) status["federation"] = federation_->status();
  if (gateway_) {
    const fabric::GatewayStats gateway = gateway_->stats();
    status["hives"] = hives_of(*gateway_);
    status["gateway"] = json::object{{"port", gateway_->port()},
                                     {"sessions", gateway.sessions},
                                     {"refused", gateway.refused},
                                     {"last_refusal", gateway.last_refusal}};
  }
  if (fabric_) status["fabric"] = fabric_->status();
  if (books_) {
    status["rules"] = books_->config_status();
    if (json::object streams = books_->streams_status(); !streams.empty())
      status["streams"] = std::move(streams);
  }
  return status;
}

}  // namespace

Task<Result<std::unique_ptr<Kernel>>> Kernel::open(Loop& loop, KernelConfig config,
                                                   KernelOptions options) {
  SKEP_CO_TRY(HomeLock lock, HomeLock::take(config.home));
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
