#include "retry.h"

#include <algorithm>

#include "agent_impl.h"
#include "skep/base/log.h"
#include "skep/model/room_talk.h"

namespace skep::agent {
namespace {

using memory::TranscriptMessage;

constexpr std::string_view kMeta = "retry";

const TranscriptMessage* user_message(const memory::TranscriptEntry& entry) {
  const auto* said = std::get_if<TranscriptMessage>(&entry);
  const bool user = said != nullptr && said->role == TranscriptMessage::Role::kUser;
  return user && !said->retracted && !said->content.empty() ? said : nullptr;
}

}  // namespace

void take_as_retry(const AgentDeps& deps, Message& message) {
  const ParsedText parsed = parsed_message(message);
  if (!parsed.is_command || parsed.command != "retry") return;
  const auto history = deps.memory.history(message.conversation);
  if (!history) {
    log::warn("agent", "/retry without history: {}", history.error().to_string());
    return;
  }
  const auto room = room_talk(message);
  const std::string sender = room ? room_sender(room->speaker) : std::string();
  for (auto entry = history->rbegin(); entry != history->rend(); ++entry) {
    const TranscriptMessage* said = user_message(*entry);
    if (said == nullptr || (room && said->sender != sender)) continue;
    message.parts = {TextPart{said->content}};
    message.meta[kMeta] = true;
    return;
  }
}

bool is_retry(const Message& message) { return message.meta.contains(kMeta); }

void drop_last_exchange(std::vector<memory::TranscriptEntry>& history, const std::string& text) {
  for (std::size_t i = history.size(); i-- > 0;) {
    const TranscriptMessage* said = user_message(history[i]);
    if (said == nullptr || said->content != text) continue;
    history.resize(i);
    return;
  }
}

}  // namespace skep::agent
