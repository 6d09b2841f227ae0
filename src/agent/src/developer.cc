#include "developer.h"

#include "skep/base/secret.h"
#include "skep/base/text.h"
#include "skep/model/room_talk.h"
#include "turn_journal.h"

namespace skep::agent {
namespace {

constexpr std::size_t kStepBytes = 1500;
constexpr std::size_t kAllBytes = 12'000;

}  // namespace

bool is_developer(const AgentConfig& config, const Message& message) {
  if (message.conversation.channel == "cli") return true;
  if (message.conversation.channel != "xmpp" || room_talk(message)) return false;
  return std::ranges::any_of(config.developers, [&](const std::string& jid) {
    return equals_ignoring_ascii_case(jid, message.conversation.peer);
  });
}

std::string DebugWatch::command(std::string_view arguments, const Conversation& conversation,
                                WallTime now) {
  const std::string word = to_lower_ascii(trim(arguments));
  if (!word.empty() && word != "on" && word != "off") return "Say /debug on or /debug off.";
  const bool turn_on = word == "on" || (word.empty() && !on(conversation, now));
  if (!turn_on) {
    until_.erase(conversation);
    return "Debugging is off.";
  }
  until_[conversation] = now + kOnFor;
  return fmt::format(
      "Debugging is on here for {} minutes: each answer comes with what was done for it.",
      kOnFor.count());
}

bool DebugWatch::on(const Conversation& conversation, WallTime now) {
  const auto found = until_.find(conversation);
  if (found == until_.end()) return false;
  if (now <= found->second) return true;
  until_.erase(found);
  return false;
}

std::string debug_text(const TurnState& turn) {
  std::string text = fmt::format("turn {} of {}: {} in ({} cached), {} out", turn.message.id.str(),
                                 turn.model.empty() ? "no model" : turn.model,
                                 turn.usage.input + turn.usage.cache_read + turn.usage.cache_write,
                                 turn.usage.cache_read, turn.usage.output);
  const std::vector<std::string>& steps = turn.trace.lines();
  if (steps.empty()) text += "\nno steps ([trace] enabled = false?)";
  for (const std::string& step : steps) {
    if (text.size() > kAllBytes) {
      text += "\n…";
      break;
    }
    text += '\n' + redact(step, kStepBytes);
  }
  return fmt::format("```\n{}\n```", replace_all(text, "```", "\"\"\""));
}

}  // namespace skep::agent
