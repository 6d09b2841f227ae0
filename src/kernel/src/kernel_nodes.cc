#include <fmt/format.h>

#include "built_in_personas.h"
#include "config_text.h"
#include "contact_commands.h"
#include "kernel_impl.h"
#include "skep/agent/tiers.h"
#include "status_json.h"
#include "xmpp_send_tool.h"
#include "xmpp_tools.h"

namespace skep::kernel {
namespace {

// What the agent says to an administrator when it is not where the channel is.
std::string elsewhere() {
  return "The XMPP channel has a process of its own: say this to me over XMPP, one-to-one.";
}

}  // namespace

Result<void> KernelImpl::open_remote_agents() {
  if (!options_.networks || !is_main()) return {};
  SKEP_TRY(federation_,
           open_federation({.loop = loop_,
                            .config = config_,
                            .journal = *journal_,
                            .db = *db_,
                            .toolbox = toolbox_,
                            .ledger = *ledger_,
                            .authority = *authority_,
                            .out = federation_out_,
                            .agent = own_name(),
                            .is_admin = [this](const Conversation& c) { return is_admin(c); },
                            .upload =
                                [this](Ctx ctx, xmpp::SharedFile file, std::string bytes) {
                                  return xmpp_->upload(std::move(ctx), std::move(file),
                                                       std::move(bytes));
                                },
                            .files = attachments_.get()}));
  return {};
}

Result<void> KernelImpl::open_nodes() {
  SKEP_TRY_VOID(open_remote_agents());
  if (hosts(NodeKind::kAgent)) SKEP_TRY_VOID(open_agent());
  if (is_main()) {
    web_ = channels::WebChannel::open(
        {.loop = loop_,
         .directory = *directory_,
         .out = web_out_,
         .agent = *talks_to_,
         .node_of = [this](std::string_view name) { return node_of(name); },
         .clock = Clock::system()});
  }
  return hosts(NodeKind::kXmpp) ? open_xmpp() : Result<void>();
}

Result<void> KernelImpl::open_agent() {
  agent::AgentDeps agent{
      .loop = loop_,
      .model = *models_->now()->model,
      .toolbox = toolbox_,
      .memory = *memory_,
      .ledger = *ledger_,
      .journal = *journal_,
      .authority = authority_->authority(),
      .approvals = authority_->approvals(),
      .audit = authority_->audit(),
      .out = agent_out_,
      .clock = Clock::system(),
      .status_lines = [this](bool admin) { return status_lines(admin); },
      .is_admin = [this](const Conversation& c) { return is_admin(c); },
      .settings = [this](const Conversation& c) { return settings_of(config_, xmpp_.get(), c); },
      .attach =
          [this](Ctx ctx, Message message) {
            return attachments_->take(std::move(ctx), std::move(message));
          }};
  if (there_is(NodeKind::kXmpp)) serve_commands(agent);
  if (jobs_) {
    agent.jobs = [this](const Conversation& c, std::string_view words) {
      return jobs_command(c, words);
    };
  }
  agent.role_of = [this](const Message& m) { return role_of(config_, m); };
  agent.config_text = [this](std::string_view words) { return config_text(config_.keys, words); };
  agent.send_file = file_sender();
  agent.turn_log = turn_log_.get();
  agent.renew = [this](agent::AgentDeps& now) { take_models(now, models_->now()); };
  renew(agent);
  agent.personas = personas_.get();
  SKEP_TRY_VOID(toolbox_.add(agent::make_escalate()));
  agent::ModelsNow named = [this](std::shared_ptr<const void>& held) {
    const ModelSetPtr set = models_->now();
    held = set;
    return set->tiers.get();
  };
  SKEP_TRY_VOID(agent::add_sub_agents(toolbox_, config_.sub_agents, config_.agent, agent,
                                      std::move(named), persona_texts(*personas_)));
  SKEP_TRY(agent_, agent::Agent::open(config_.agent, std::move(agent)));
  return {};
}

decltype(agent::AgentDeps::send_file) KernelImpl::file_sender() {
  return [this](Ctx ctx, Conversation conversation, std::string turn, agent::OfferedFile file) {
    return send_into(xmpp_.get(), std::move(ctx), std::move(conversation), std::move(turn),
                     {.name = std::move(file.name), .bytes = std::move(file.bytes)});
  };
}

void KernelImpl::serve_commands(agent::AgentDeps& deps) {
  deps.rooms = [this](std::string_view command, std::string_view arguments) {
    return xmpp_ ? xmpp_->rooms_command(command, arguments) : elsewhere();
  };
  deps.access = [this](const Conversation& who, std::string_view command,
                       std::string_view arguments) {
    return xmpp_ ? xmpp_->access_command(who, command, arguments) : elsewhere();
  };
}

Result<void> KernelImpl::open_xmpp() {
  SKEP_TRY(access_, identity::Access::open(config_.home + "/access.json", Clock::system()));
  SKEP_TRY(contacts_,
           identity::Contacts::open(
               config_.home + "/contacts.json", Clock::system(),
               [this](const identity::FirstContact& one, bool known, std::string_view by) {
                 return note_contact(authority_.get(), one, known, by);
               }));
  XmppSide::Deps deps{.xmpp = {.loop = loop_, .pool = pool_, .clock = Clock::system()},
                      .directory = *directory_,
                      .access = *access_,
                      .contacts = *contacts_,
                      .journal = *journal_,
                      .agent = *talks_to_,
                      .hive = config_.hive,
                      .version = std::string(version()),
                      .gave_up = options_.fatal,
                      .unfinished = unfinished(),
                      .commands = command_specs(config_),
                      .files = attachments_.get(),
                      .serves_commands = !agent_,
                      .may = [this](const Message& message, const agent::CommandInfo& info) {
                        const auto action = agent::action_of(info);
                        const auto role = role_of(config_, message);
                        return !action || !authority::why_role_bars(role, *action);
                      }};
  if (federation_) deps.guest = guest_of(*federation_);
  SKEP_TRY(xmpp_, XmppSide::open(config_.xmpp_nodes(), deps));
  xmpp_->on_reload = options_.reload;
  if (!is_main() && options_.reload) {
    xmpp_->on_reload = [this] {  // in all processes
      std::string said = options_.reload();
      hang_up(config_.home);
      return said;
    };
  }
  if (!agent_) return {};
  SKEP_TRY_VOID(open_xmpp_send(toolbox_, config_, *xmpp_, *authority_, *contacts_));
  return open_xmpp_tools(toolbox_, config_, pool_, *xmpp_);
}

// What the channels have handed on and still owe an answer for.
std::vector<Message> KernelImpl::unfinished() const {
  std::vector<Message> all;
  if (agent_) all = agent_->unfinished();
  if (agents_) std::ranges::move(agents_->unfinished(), std::back_inserter(all));
  for (const std::string& name : xmpp_node_names(config_))
    std::ranges::move(fabric::kept_messages(*journal_, name), std::back_inserter(all));
  return all;
}

Result<Name> KernelImpl::node_of(std::string_view agent) const {
  SKEP_TRY(const AgentEntry entry, agents_->find(agent));
  return agents_->node(entry);
}

// -- on the fabric -------------------------------------------------------------------------------

NodeOut::LinkDeps KernelImpl::link_deps() {
  NodeOut::LinkDeps deps{.loop = loop_, .config = config_, .journal = *journal_, .router = {}};
  if (is_main())
    deps.router = fmt::format("{}/{}.sock", fabric_directory(config_.home), config_.fabric.router);
  deps.gave_up = options_.fatal;
  return deps;
}

Result<void> KernelImpl::attach(const Name& name, Inbox& inbox, NodeOut& out) {
  if (linked()) return out.link(name, inbox, link_deps());
  SKEP_TRY(fabric::Port port, router_->attach(name, NodeId{Uuid::random()}, inbox));
  out.attach(std::move(port));
  return {};
}

Result<void> KernelImpl::attach_agent() {
  Inbox& inbox = agents_ ? agents_->main_in(*agent_) : *agent_;
  if (agents_) agents_->watch_main(*agent_);
  if (linked()) {
    NodeOut::LinkDeps deps = link_deps();
    deps.taken = agent_->unfinished();
    return agent_out_.link(own_name(), inbox, std::move(deps));
  }
  SKEP_TRY(const AgentEntry entry, agents_->find(config_.agent.name));
  SKEP_TRY(fabric::Port port, router_->attach(own_name(), NodeId{entry.id}, inbox));
  agent_out_.attach(std::move(port));
  return {};
}

Result<void> KernelImpl::attach_nodes() {
  if (agent_) SKEP_TRY_VOID(attach_agent());
  if (agents_) SKEP_TRY_VOID(agents_->attach());
  if (web_) {
    SKEP_TRY_VOID(
        attach(Name::from_label(NodeType::kChannel, "web", config_.hive), *web_, web_out_));
  }
  if (jobs_) {
    SKEP_TRY(const Name jobs, Name::parse(Jobs::kNode, config_.hive));
    SKEP_TRY_VOID(attach(jobs, jobs_->inbox(), jobs_out_));
  }
  if (federation_) SKEP_TRY_VOID(attach_federation());
  if (!xmpp_) return {};
  return xmpp_->attach(config_.hive, [this](const Name& name, Inbox& inbox, NodeOut& out) {
    return attach(name, inbox, out);
  });
}

// Its nodes and those it asks and answers for are in this process ([federation] wants them so).
Result<void> KernelImpl::attach_federation() {
  const std::string& hive = config_.hive;
  SKEP_TRY(federation_out_.port,
           router_->attach(Name::from_label(NodeType::kChannel, "federation", hive),
                           NodeId{Uuid::random()}, *federation_));
  for (federation::StandIn* one : federation_->stand_ins()) {
    PortInbox& out = *stand_in_outs_.emplace_back(std::make_unique<PortInbox>());
    SKEP_TRY(out.port, router_->attach(Name::from_label(NodeType::kAgent, one->name(), hive),
                                       NodeId{Uuid::random()}, *one));
    one->speak_through(out);
  }
  return {};
}

void KernelImpl::start_processes() {
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
    if (there_is(kind) && config_.nodes.where(kind) == NodesConfig::Where::kProcess)
      supervisor_.start(kind);
  }
}

}  // namespace skep::kernel
