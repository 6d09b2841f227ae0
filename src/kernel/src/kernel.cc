#include "skep/kernel/kernel.h"

#include "built_in_personas.h"
#include "event_agents.h"
#include "house_tools.h"
#include "journal_move.h"
#include "kernel_impl.h"
#include "skep/base/log.h"

namespace skep::kernel {

// Each step opens what the next ones stand on.
Task<Result<void>> KernelImpl::open_all() {
  const Ctx ctx;
  SKEP_CO_TRY_VOID(co_await open_stores(ctx));
  SKEP_CO_TRY_VOID(co_await open_model(ctx));
  SKEP_CO_TRY_VOID(open_tools());
  SKEP_CO_TRY_VOID(co_await open_router_and_agents(ctx));
  SKEP_CO_TRY_VOID(open_nodes());
  SKEP_CO_TRY_VOID(attach_nodes());
  SKEP_CO_TRY_VOID(open_fabric());
  for (NodeOut* out : {&agent_out_, &web_out_, &jobs_out_}) out->start();
  if (agent_) agent_->resume();
  if (agents_) agents_->resume();
  if (jobs_) jobs_->start();
  if (federation_) federation_->start();
  if (is_main() && options_.networks && config_.gateway.wanted()) {
    SKEP_CO_TRY(gateway_, co_await fabric::Gateway::open(loop_, *router_, config_.gateway));
  }
  if (xmpp_) xmpp_->start();
  start_processes();
  co_return Result<void>{};
}

Task<void> KernelImpl::close(Ctx ctx) {
  using namespace std::chrono_literals;
  // Running turns may still answer, so the channels stay until the agents are done.
  if (authority_) authority_->approvals().stop();  // nobody waits for an answer any more
  if (federation_) federation_->stopping();
  if (jobs_) co_await jobs_->close(ctx.within(1s));
  co_await supervisor_.stop(NodeKind::kAgent, ctx.within(6s));
  if (agent_) co_await agent_->close(ctx.within(6s));
  if (agents_) co_await agents_->close(ctx.within(6s));
  co_await agent_out_.close(ctx.within(1s));
  if (federation_) co_await federation_->close(ctx.within(1s));
  co_await supervisor_.stop(NodeKind::kXmpp, ctx.within(3s));
  if (xmpp_) co_await xmpp_->close(ctx.within(2s));
  if (web_) co_await web_->close(ctx.within(1s));
  co_await web_out_.close(ctx.within(1s));
  co_await jobs_out_.close(ctx.within(1s));
  co_await supervisor_.close();
  if (memory_side_) co_await memory_side_->close(ctx.within(1s));
  if (gateway_) co_await gateway_->close(ctx.within(3s));
  if (fabric_) co_await fabric_->close(ctx.within(1s));
  if (books_) co_await books_->close(ctx.within(1s));
  if (status_writer_) co_await status_writer_->close();
  if (usage_writer_) co_await usage_writer_->close();
}

bool KernelImpl::there_is(NodeKind kind) const {
  return kind == NodeKind::kAgent || (config_.has_xmpp() && options_.networks);
}

bool KernelImpl::hosts(NodeKind kind) const {
  if (!there_is(kind)) return false;
  if (options_.only) return *options_.only == kind;
  return !options_.networks || config_.nodes.where(kind) == NodesConfig::Where::kInside;
}

Name KernelImpl::own_name() const {
  return Name::from_label(NodeType::kAgent, config_.agent.name, config_.hive);
}

bool KernelImpl::is_admin(const Conversation& conversation) const {
  return kernel::is_admin(config_, xmpp_.get(), conversation);
}

Task<Result<void>> KernelImpl::open_stores(Ctx ctx) {
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
    SKEP_CO_TRY(memory_, memory::Memory::open(config_.memory));
    SKEP_CO_TRY(personas_,
                memory::Personas::open(config_.personas, config_.memory.path, built_in_personas()));
    memory::LedgerConfig ledger{
        .directory = home + (hosts(NodeKind::kAgent) ? "/usage" : "/nodes/usage"),
        .quota = config_.quota,
        .time_zone = config_.agent.time_zone,
        .sync = config_.sync};
    SKEP_CO_TRY(ledger_, memory::Ledger::open(std::move(ledger), Clock::system()));
  }
  co_return co_await open_db(std::move(ctx));
}

Task<Result<void>> KernelImpl::open_db(Ctx ctx) {
  store::DbConfig db{.path = config_.home + "/state.db", .sync = config_.sync};
  std::vector<store::Migration> migrations = identity::Directory::migrations();
  std::ranges::copy(Agents::migrations(), std::back_inserter(migrations));
  std::ranges::copy(Jobs::migrations(), std::back_inserter(migrations));
  std::ranges::copy(federation::Federation::migrations(), std::back_inserter(migrations));
  SKEP_CO_TRY(db_, co_await store::Db::open(loop_, std::move(db), std::move(migrations)));
  SKEP_CO_TRY(directory_, co_await identity::Directory::open(ctx, *db_));
  co_return Result<void>{};
}

// Nodes that have moved out or back in since the last time take their unfinished work along.
Result<void> KernelImpl::settle_journals() {
  if (!is_main()) return {};
  for (const NodeKind kind : kNodeKinds) {
    if (hosts(kind)) {
      SKEP_TRY_VOID(take_journal_back(config_, kind, *journal_));
    } else if (there_is(kind)) {
      SKEP_TRY_VOID(hand_journal_over(config_, kind, *journal_));
    }
  }
  std::vector<std::string> links = xmpp_node_names(config_);
  links.emplace_back(own_name().base());
  links.emplace_back("IO.web");
  links.emplace_back(Jobs::kNode);
  for (const std::string& link : links)
    kept_by_links_ |= !fabric::kept_messages(*journal_, link).empty();
  return {};
}

Task<Result<void>> KernelImpl::open_model(Ctx ctx) {
  if (!memory_) co_return Result<void>{};
  net::HttpClient::Deps http{.loop = loop_, .user_agent = "skep/" + std::string(version())};
  SKEP_CO_TRY(http_, net::HttpClient::open(std::move(http)));
  attachments::AttachmentsDeps files{.loop = loop_,
                                     .pool = pool_,
                                     .memory = *memory_,
                                     .user_agent = "skep/" + std::string(version())};
  SKEP_CO_TRY(attachments_, attachments::Attachments::open(config_.attachments, std::move(files)));
  SKEP_CO_TRY(models_, co_await ModelSide::open(ctx, loop_, *http_, config_));
  SKEP_CO_TRY(memory_side_, MemorySide::open({.loop = loop_,
                                              .config = config_,
                                              .http = *http_,
                                              .ledger = *ledger_,
                                              .clock = Clock::system()}));
  co_return Result<void>{};
}

// Also where the agent is elsewhere: they say what other agents may be given.
Result<void> KernelImpl::open_tools() {
  if (!memory_) return {};
  return add_house_tools(
      toolbox_, {.config = config_,
                 .http = *http_,
                 .pool = pool_,
                 .results = results_,
                 .model = *models_->now()->model,
                 .folder = folder_name(config_.agent.name, config_.hive),
                 .remembered = memory_side_->tools_of(config_.agent.name, *memory_,
                                                      config_.home + "/index", agent_out_)});
}

// The router first: agents are nodes.
Task<Result<void>> KernelImpl::open_router_and_agents(Ctx ctx) {
  talks_to_ = own_name();
  if (options_.networks && !config_.default_agent.empty()) {
    SKEP_CO_TRY(talks_to_, Name::parse(config_.default_agent, config_.hive));
  }
  if (memory_ && config_.turn_log.enabled) {
    SKEP_CO_TRY(turn_log_, agent::TurnLog::open(config_.turn_log, Clock::system()));
  }
  if (!is_main()) co_return Result<void>{};
  SKEP_CO_TRY(router_, fabric::Router::open({.hive = config_.hive,
                                             .name = config_.fabric.router,
                                             .default_target = talks_to_->str()}));
  AgentHouse house{.loop = loop_,
                   .pool = pool_,
                   .http = *http_,
                   .journal = *journal_,
                   .ledger = *ledger_,
                   .models = [this] { return models_->now(); },
                   .personas = *personas_,
                   .authority = *authority_,
                   .memory = *memory_side_,
                   .turn_log = turn_log_.get(),
                   .config = config_,
                   .is_admin = [this](const Conversation& c) { return is_admin(c); },
                   .role_of = [this](const Message& m) { return role_of(config_, m); },
                   .jobs = [this](const Conversation& c,
                                  std::string_view words) { return jobs_command(c, words); },
                   .send_file = file_sender()};
  AgentsDeps deps{.house = std::move(house),
                  .db = *db_,
                  .router = *router_,
                  .main_out = agent_out_,
                  .clock = Clock::system()};
  SKEP_CO_TRY(agents_, co_await Agents::open(ctx, std::move(deps)));
  if (options_.networks && config_.xmpp)
    SKEP_CO_TRY_VOID(check_event_agents(config_.xmpp->pubsub, *agents_));
  memory_side_->know_agents([this](std::string_view name) -> std::optional<std::string> {
    const auto entry = agents_->find(name);
    return entry ? std::optional(entry->name) : std::nullopt;
  });
  SKEP_CO_TRY_VOID(agents_->add_main_tools(toolbox_));
  co_return co_await open_jobs(std::move(ctx));
}

// Without sockets this process is whole in itself, so only another router of the same name, which
// would take half of the messages, keeps it from starting.
Result<void> KernelImpl::open_fabric() {
  if (!is_main() || !options_.networks) return {};
  SKEP_TRY(books_, FabricBooks::open(loop_, *router_, config_.books(true, config_.fabric.router)));
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
