// What runs by itself, among the other parts of the house.
#include "house_tools.h"
#include "kernel_impl.h"
#include "skep/channels/unasked_message.h"

namespace skep::kernel {

Task<Result<void>> KernelImpl::open_jobs(Ctx ctx) {
  JobsDeps deps{.loop = loop_,
                .db = *db_,
                .journal = *journal_,
                .agents = *agents_,
                .out = jobs_out_,
                .config = config_.schedules,
                .mail = config_.mail,
                .pool = pool_,
                .user_agent = "skep/" + std::string(version()),
                .workspace = [this](const AgentEntry& agent) { return workspace_of(agent); },
                .why_not = [this](const AgentEntry& agent,
                                  const tools::Need& need) { return why_not(agent, need); },
                .time_zone = config_.agent.time_zone,
                .main_here = hosts(NodeKind::kAgent),
                .runs = options_.networks,
                .clock = Clock::system(),
                .notify = [this](const schedule::Job& job, const std::string& id,
                                 std::string text) { return notify(job, id, std::move(text)); }};
  SKEP_CO_TRY(jobs_, co_await Jobs::open(std::move(ctx), std::move(deps)));
  agents_->give([this](tools::Toolbox& toolbox, const std::string& agent,
                       const std::function<bool(std::string_view)>& wanted) {
    return jobs_->add_tools(toolbox, agent, wanted);
  });
  if (!hosts(NodeKind::kAgent)) co_return Result<void>{};
  co_return jobs_->add_tools(toolbox_, config_.agent.name, [](std::string_view) { return true; });
}

Result<tools::WorkspacePtr> KernelImpl::workspace_of(const AgentEntry& agent) const {
  if (!config_.file_tools.enabled)
    return fail(Code::kUnsupported, "agents have no files here ([tools.files] enabled)");
  if (agent.main) return open_workspace(config_, folder_name(config_.agent.name, config_.hive));
  SKEP_TRY(const agent::Manifest manifest, agents_->manifest(agent.name));
  return open_workspace(config_, manifest.workspace.empty() ? manifest.name : manifest.workspace);
}

// What needed a yes has had it when it was chosen.
std::optional<std::string> KernelImpl::why_not(const AgentEntry& agent, const tools::Need& need) {
  authority::Question question{.principal = {.id = agent.name},
                               .agent = std::string(agents_->node(agent).base()),
                               .action = need.action,
                               .resource = need.resource,
                               .sends = true,
                               .detail = "delivery of a job's answer"};
  const authority::Decision decision = authority_->authority().authorize(question);
  if (decision.outcome != authority::Decision::Outcome::kDeny) return std::nullopt;
  return decision.reason;
}

// People of the terminal have no door of their own: they ask.
Result<void> KernelImpl::notify(const schedule::Job& job, const std::string& id, std::string text) {
  if (job.channel != "xmpp" || !there_is(NodeKind::kXmpp))
    return fail(Code::kUnsupported, "the person can be reached over XMPP only");
  const Conversation who{.channel = job.channel, .peer = job.peer, .entrypoint = job.entrypoint};
  channels::Unasked unasked{.id = MessageId(id),
                            .from = job.entrypoint,
                            .behalf_of = job.peer,
                            .to = job.peer,
                            .text = std::move(text)};
  if (!xmpp_) return ask_to_say(who, unasked);
  SKEP_TRY_VOID(xmpp_->channel_of(who).post(std::move(unasked)));
  return {};
}

// The channel is in a process of its own.
Result<void> KernelImpl::ask_to_say(const Conversation& who, const channels::Unasked& unasked) {
  std::string node = xmpp_node_names(config_).front();
  for (const channels::XmppChannelConfig& one : config_.xmpp_nodes()) {
    if (answers_at(one, who.entrypoint)) node = xmpp_node_name(one);
  }
  SKEP_TRY(const Name to, Name::parse(node, config_.hive));
  return jobs_out_.deliver(channels::unasked_message(unasked, to, Clock::system().now()));
}

std::string KernelImpl::jobs_command(const Conversation& who, std::string_view arguments) {
  if (!jobs_) return "The schedule is in another process: use `skep cron`.";
  return jobs_->command(who, is_admin(who), arguments);
}

}  // namespace skep::kernel
