// An agent: takes messages, thinks, answers. The AI.* node.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/agent/loop_guard.h"
#include "skep/agent/settings.h"
#include "skep/agent/turn_log.h"
#include "skep/async/gate.h"
#include "skep/async/task.h"
#include "skep/authority/approvals.h"
#include "skep/base/clock.h"
#include "skep/base/config.h"
#include "skep/llm/tiers.h"
#include "skep/memory/ledger.h"
#include "skep/memory/memory.h"
#include "skep/memory/personas.h"
#include "skep/model/attached.h"
#include "skep/model/message.h"
#include "skep/store/journal.h"
#include "skep/tools/toolbox.h"

namespace skep::agent {

// [agent]
struct AgentConfig {
  std::string name = "Skep";
  std::string node;                  // its node without the hive; empty: as the name says
  std::size_t turns_max = 16;        // turns running at once; more wait in their lanes
  std::size_t lane_max = 32;         // messages waiting in one conversation; more are refused
  std::size_t mailbox_max = 10'000;  // messages waiting in all; more are refused
  int tool_rounds_max = 10;          // then one last call in which tools are forbidden
  // Of sub-agents: tokens of all calls of a turn together, and of one answer; 0: no limit.
  std::int64_t turn_tokens_max = 0;
  int answer_tokens_max = 0;
  std::vector<std::string> developers;  // dev_command_jids: who may use /debug; empty: nobody
  LoopGuardConfig loop_guard;
  std::chrono::milliseconds turn_timeout{600'000};
  std::string time_zone;  // IANA name for the prompt's clock; empty: the system's
  // [agent] profile and capabilities, together; neither: all that the configuration turns on.
  authority::Grants grants = authority::Grants::everything();

  static AgentConfig read(ConfigSection root);
};

struct AgentStats {
  std::uint64_t accepted = 0, heard = 0, refused = 0, replied = 0, failed = 0, resumed = 0;
  std::size_t running = 0, waiting = 0;
  Usage usage;
};

// What a command answers with beside words.
struct OfferedFile {
  std::string name, bytes;
};

struct AgentDeps {
  Loop& loop;
  llm::ModelRef model;
  const tools::Toolbox& toolbox;
  memory::Memory& memory;
  memory::Ledger& ledger;  // what models cost and may cost
  store::Journal& journal;
  authority::Authority& authority;  // is asked before each tool call
  authority::Approvals& approvals;  // people, where it says so
  authority::AuditLog& audit;       // what was done
  Inbox& out;  // replies and progress leave here: the agent's port on the fabric
  const Clock& clock;
  // Lines that others add to /status ("XMPP: component agent.example.org, up 3 h"). `admin`: for
  // administrators' eyes too.
  std::function<std::vector<std::string>(bool admin)> status_lines;
  std::function<bool(const Conversation&)> is_admin;
  std::function<ConversationSettings(const Conversation&)> settings = {};
  // What became of the files of a message (attachments::Attachments::take). Empty: they are named
  // and not read.
  std::function<Task<std::vector<AttachedFile>>(Ctx, Message)> attach = {};
  // Sends a file into the conversation that the turn is of. Empty: the channel has none.
  std::function<Task<Result<void>>(Ctx, Conversation, std::string turn, OfferedFile file)>
      send_file = {};
  // /invite, /leave and /rooms of administrators: the answer. Empty: there are no rooms.
  std::function<std::string(std::string_view command, std::string_view arguments)> rooms = {};
  std::string journal_kind = "turn";  // of its entries in the journal, which agents share
  // /allow, /block, /pair and /reload of administrators: the answer. Empty: there is nobody to let
  // in.
  std::function<std::string(const Conversation& who, std::string_view command,
                            std::string_view arguments)>
      access = {};
  // /jobs: the answer. Empty: nothing runs by itself here.
  std::function<std::string(const Conversation& who, std::string_view arguments)> jobs = {};
  // The role of whoever wrote a message, where there are [[users]]; none: roles have no say in it.
  std::function<std::optional<Role>(const Message&)> role_of = {};
  // /config: the keys that begin with these words. Empty: there is nothing to show.
  std::function<std::string(std::string_view section)> config_text = {};
  memory::Personas* personas = nullptr;  // that can be put on; none: /persona is not there
  // They stand behind the agent's own words, which its settings say, instead of taking their place.
  bool personas_behind = false;
  llm::Models* models = nullptr;  // further ones than `model`; none: there are no tiers
  // Holds what `model` and `models` point to, where that may change.
  std::shared_ptr<const void> models_held = {};
  // Called at the beginning of each turn and command: puts in what is in force now (`model`,
  // `models`, `models_held`). A turn that runs keeps what it began with. Empty: nothing changes.
  std::function<void(AgentDeps&)> renew = {};
  TurnLog* turn_log = nullptr;  // none: turns leave no record but transcript and ledger
};

inline void renew(AgentDeps& deps) {
  if (deps.renew) deps.renew(deps);
}

// What agents of that kind accepted and have not finished, as the journal has it.
std::vector<Message> unfinished_messages(const store::Journal& journal, std::string_view kind);

// Loop thread only. deliver() accepts a kUser message by journaling it (design: accepted means
// journaled) and refuses with kExhausted when full. One conversation's messages are answered in
// order, one at a time; conversations do not wait for each other. Every accepted message gets
// exactly one kReply, whatever fails; what a room says to others (RoomTalk::listen) is only noted
// in its transcript, and so is a message with an Aside (model/aside.h); a correction of what
// does not wait any more, and a retraction of what is in no transcript either, is kNotFound.
// Commands that only look (/ping, /status, /help, /cancel) never wait.
class Agent : public Inbox {
 public:
  static Result<std::unique_ptr<Agent>> open(AgentConfig config, AgentDeps deps);

  // What was accepted, by this process or a previous one, and is not finished.
  [[nodiscard]] virtual std::vector<Message> unfinished() const = 0;
  // Continues what a previous process left unfinished; call once, after the channels are attached.
  virtual void resume() = 0;
  // Stops accepting; running turns may finish until the Ctx ends, then they are stopped and stay in
  // the journal for resume().
  virtual Task<void> close(Ctx ctx) = 0;
  // Ends the turns that have given no sign of life for `quiet` (no word of the model's, no tool
  // begun or ended within its time limit; a person who is asked takes their time): whoever waits is
  // told. How many.
  virtual std::size_t stop_hung(std::chrono::milliseconds quiet) = 0;
  [[nodiscard]] virtual AgentStats stats() const = 0;
  [[nodiscard]] virtual const AgentConfig& config() const = 0;
};

}  // namespace skep::agent
