// What runs by itself: jobs that people and agents make, and agents that wake by their manifests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/kernel/agents.h"
#include "skep/kernel/mail_config.h"
#include "skep/kernel/schedules_config.h"
#include "skep/schedule/job.h"
#include "skep/tools/workspace.h"

namespace skep::kernel {

struct JobRequest {
  std::string agent;      // its name; empty: the main one
  std::string name;       // empty: what its text begins with
  std::string text;       // what the agent is told
  std::string when;       // as schedule::When::parse() takes it
  std::string time_zone;  // empty: [agent] time_zone
  std::string missed;     // "skip", "once", "all"; empty: "once"
  Conversation whose;     // for whom
  bool notify = true;
  std::vector<std::string> deliver = {};  // as schedule::Delivery::parse() takes them
  bool by_model = false;                  // then [schedules] every_secs_min holds
};

// Everything outlives the Jobs.
struct JobsDeps {
  Loop& loop;
  store::Db& db;
  store::Journal& journal;
  Agents& agents;
  Inbox& out;                     // the way to agents, attached before start()
  const SchedulesConfig& config;  // asked again each time: it may change
  const MailConfig& mail;         // the same
  Pool& pool;
  std::string user_agent;
  std::function<Result<tools::WorkspacePtr>(const AgentEntry& agent)> workspace;
  // Whether an agent may do that: why not, or nothing.
  std::function<std::optional<std::string>(const AgentEntry& agent, const tools::Need&)> why_not;
  std::string time_zone;
  bool main_here = true;  // the main agent is in this process
  // Nothing runs otherwise, and answers wait: a process that lives for one command would leave
  // both half done.
  bool runs = true;
  const Clock& clock;
  // Says something to somebody who did not ask, once for each id. kUnsupported: they cannot be
  // reached.
  std::function<Result<void>(const schedule::Job& job, const std::string& id, std::string text)>
      notify;
};

// Loop thread only. A run is written down, with the job's next time, before anybody is told; its
// message has an id made of the job and the time, so that it is told once, whatever dies when. A
// run lasts until the agent's answer; a job never runs twice at once.
class Jobs {
 public:
  static std::vector<store::Migration> migrations();
  static Task<Result<std::unique_ptr<Jobs>>> open(Ctx ctx, JobsDeps deps);
  virtual ~Jobs() = default;  // close() first

  // What is to be on the fabric under kNode.
  static constexpr std::string_view kNode = "WF.jobs";
  [[nodiscard]] virtual Inbox& inbox() = 0;
  // Goes on with what a killed process began. After the agents are on the fabric.
  virtual void start() = 0;
  virtual Task<void> close(Ctx ctx) = 0;

  // kInvalid with what is wrong, kExhausted over a limit.
  virtual Task<Result<schedule::Job>> create(JobRequest request) = 0;
  // Of one person (`peer`), or of all; oldest first.
  [[nodiscard]] virtual std::vector<schedule::Job> list(std::string_view peer = {}) const = 0;
  // By id, by the end of an id, or by a name that only one has; of one person, or of all.
  [[nodiscard]] virtual Result<schedule::Job> find(std::string_view word,
                                                   std::string_view peer = {}) const = 0;
  virtual Task<Result<schedule::Job>> pause(std::string id) = 0;
  virtual Task<Result<schedule::Job>> resume(std::string id) = 0;  // failures are forgotten
  virtual Task<Result<schedule::Job>> run(std::string id) = 0;     // now, beside its times
  // An agent's own schedule is kDenied: its manifest has it.
  virtual Task<Result<void>> cancel(std::string id) = 0;

  // cron_create, cron_list and cron_cancel for one agent: those that `wanted` takes.
  virtual Result<void> add_tools(tools::Toolbox& toolbox, const std::string& agent,
                                 const std::function<bool(std::string_view)>& wanted) = 0;
  // /jobs: what the person reads. `admin`: about everybody's.
  virtual std::string command(const Conversation& who, bool admin, std::string_view arguments) = 0;

  [[nodiscard]] virtual json::object describe(const schedule::Job& job) const = 0;
  // {"jobs", "running", "waiting", "ended", "failed", "dropped", "too_deep", "delivering",
  // "delivered", "undelivered"}
  [[nodiscard]] virtual json::object status() const = 0;
};

}  // namespace skep::kernel
