// Messages that get no answer: what was said without us, and second thoughts.
#include <algorithm>

#include "agent_impl.h"
#include "skep/base/log.h"
#include "skep/model/room_talk.h"

namespace skep::agent {

using memory::TranscriptMessage;

Result<void> AgentImpl::take_aside(const Message& message, const Aside& aside) {
  if (closing_.stop_requested()) return fail(Code::kUnavailable, "the agent is stopping");
  switch (aside.what) {
    case Aside::What::kHeard:
      return note(message, TranscriptMessage::Role::kUser);
    case Aside::What::kSaid:
      return note(message, TranscriptMessage::Role::kAssistant);
    case Aside::What::kCorrects:
      return correct(message, aside.about);
    case Aside::What::kRetracts:
      return retract(message, aside.about);
  }
  return fail(Code::kUnsupported, "an aside of an unknown kind");
}

// The transcript is all that is written: nothing is owed for it.
Result<void> AgentImpl::note(const Message& message, TranscriptMessage::Role role) {
  const bool user = role == TranscriptMessage::Role::kUser;
  TranscriptMessage entry{.role = role,
                          .content = text_of(message.parts),
                          .msg_id = message.id.str(),
                          .sender = user ? message.conversation.peer : std::string(),
                          .ts = message.sent_at == WallTime{} ? deps_.clock.now() : message.sent_at,
                          .origin_id = message.foreign_id,
                          .thread = message.conversation.thread};
  return deps_.memory.append(message.conversation, entry);
}

// The one in front is being answered; of the others the newest counts.
TurnState* AgentImpl::waiting(const Conversation& conversation, const std::string& foreign_id) {
  Lane* lane = mailbox_.find(conversation);
  if (lane == nullptr || foreign_id.empty()) return nullptr;
  for (std::size_t i = lane->queue.size(); i-- > 1;) {
    TurnState& turn = lane->queue[i];
    if (turn.message.foreign_id == foreign_id && !turn.reply && !turn.retracted) return &turn;
  }
  return nullptr;
}

// What cannot be corrected any more is kNotFound: the channel says it as words of its own.
Result<void> AgentImpl::correct(const Message& message, const std::string& foreign_id) {
  TurnState* turn = waiting(message.conversation, foreign_id);
  if (turn == nullptr) return fail(Code::kNotFound, "no such message is waiting");
  const store::EntryId entry(turn->message.id.str());
  SKEP_TRY_VOID(deps_.journal.step(entry, corrected_record(message.parts)));
  turn->message.parts = message.parts;
  return {};
}

Result<void> AgentImpl::retract(const Message& message, const std::string& foreign_id) {
  // A room's words are in the transcript as soon as they are said, waiting or not.
  const auto room = room_talk(message);
  const std::string sender = room ? room_sender(room->speaker) : message.conversation.peer;
  Result<void> erased = deps_.memory.retract(message.conversation, foreign_id, sender);
  if (!erased && erased.error().code != Code::kNotFound) return erased;
  TurnState* turn = waiting(message.conversation, foreign_id);
  if (turn == nullptr) return erased;
  SKEP_TRY_VOID(deps_.journal.end(store::EntryId(turn->message.id.str())));
  turn->retracted = true;  // its lane passes it over: erasing would move the one in front
  return {};
}

}  // namespace skep::agent
