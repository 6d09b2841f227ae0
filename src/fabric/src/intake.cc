#include "intake.h"

#include "skep/base/log.h"
#include "skep/store/journal.h"

namespace skep::fabric {
namespace {

std::string key_of(const NodeId& sender, std::string_view id) {
  return sender.uuid.str() + std::string(id);
}

}  // namespace

void Intake::take(Message message, bool wants_answer, std::string_view id) {
  Known known{message.src, std::string(id), wants_answer};
  if (wants_answer && knows(known.sender, id)) return deps_.answer(ack_of(id, known.sender));
  if (deps_.texts == nullptr || !deps_.texts->concerns(message))
    return hand_over(std::move(message), known);
  if (wants_answer && deps_.texts->holds(known.sender, id)) return;  // the answer will come
  auto fetching = deps_.texts->fetch(std::move(message), [this, known](Result<Message> whole) {
    hand_over(std::move(whole), known);
  });
  if (!fetching) hand_over(fail(std::move(fetching).error()), known);
}

void Intake::hand_over(Result<Message> message, const Known& known) {
  Result<void> taken = message ? Result<void>() : fail(message.error());
  if (taken) {
    message->meta.erase("ack");
    taken = deps_.inbox.deliver(*std::move(message));
  }
  ++(taken ? received_ : refused_);
  if (!known.wants_answer) return;
  if (!taken) return deps_.answer(nack_of(known.id, known.sender, taken.error()));
  remember(known.sender, known.id);
  deps_.answer(ack_of(known.id, known.sender));
}

bool Intake::knows(const NodeId& sender, std::string_view id) const {
  if (seen_.contains(sender, id)) return true;
  return deps_.journal != nullptr &&
         deps_.journal->remembers(deps_.journal_set, key_of(sender, id));
}

void Intake::remember(const NodeId& sender, std::string_view id) {
  seen_.add(sender, id);
  if (deps_.journal == nullptr) return;
  auto kept = deps_.journal->remember(deps_.journal_set, key_of(sender, id));
  if (!kept) log::warn("fabric", "cannot remember a message: {}", kept.error().message);
}

}  // namespace skep::fabric
