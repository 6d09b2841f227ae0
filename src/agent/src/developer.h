// /debug: for those of [agent] dev_command_jids, what a turn came to, behind its answer.
#pragma once

#include <map>
#include <memory>

#include "skep/agent/agent.h"
#include "skep/llm/raw_log.h"

namespace skep::agent {

struct TurnState;

// One-to-one, and named there; who sits at the terminal has the files anyway.
bool is_developer(const AgentConfig& config, const Message& message);

// Who wants to see it, for half an hour each.
class DebugWatch {
 public:
  static constexpr std::chrono::minutes kOnFor{30};

  static constexpr std::size_t kConversationsMax = 32;  // watched at once

  // "", "on", "off" or "raw [N]" (the newest N requests with their responses): the answer to
  // /debug.
  std::string command(std::string_view arguments, const Conversation& conversation, WallTime now);
  [[nodiscard]] bool on(const Conversation& conversation, WallTime now);
  // Where the requests made for it are kept, as long as it is on; null: nowhere.
  [[nodiscard]] std::shared_ptr<llm::RawLog> raw(const Conversation& conversation, WallTime now);

 private:
  struct Watched {
    WallTime until{};
    std::shared_ptr<llm::RawLog> raw;
  };
  std::string turn_on(const Conversation& conversation, WallTime now);

  std::map<Conversation, Watched> watched_;
};

// The newest `count` exchanges, the oldest first, without anything that looks like a key.
std::string raw_text(const llm::RawLog& log, std::size_t count);
// The turn's steps, without anything that looks like a key. It is no part of the transcript.
std::string debug_text(const TurnState& turn);

}  // namespace skep::agent
