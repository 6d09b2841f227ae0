// Answers of jobs on their way to webhooks, files and mailboxes.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "skep/async/gate.h"
#include "skep/async/pool.h"
#include "skep/async/wait.h"
#include "skep/kernel/mail_config.h"
#include "skep/kernel/schedules_config.h"
#include "skep/schedule/job.h"
#include "skep/store/journal.h"
#include "skep/tools/toolbox.h"
#include "skep/tools/workspace.h"

namespace skep::kernel {

// One answer for one place.
struct Parcel {
  std::string id;           // "<run>-<n>": the same each time it is tried, also after a crash
  std::string job;          // its id
  std::string name, agent;  // the job's and the agent's name
  Uuid agent_id;
  schedule::Delivery to;
  std::string text;
  bool failed = false;    // the run
  bool by_model = false;  // a model chose the place
  WallTime at{};

  [[nodiscard]] json::object to_json() const;
  static Result<Parcel> from_json(const json::value& value);
};

// Loop thread only. What begin() was given is kept until it has arrived or is given up: after
// tries_max tries, those that a crash cut short included. A place may get it twice, with the same
// id: when the process dies after it took it and before we wrote that down.
class Deliveries {
 public:
  static constexpr int tries_max = 4;
  static constexpr std::chrono::milliseconds try_time{30'000};
  static constexpr std::size_t under_way_max = 16;  // at once; more wait

  struct Deps {
    Loop& loop;
    Pool& pool;
    store::Journal& journal;
    const SchedulesConfig& config;  // asked again each time, as the next
    const MailConfig& mail;
    std::string user_agent;
    std::function<Result<tools::WorkspacePtr>(const Uuid& agent)> workspace;
    // Whether that agent may still do what it once chose: why not, or nothing.
    std::function<std::optional<std::string>(const Uuid& agent, const tools::Need&)> why_not;
    // What became of one; it is told again after a crash.
    std::function<Task<void>(Parcel parcel, Result<void> outcome)> ended;
  };
  explicit Deliveries(Deps deps);

  // Goes on with what a killed process left.
  void start();
  // One parcel for each place of the job. Those that were begun before are left alone.
  void begin(const std::string& run, const schedule::Job& job, const std::string& agent,
             const std::string& text, bool failed, WallTime at);
  [[nodiscard]] bool under_way(std::string_view job, const schedule::Delivery& to) const;
  [[nodiscard]] std::size_t under_way() const { return parcels_.size(); }
  Task<void> close(Ctx ctx) { co_await gate_.drain(std::move(ctx)); }

 private:
  Task<void> carry(store::EntryId entry, Parcel parcel, int tries);
  Task<Result<void>> attempt(const Ctx& ctx, const Parcel& parcel);
  Task<Result<void>> post(const Ctx& ctx, const Parcel& parcel);
  Task<Result<void>> append(const Ctx& ctx, const Parcel& parcel);
  Task<Result<void>> mail(const Ctx& ctx, const Parcel& parcel);
  Task<void> end(store::EntryId entry, Parcel parcel, Result<void> outcome);

  Deps deps_;
  Gate gate_;
  Semaphore some_{under_way_max};
  std::set<std::pair<std::string, std::string>> parcels_;  // job and place of what is under way
};

// What a model needs to have answers go there; nothing where it is not for models to choose.
std::vector<tools::Need> needs_of(const schedule::Delivery& to, const SchedulesConfig& config);
// Whether it could work at all: kInvalid, kDenied or kUnsupported in words for who asked for it.
Result<void> check_delivery(const schedule::Delivery& to, bool by_model,
                            const SchedulesConfig& config, const MailConfig& mail);
// The operator's, of that name; nullptr: there is none.
const SchedulesConfig::Webhook* webhook_named(const SchedulesConfig& config, std::string_view name);

}  // namespace skep::kernel
