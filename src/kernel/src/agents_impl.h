// The registry's parts: agents.cc opens and looks, agent_spawn.cc makes new ones, agent_life.cc
// opens and changes them, agent_slot.cc takes messages, agent_tools.cc is what agents themselves
// may do with it, agent_heart.cc finds those that hang.
#pragma once

#include <map>
#include <set>

#include "agent_calls.h"
#include "agent_log.h"
#include "agent_store.h"
#include "skep/async/gate.h"

namespace skep::kernel {

class AgentsImpl;

// One registered agent. Its place on the fabric refuses what its state does not allow.
class AgentSlot final : public Inbox {
 public:
  AgentSlot(AgentsImpl& all, AgentEntry its_entry) : entry(std::move(its_entry)), all_(all) {}
  Result<void> deliver(Message message) override;

  // What the agent says.
  struct Out final : Inbox {
    explicit Out(AgentSlot& its_slot) : slot(its_slot) {}
    Result<void> deliver(Message message) override;
    AgentSlot& slot;
  };

  AgentEntry entry;
  Out out{*this};
  fabric::Port port;
  std::unique_ptr<OpenAgent> open;
  SteadyTime used{};
  bool busy = false;  // a change of its state is under way
  // What the supervisor has seen of it since the start of the process.
  struct Heart {
    int hangs = 0, in_a_row = 0;  // turns that hung; without an answered one between
    int restarts = 0;
    int starts_failed = 0;   // in a row
    std::uint64_t good = 0;  // answers of the open agent that were none of failure
    SteadyTime next_start{};
  } heart;
  std::size_t retiring = 0;  // former OpenAgents that are closing
  Signal retired;

 private:
  AgentsImpl& all_;
};

// What a sender reads whose message an agent does not take.
Result<void> takes_messages(const AgentEntry& entry);

// Who uses one of the tools for agents.
struct ToolCaller {
  std::string name;
  bool main = false;
  Inbox* out = nullptr;
};

class AgentsImpl final : public Agents {
 public:
  explicit AgentsImpl(AgentsDeps deps);
  Task<Result<void>> load(Ctx ctx);

  Inbox& main_in(Inbox& main) override;
  Result<void> attach() override;
  Result<void> add_main_tools(tools::Toolbox& toolbox) override;
  void give(MoreTools tools) override { more_tools_ = std::move(tools); }
  std::vector<Message> unfinished() const override;
  void resume() override;

  Task<Result<AgentEntry>> spawn(SpawnRequest request) override;
  Task<Result<AgentDraft>> draft(Ctx ctx, std::string wish, std::string person) override;
  Task<Result<void>> kill(std::string name, std::string by, int event_depth) override;
  Task<Result<AgentEntry>> suspend(std::string name) override;
  Task<Result<AgentEntry>> activate(std::string name) override;
  Task<Result<AgentEntry>> set_mode(std::string name, AgentMode mode) override;

  std::vector<AgentEntry> list() const override;
  Result<AgentEntry> find(std::string_view name) const override;
  const AgentEntry* by_id(const Uuid& id) const override;
  std::vector<std::string> children(const Uuid& id) const override;
  Result<agent::Manifest> manifest(std::string_view name) const override;
  Name node(const AgentEntry& entry) const override;
  Result<std::vector<std::string>> log_lines(std::string_view name,
                                             std::size_t lines_max) const override;
  void watch_main(agent::Agent& agent) override { main_agent_ = &agent; }
  json::object health(std::string_view name) const override;
  json::object status() const override;
  Task<void> close(Ctx ctx) override;

  // For slots and tools.
  Result<OpenAgent*> opened(AgentSlot& slot);
  AgentCalls& calls() { return calls_; }
  const AgentsDeps& deps() const { return deps_; }
  AgentLog log(const AgentEntry& entry) const;
  Result<agent::Manifest> manifest_of(const AgentEntry& entry) const;
  // An agent's name where grants are looked up: its node's without the hive.
  std::string role(const AgentEntry& entry) const { return std::string(node(entry).base()); }
  void record(authority::AuditEntry entry) const;
  void record_denied(const AgentEntry& entry, const Error& error) const;

 private:
  using Slots = std::map<std::string, std::unique_ptr<AgentSlot>, std::less<>>;  // by lower name

  // agents.cc
  Task<Result<void>> load_rows(Ctx ctx);
  Task<Result<void>> load_main(Ctx ctx, std::optional<AgentEntry> row);
  Task<Result<void>> settle_row(Ctx ctx, AgentEntry entry, const std::set<std::string>& folders);
  Task<Result<void>> adopt_all(Ctx ctx);
  [[nodiscard]] std::optional<AgentEntry> adopted(const std::string& name) const;
  AgentSlot& keep(AgentEntry entry);
  Result<void> attach(AgentSlot& slot);
  [[nodiscard]] bool is_mains(const AgentEntry& entry) const;  // its name or node is the main one's
  Result<AgentSlot*> slot(std::string_view name) const;
  [[nodiscard]] bool descends(const AgentEntry& entry, const Uuid& from) const;
  std::string directory(const AgentEntry& entry) const;
  std::string kind(const AgentEntry& entry) const { return "turn:" + entry.id.str(); }
  [[nodiscard]] bool has_unfinished(const AgentSlot& slot) const;

  // agent_life.cc
  Result<agent::Manifest> check_spawn(const SpawnRequest& request, AgentEntry& entry) const;
  Result<void> check_parent(const AgentEntry& parent) const;
  Result<void> check_signed(const std::string& text, const AgentEntry& entry, bool spawned) const;
  Result<void> check_inherited(const AgentEntry& entry, const agent::Manifest& manifest) const;
  Result<void> check_child(const AgentEntry& parent, const agent::Manifest& manifest) const;
  void set_grants(const AgentEntry& entry);
  void set_grants_above(const AgentEntry& entry);
  Task<Result<void>> make(AgentEntry entry, std::string text);
  Result<void> write_files(const AgentEntry& entry, const std::string& text) const;
  Task<void> retire(AgentSlot& slot, Ctx ctx);
  Task<void> stop_now(AgentSlot& slot);
  Task<Result<AgentEntry>> change(AgentSlot& slot, AgentEntry to, bool stop_turns);
  void go_on(AgentSlot& slot);
  void answer_all_ended(AgentSlot& slot);
  Result<void> move_folders(const AgentEntry& entry) const;
  void crash(AgentSlot& slot, const Error& error);
  Task<void> persist(AgentEntry entry);
  Task<void> persist_removal(Uuid id);
  Task<void> idle(AgentSlot& slot);
  void tell(std::string_view event, const AgentEntry& entry, int event_depth = 0);
  Task<void> sweep();

  // agent_heart.cc
  Task<void> beat();
  void feel(AgentSlot& slot);
  void feel_main();
  Task<void> hang(AgentSlot& slot, std::string why);
  Task<void> start_again(AgentSlot& slot);
  [[nodiscard]] std::chrono::milliseconds quiet_max(const AgentSlot& slot) const;
  [[nodiscard]] int restarts_max(const AgentSlot& slot) const;

  // agent_draft.cc
  Task<Result<std::string>> ask_for_draft(Ctx ctx, const llm::Request& request, std::string person);

  // agent_tools.cc
  [[nodiscard]] std::vector<std::string> tool_names() const;
  Result<void> add_tools(tools::Toolbox& toolbox, const ToolCaller& caller,
                         const std::function<bool(std::string_view)>& wanted);

  AgentsDeps deps_;
  const AgentsConfig& config_;
  AgentStore store_;
  AgentCalls calls_;
  Gate gate_;  // what must end before the agents do
  Gate sweeper_;
  AgentEntry main_;
  const tools::Toolbox* main_tools_ = nullptr;
  agent::Agent* main_agent_ = nullptr;
  std::uint64_t hangs_ = 0, restarts_ = 0, main_hangs_ = 0;
  MoreTools more_tools_;
  tools::Toolbox* main_toolbox_ = nullptr;  // to which the tools are still to be added
  std::unique_ptr<CallingInbox> main_in_;
  struct Nobody final : Inbox {
    Result<void> deliver(Message) override { return {}; }
  } nobody_;
  fabric::Port events_;  // SY.agents, from the first event on
  Slots slots_;
  std::map<Uuid, AgentSlot*> by_id_;
  bool attached_ = false, closing_ = false;
};

}  // namespace skep::kernel
