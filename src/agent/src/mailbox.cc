#include "mailbox.h"

namespace skep::agent {

Result<void> Mailbox::room_for(const Conversation& conversation) const {
  if (size_ >= waiting_max_)
    return fail(Code::kExhausted, "the agent has too many messages waiting; try again later");
  auto at = lanes_.find(conversation);
  // The one in front is not waiting.
  if (at != lanes_.end() && at->second->queue.size() > lane_max_) {
    return fail(Code::kExhausted,
                "too many messages of this conversation are waiting; wait for an answer first");
  }
  return {};
}

std::pair<Lane*, bool> Mailbox::push(TurnState turn) {
  auto& lane = lanes_[turn.message.conversation];
  bool fresh = lane == nullptr;
  if (fresh) lane = std::make_unique<Lane>(Lane{.conversation = turn.message.conversation});
  lane->queue.push_back(std::move(turn));
  ++size_;
  return {lane.get(), fresh};
}

void Mailbox::pop(Lane& lane) {
  lane.queue.pop_front();
  --size_;
}

void Mailbox::remove(Lane& lane) {
  size_ -= lane.queue.size();
  lanes_.erase(Conversation(lane.conversation));  // a copy: erasing destroys the lane that holds it
}

Lane* Mailbox::find(const Conversation& conversation) {
  auto at = lanes_.find(conversation);
  return at == lanes_.end() ? nullptr : at->second.get();
}

std::vector<Lane*> Mailbox::lanes() {
  std::vector<Lane*> all;
  all.reserve(lanes_.size());
  for (auto& [conversation, lane] : lanes_) all.push_back(lane.get());
  return all;
}

}  // namespace skep::agent
