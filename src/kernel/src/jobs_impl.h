// The jobs' parts: jobs.cc keeps them, job_runs.cc runs them, job_delivery.cc brings their answers
// to other places, job_wakes.cc is about agents that
// wake by themselves, job_tools.cc what models do with them, job_command.cc what people read.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "job_delivery.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/kernel/jobs.h"
#include "skep/schedule/condition.h"
#include "skep/schedule/job_store.h"

namespace skep::kernel {

// What models answer who have nothing to say.
bool is_silent(std::string_view text);
// Why a job is off whose single time has passed.
inline constexpr std::string_view kDelivering = "it ran; its answer is on its way";

class JobsImpl final : public Jobs, private Inbox {
 public:
  explicit JobsImpl(JobsDeps deps)
      : deps_(std::move(deps)), store_(deps_.db), gate_(deps_.loop), deliveries_(delivery_deps()) {}
  Task<Result<void>> load(Ctx ctx);

  Inbox& inbox() override { return *this; }
  void start() override;
  Task<void> close(Ctx ctx) override;
  Task<Result<schedule::Job>> create(JobRequest request) override;
  std::vector<schedule::Job> list(std::string_view peer) const override;
  Result<schedule::Job> find(std::string_view word, std::string_view peer) const override;
  Task<Result<schedule::Job>> pause(std::string id) override;
  Task<Result<schedule::Job>> resume(std::string id) override;
  Task<Result<schedule::Job>> run(std::string id) override;
  Task<Result<void>> cancel(std::string id) override;
  Result<void> add_tools(tools::Toolbox& toolbox, const std::string& agent,
                         const std::function<bool(std::string_view)>& wanted) override;
  std::string command(const Conversation& who, bool admin, std::string_view arguments) override;
  json::object describe(const schedule::Job& job) const override;
  json::object status() const override;

  // For the tools.
  const JobsDeps& deps() const { return deps_; }

 private:
  // A run that has not ended.
  struct Run {
    schedule::Firing firing;
    SteadyTime not_before{};
    Millis wait{0};
  };
  // What a manifest says about an agent's own schedule, and what has happened since.
  struct Own {
    agent::Wakes wakes;
    std::optional<schedule::QuietHours> quiet;
    std::vector<schedule::Condition> conditions;
    std::deque<schedule::Event> events;  // that wait for a run
    std::deque<SteadyTime> recent;       // runs for events within the hour
  };

  // jobs.cc
  Result<schedule::Job> checked(const JobRequest& request, const AgentEntry& agent) const;
  Task<Result<schedule::Job>> change(std::string id, std::function<void(schedule::Job&)> how);
  schedule::Job* job(std::string_view id);
  [[nodiscard]] bool is_running(std::string_view job) const;

  // job_runs.cc
  Result<void> deliver(Message message) override;
  Result<void> take_reply(const Message& message);
  Task<void> loop();
  Task<void> begin_due(std::string id);
  Task<Result<void>> begin(schedule::Job job, std::vector<schedule::Firing> runs);
  void hand_out();
  void hand_out(Run& run, const schedule::Job& job);
  [[nodiscard]] Message message_of(const Run& run, const schedule::Job& job,
                                   const AgentEntry& agent) const;
  Result<void> end_run(const std::string& firing, const Message& reply);
  Task<void> settle(store::EntryId entry, json::value record);
  Task<void> settle_run(const std::string& firing, const Message& reply, schedule::Job& told);
  void note(schedule::Job& job, const Message& reply, bool failed) const;
  void tell(const schedule::Job& job, const Message& reply);
  void end_lost();
  void end_without_answer(const std::string& run);
  [[nodiscard]] bool is_main(const schedule::Job& job) const;
  [[nodiscard]] std::chrono::nanoseconds until_next() const;

  // job_outcomes.cc
  Deliveries::Deps delivery_deps();
  void deliver_answer(const std::string& run, const schedule::Job& job, const Message& reply);
  Task<void> delivered(Parcel parcel, Result<void> outcome);
  [[nodiscard]] std::string delivery_state(const schedule::Job& job,
                                           const schedule::Delivery& to) const;

  // job_command.cc
  // A change whose success was told: a failure (the disk is full) is in the log.
  template <class T>
  Task<void> ended(Task<Result<T>> change, std::string id) {
    auto done = co_await std::move(change);
    if (!done) log::error("jobs", "job {} is not changed: {}", id, done.error().to_string());
  }

  // job_wakes.cc
  void take_event(const Message& message);
  Task<void> read_manifests();
  Task<void> refresh(Uuid agent, bool woken);
  Task<void> drop_all_of(Uuid agent);
  [[nodiscard]] schedule::Job own_job(const AgentEntry& agent, const agent::Wakes& wakes) const;
  void remember(const std::string& id, const agent::Wakes& wakes);
  Task<void> begin_events(std::string id);
  [[nodiscard]] std::string prompt_of(const schedule::Job& job, const AgentEntry& agent) const;
  [[nodiscard]] bool is_quiet(const schedule::Job& job, WallTime time) const;

  JobsDeps deps_;
  schedule::JobStore store_;
  Gate gate_;
  Deliveries deliveries_;
  Semaphore writing_{1};
  Signal wake_;
  WallTime started_{};
  std::map<std::string, schedule::Job, std::less<>> jobs_;
  std::map<std::string, Run, std::less<>> runs_;  // by firing id, so the oldest first
  std::map<std::string, Own, std::less<>> own_;   // by job id
  std::map<Uuid, WallTime> awake_since_;  // of agents that have begun to run since the start
  std::uint64_t ended_ = 0, failed_ = 0, dropped_ = 0, delivered_ = 0, undelivered_ = 0,
                too_deep_ = 0;
  bool closing_ = false;
};

}  // namespace skep::kernel
