// What becomes of the answers of jobs beside their person.
#include "jobs_impl.h"
#include "skep/base/text.h"
#include "skep/model/errand.h"

namespace skep::kernel {

using schedule::Delivery;
using schedule::Job;

bool is_silent(std::string_view text) {
  text = trim(text);
  return text.empty() || text == "NO_REPLY" || text == "[silent]" || text == "[[silent]]";
}

Deliveries::Deps JobsImpl::delivery_deps() {
  const auto entry_of = [this](const Uuid& agent) -> Result<AgentEntry> {
    if (const AgentEntry* found = deps_.agents.by_id(agent)) return *found;
    return fail(Code::kNotFound, "its agent is gone");
  };
  return {.loop = deps_.loop,
          .pool = deps_.pool,
          .journal = deps_.journal,
          .config = deps_.config,
          .mail = deps_.mail,
          .user_agent = deps_.user_agent,
          .workspace = [this, entry_of](const Uuid& agent) -> Result<tools::WorkspacePtr> {
            SKEP_TRY(const AgentEntry entry, entry_of(agent));
            return deps_.workspace(entry);
          },
          .why_not = [this, entry_of](const Uuid& agent,
                                      const tools::Need& need) -> std::optional<std::string> {
            const auto entry = entry_of(agent);
            return entry ? deps_.why_not(*entry, need) : entry.error().message;
          },
          .ended = [this](Parcel parcel,
                          Result<void> outcome) { return delivered(std::move(parcel), outcome); }};
}

void JobsImpl::deliver_answer(const std::string& run, const Job& job, const Message& reply) {
  const std::string text = text_of(reply.parts);
  if (job.deliver.empty() || is_silent(text)) return;
  const auto outcome = outcome_of(reply);
  const AgentEntry* agent = deps_.agents.by_id(job.agent);
  deliveries_.begin(run, job, agent == nullptr ? job.agent.str() : agent->name, text,
                    !outcome || outcome->failed, reply.sent_at);
}

// A failure here is none of the job: it is shown, and the job goes on.
Task<void> JobsImpl::delivered(Parcel parcel, Result<void> outcome) {
  ++(outcome ? delivered_ : undelivered_);
  const Ctx ctx;
  const auto turn = co_await writing_.acquire(ctx);
  const Job* found = job(parcel.job);
  if (!turn || found == nullptr) co_return;
  Job changed = *found;
  const auto place = std::ranges::find(changed.deliver, parcel.to.text(), &Delivery::text);
  if (place == changed.deliver.end()) co_return;
  place->last = outcome ? std::string("done")
                        : fmt::format("failed: {}", cut_utf8(to_valid_utf8(outcome.error().message),
                                                             Delivery::last_bytes_max));
  place->last_at = deps_.clock.now();
  const bool last = changed.why_off == kDelivering &&
                    std::ranges::none_of(changed.deliver, [&](const Delivery& one) {
                      return deliveries_.under_way(changed.id, one);
                    });
  const bool failed = std::ranges::any_of(changed.deliver, &Delivery::failed);
  if (last && failed) changed.why_off = "it ran; its answer did not get everywhere";
  const std::string id = changed.id;
  auto kept =
      last && !failed ? co_await store_.remove(ctx, id) : co_await store_.save(ctx, changed);
  if (!kept) {
    log::error("jobs", "what became of delivery {} is not kept: {}", parcel.id,
               kept.error().to_string());
    co_return;
  }
  if (last && !failed)
    jobs_.erase(id);
  else
    jobs_[id] = std::move(changed);
}

std::string JobsImpl::delivery_state(const Job& job, const Delivery& to) const {
  if (deliveries_.under_way(job.id, to)) return "on its way";
  return to.last.empty() ? std::string("nothing yet") : to.last;
}

}  // namespace skep::kernel
