// What runs by itself, among the other parts of the house.
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
