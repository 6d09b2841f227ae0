// The agents of this hive beside the one of skep.toml: kept in files and in the store, opened when
// somebody speaks to them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/agent/manifest.h"
#include "skep/fabric/router.h"
#include "skep/kernel/open_agent.h"
#include "skep/store/db.h"

namespace skep::kernel {

enum class AgentState : std::uint8_t {
  kCreated = 1,  // being made; a start of the process finishes or undoes it
  kRunning,      // takes messages
  kSuspended,    // a person paused it: it refuses messages until a person resumes it
  kCrashed,      // cannot be opened: `why` says what is wrong
  kTerminated    // without `why`: being ended, a start of the process finishes that; with it: the
                 // supervisor gave it up, and a person may resume or kill it
};
std::string_view state_name(AgentState state);

// One agent as the registry knows it.
struct AgentEntry {
  Uuid id;           // kept for life
  std::string name;  // its node is AI.<name>@<hive>
  AgentState state = AgentState::kCreated;
  AgentMode mode = AgentMode::kFull;
  std::optional<Uuid> parent;  // who spawned it; none: a person
  WallTime created_at{}, last_active{};
  std::string why;    // kCrashed, kTerminated
  bool main = false;  // the one of skep.toml
};

struct SpawnRequest {
  std::string manifest;  // TOML
  AgentMode mode = AgentMode::kFull;
  std::string parent;   // an agent's name; empty: a person asks
  int event_depth = 0;  // of what it tells the fabric (model/event_depth.h)
};

// A manifest that a model wrote; nothing is kept of it.
struct AgentDraft {
  std::string name, manifest;
  std::vector<std::string> may;  // what it could do, for whoever decides: "run programs"
};

// Everything outlives the Agents.
struct AgentsDeps {
  AgentHouse house;
  store::Db& db;
  fabric::Router& router;
  Inbox& main_out;  // where the main agent speaks
  const Clock& clock;
};

// Loop thread only. Registering an agent costs a row, a node and some hundred bytes; the Agent
// itself is opened with the first message and dropped after [agents] idle_secs without one. Names
// are compared without regard to case; kNotFound names the nearest.
class Agents {
 public:
  static std::vector<store::Migration> migrations();
  // Reads the registry and the folders: finishes what a killed process began (a spawn, a kill),
  // spawns what stands in agents/<name>/agent.toml and is not registered. An agent that cannot
  // start is kCrashed and no failure of this.
  static Task<Result<std::unique_ptr<Agents>>> open(Ctx ctx, AgentsDeps deps);
  virtual ~Agents() = default;  // close() first

  // What is to be on the fabric as the main agent, with its entry's id: questions go to `main`,
  // which outlives this, answers to what it has asked. Once.
  [[nodiscard]] virtual Inbox& main_in(Inbox& main) = 0;
  // Puts all others on the fabric.
  virtual Result<void> attach() = 0;
  // Adds agent_* to the main agent's toolbox where [agents] main_tools says so; before attach().
  virtual Result<void> add_main_tools(tools::Toolbox& toolbox) = 0;
  // What agents have beside the house's tools and agent_*: called for each that is opened, with its
  // name; before attach().
  using MoreTools =
      std::function<Result<void>(tools::Toolbox&, const std::string& agent,
                                 const std::function<bool(std::string_view)>& wanted)>;
  virtual void give(MoreTools tools) = 0;
  // What was accepted and is not finished, of all but the main agent.
  [[nodiscard]] virtual std::vector<Message> unfinished() const = 0;
  // Goes on with it: agents that were running are opened where they have something left to do.
  virtual void resume() = 0;

  // In this order: the manifest, the clash of names, what the parent may give, the model; then the
  // row, the files, the node, the event. kInvalid with every problem of the manifest, kExists,
  // kDenied "privilege escalation: …", kExhausted over [agents] agents_max and the bounds on what
  // one parent may spawn.
  virtual Task<Result<AgentEntry>> spawn(SpawnRequest request) = 0;
  // Asks the house's model for a manifest that does what `wish` says, for a person to look at. It
  // passes the parser. On the bill of `person` and the main agent.
  virtual Task<Result<AgentDraft>> draft(Ctx ctx, std::string wish, std::string person) = 0;
  // Stops its turns within a second (who waits for one is told), takes it off the fabric and out of
  // the registry; its folders are moved to agents/.killed. kDenied for the main agent.
  // `event_depth`: as in SpawnRequest.
  virtual Task<Result<void>> kill(std::string name, std::string by, int event_depth = 0) = 0;
  // Its running turns stop and go on with activate().
  virtual Task<Result<AgentEntry>> suspend(std::string name) = 0;
  // From created, suspended, crashed or given up to running; a running one stays it. kInvalid with
  // the reason when it cannot start.
  virtual Task<Result<AgentEntry>> activate(std::string name) = 0;
  // Running turns go on with the tools of the new mode.
  virtual Task<Result<AgentEntry>> set_mode(std::string name, AgentMode mode) = 0;

  [[nodiscard]] virtual std::vector<AgentEntry> list()
      const = 0;  // the main one first, then by name
  [[nodiscard]] virtual Result<AgentEntry> find(std::string_view name) const = 0;
  // nullptr: there is none. Good until the registry changes.
  [[nodiscard]] virtual const AgentEntry* by_id(const Uuid& id) const = 0;
  [[nodiscard]] virtual std::vector<std::string> children(const Uuid& id) const = 0;  // names
  // From its file, which a person may have changed; kInvalid with the problems.
  [[nodiscard]] virtual Result<agent::Manifest> manifest(std::string_view name) const = 0;
  [[nodiscard]] virtual Name node(const AgentEntry& entry) const = 0;
  // The newest lines of its log, oldest first; a line is JSON: {"ts","event",…}.
  [[nodiscard]] virtual Result<std::vector<std::string>> log_lines(std::string_view name,
                                                                   std::size_t lines_max) const = 0;
  // Looks after the main agent's turns too; it outlives this.
  virtual void watch_main(agent::Agent& agent) = 0;
  // {"hangs", "restarts", "hangs_in_a_row"}: what the supervisor has seen of it since the start.
  [[nodiscard]] virtual json::object health(std::string_view name) const = 0;
  // How many are open now, of how many.
  [[nodiscard]] virtual json::object status() const = 0;
  virtual Task<void> close(Ctx ctx) = 0;
};

}  // namespace skep::kernel
