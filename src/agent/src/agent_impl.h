// The agent's parts: agent.cc takes messages in, lane.cc answers them.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "compact.h"
#include "developer.h"
#include "mailbox.h"
#include "skep/agent/agent.h"
#include "skep/agent/commands.h"
#include "skep/async/wait.h"
#include "skep/model/aside.h"
#include "turn.h"

namespace skep::agent {

// The person's text: a command, or words for the model.
ParsedText parsed_message(const Message& message);

class AgentImpl final : public Agent {
 public:
  AgentImpl(AgentConfig config, AgentDeps deps);

  Result<void> deliver(Message message) override;
  [[nodiscard]] std::vector<Message> unfinished() const override;
  void resume() override;
  Task<void> close(Ctx ctx) override;
  std::size_t stop_hung(std::chrono::milliseconds quiet) override;
  [[nodiscard]] AgentStats stats() const override;
  [[nodiscard]] const AgentConfig& config() const override { return config_; }

 private:
  // What a decided turn came to.
  struct Decision {
    std::string text;
    bool failed = false;
    bool command = false;                   // not part of the transcript
    std::string chosen = {};                // the message that it answers, where it says so
    std::string_view outcome = "answered";  // for the turn log
    std::optional<OfferedFile> file = {};   // of a command's answer; then
    std::string said = {};                  // what is answered once it is sent
  };

  Result<void> accept(Message message);
  Result<void> take_aside(const Message& message, const Aside& aside);
  Result<void> note(const Message& message, memory::TranscriptMessage::Role role);
  Result<void> correct(const Message& message, const std::string& foreign_id);
  Result<void> retract(const Message& message, const std::string& foreign_id);
  TurnState* waiting(const Conversation& conversation, const std::string& foreign_id);
  Result<void> listen(const Message& message);
  void start(TurnState turn);

  Task<void> run_lane(Lane* lane);
  Task<void> run_immediate(TurnState turn);
  Task<bool> answer(Lane& lane, TurnState& turn);
  Task<bool> answer_immediate(TurnState& turn);
  Task<std::optional<Decision>> think(Lane& lane, TurnState& turn, std::string text);
  Task<bool> settle(TurnState& turn, Decision decision);
  Task<bool> hand_over(TurnState& turn);
  Decision decide_command(const ParsedText& command, const TurnState& turn,
                          std::vector<AttachedFile> files = {});
  Task<std::vector<AttachedFile>> files_for(const TurnState& turn);
  Task<void> send_offered(const TurnState& turn, Decision& decision);
  Decision decide_halt(const Halt& halt, const TurnState& turn);
  Decision decide_answer(std::string_view text, const TurnState& turn);
  Result<void> deliver_reply(const TurnState& turn);
  Task<bool> end_entry(const TurnState& turn);
  void store_answer(const TurnState& turn);
  void compact_later(const TurnState& turn);
  Task<void> run_compaction(Message asked, Compaction what);
  bool cancel_running(const Conversation& conversation);

  AgentConfig config_;
  AgentDeps deps_;
  Gate gate_;
  Mailbox mailbox_;
  Semaphore turns_;
  std::set<std::string> open_;  // ids of the messages in our hands
  std::size_t immediate_ = 0;   // commands that are being answered beside the lanes
  std::set<Conversation> compacting_;
  std::stop_source closing_;
  AgentStats stats_;
  DebugWatch debugging_;
  WallTime started_;
};

}  // namespace skep::agent
