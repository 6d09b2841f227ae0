#include "intake.h"

#include "skep/base/log.h"
#include "skep/store/journal.h"

namespace skep::fabric {
namespace {

std::string key_of(const NodeId& sender, std::string_view id) {
  return sender.uuid.str() + std::string(id);
}

}  // namespace

void Intake::take(Message&& message, bool wants_answer, std::string_view id) {
  const Known known{message.src, std::string(wants_answer ? id : ""), wants_answer};
  if (wants_answer && knows(known.sender, id)) return deps_.answer(ack_of(id, known.sender));
  if (deps_.texts == nullptr || !deps_.texts->concerns(message))
    return hand_over(std::move(message), known);
  if (wants_answer && deps_.texts->holds(known.sender, id)) return;  // the answer will come
  auto fetching = deps_.texts->fetch(std::move(message), [this, known](Result<Message> whole) {
    if (!whole) return settle(fail(std::move(whole).error()), known);
    hand_over(*std::move(whole), known);
  });
  if (!fetching) settle(fail(std::move(fetching).error()), known);
}

void Intake::hand_over(Message&& message, const Known& known) {
  if (!message.meta.empty()) message.meta.erase("ack");
  settle(deps_.inbox.deliver(std::move(message)), known);
}

void Intake::settle(Result<void> taken, const Known& known) {
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
