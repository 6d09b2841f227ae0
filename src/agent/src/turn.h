// One turn: from a person's message to the text of the one reply.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "skep/agent/agent.h"
#include "skep/agent/loop_guard.h"
#include "skep/agent/prompt.h"
#include "skep/async/wait.h"
#include "turn_journal.h"

namespace skep::agent {

// How a turn that could not answer ended.
struct Halt {
  enum class Why { kShutdown, kCancelled, kFailed, kQuota, kLoop };
  Why why = Why::kFailed;
  Error error;  // kFailed; kQuota and kLoop: the sentence for the person
};

// Stops of a turn: `ctx` ends with either of the tokens or the time limit.
struct TurnStops {
  Ctx ctx;
  std::stop_token cancel;    // /cancel
  std::stop_token shutdown;  // the process ends: the turn stays as it is in the journal
  // Its place among those that run at once, given back while a person is asked. nullptr: none.
  Semaphore* places = nullptr;
  Semaphore::Permit* place = nullptr;
};

// Runs one turn to its answer, journaling each step; continues where `state` says. Everything it is
// given outlives it; `deps` are its own, for it may change the model in them.
class Turn {
 public:
  Turn(const AgentConfig& config, AgentDeps& deps, TurnState& state, std::string text,
       TurnStops stops);
  Task<std::expected<std::string, Halt>> run();
  // Of all that the model has read in it.
  [[nodiscard]] authority::Labels labels() const {
    return labels_before(state_.rounds.size(), true);
  }

 private:
  struct Step {                         // what one model call came to
    std::optional<std::string> answer;  // nothing: go on
  };

  Task<void> take_files();
  void choose_model();
  void prepare(int budget);
  Task<void> summarise_older();
  std::vector<llm::ChatMessage> messages() const;
  Task<std::expected<llm::Response, Halt>> ask(bool tools_allowed);
  Task<std::expected<llm::Response, llm::Failure>> call_model(const llm::Request& request,
                                                              memory::Ledger::Hold hold);
  Task<std::expected<Step, Halt>> advance(llm::Response response, bool tools_allowed);
  // turn_tools.cc
  using Indices = std::vector<std::size_t>;
  using Admitted = std::expected<std::optional<ToolResult>, Halt>;  // a result: it is not to be run
  void recount();
  void look_again();
  std::optional<Halt> all_spent() const;  // turn_purse.cc
  std::int64_t tokens_left() const;
  PicoUsd cost_left() const;
  Task<std::expected<void, Halt>> run_tools(std::size_t round);
  Indices next_wave(const Round& round) const;
  Task<Admitted> admit(Round& round, std::size_t index);
  Task<std::expected<void, Halt>> run_wave(Round& round, Indices wave);
  Task<void> run_call(Round& round, std::size_t index, std::optional<Halt>& halt);
  Task<std::expected<void, Halt>> keep(Round& round, std::size_t index, ToolResult result);
  // turn_gate.cc
  Task<Admitted> may_run(Round& round, std::size_t index);
  Task<std::expected<std::string, Halt>> ask_person(authority::Approval approval, std::string why);
  authority::Labels labels_before(std::size_t round, bool secrets) const;
  bool is_new(const std::string& words, std::size_t round) const;
  std::vector<authority::Question> questions_of(const tools::Tool& tool, const ToolCall& call,
                                                std::size_t round) const;
  std::optional<std::string> why_not(std::size_t round, const std::string& tool,
                                     const tools::Need& need) const;
  void note_done(const ToolCall& call, bool failed);
  const CallRecord* earlier_twin(const Round& round, std::size_t index) const;
  std::optional<Halt> all_failing() const;

  Task<std::expected<void, Halt>> journal(std::string record);
  void go_on_writing(const llm::Response& response, bool call_cut);
  bool question_claim(const std::string& text);
  std::string final_text(std::string text) const;
  std::optional<Halt> halted() const;
  Halt halt_for(Error error) const;
  void show(Progress::Phase phase, std::string_view text = {});

  const AgentConfig& config_;
  AgentDeps& deps_;
  TurnState& state_;
  std::string text_;  // the person's, unescaped
  TurnStops stops_;
  LoopGuard guard_;

  std::vector<AttachedFile> files_;
  std::vector<memory::TranscriptEntry> history_;
  Prompt prompt_;
  authority::Labels context_;  // of the history that the model was given; they only add up
  llm::ToolSpecs specs_;       // that it may use
  ConversationSettings settings_;
  int budget_ = 0;
  bool shrunk_ = false;
  std::size_t result_bytes_max_ = tools::result_bytes_max;
  std::string carried_;  // text so far of an answer that the length limit cut
  int continuations_ = 0;
  bool claim_questioned_ = false;
  std::vector<llm::ChatMessage> tail_;  // asks for the rest of such an answer
};

// The configured guard; who allows more rounds of tools allows more calls.
LoopGuardConfig guard_for(const AgentConfig& config);
// Puts the user's message (`text` is what it says, unescaped) into the transcript, unless a process
// before this one has, and gives what stood there before it. A memory that fails costs the history,
// not the turn.
std::vector<memory::TranscriptEntry> open_transcript(AgentDeps& deps, const Message& message,
                                                     const std::string& text);
// The same for a message of a room, as soon as it is said, so that the transcript has the order of
// the conversation. A full session makes room for a new one.
Result<void> note_in_room(AgentDeps& deps, const Message& message, const std::string& text);
// Sends one event of the turn to whoever is watching; failures are ignored.
void send_progress(AgentDeps& deps, const TurnState& state, Progress::Phase phase,
                   std::string_view text = {});
// Shows a person what is asked of them, in the conversation; the channel keeps it until it is
// there. The same question again has the same message id.
void send_question(AgentDeps& deps, const TurnState& state, const std::string& question,
                   std::string text);
// Where answers to `state.message` go: the node it came from, by name once that node may have
// another id.
Destination way_back(const TurnState& state);
// The step, again and again while the disk is full. kTimeout or kCancelled when the Ctx ends first.
Task<Result<void>> journal_step(Ctx ctx, store::Journal& journal, store::EntryId id,
                                std::string record);

}  // namespace skep::agent
