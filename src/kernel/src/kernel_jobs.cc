// What runs by itself, among the other parts of the house.
#include "kernel_impl.h"

namespace skep::kernel {

Task<Result<void>> KernelImpl::open_jobs(Ctx ctx) {
  JobsDeps deps{.loop = loop_,
                .db = *db_,
                .journal = *journal_,
                .router = *router_,
                .agents = *agents_,
                .config = config_.schedules,
                .hive = config_.hive,
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
  if (job.channel != "xmpp" || !xmpp_)
    return fail(Code::kUnsupported, "the person can be reached over XMPP only");
  const Conversation who{.channel = job.channel, .peer = job.peer, .entrypoint = job.entrypoint};
  channels::Unasked unasked{.id = MessageId(id),
                            .from = job.entrypoint,
                            .behalf_of = job.peer,
                            .to = job.peer,
                            .text = std::move(text)};
  SKEP_TRY_VOID(xmpp_->channel_of(who).post(std::move(unasked)));
  return {};
}

std::string KernelImpl::jobs_command(const Conversation& who, std::string_view arguments) {
  if (!jobs_) return "The schedule is in another process: use `skep cron`.";
  return jobs_->command(who, is_admin(who), arguments);
}

}  // namespace skep::kernel
