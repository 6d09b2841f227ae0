// The agent's only queue: one serial lane for each conversation that has something to do.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <stop_token>
#include <vector>

#include "turn_journal.h"

namespace skep::agent {

// Messages of one conversation in order; the one in front is being answered.
struct Lane {
  Conversation conversation;
  std::deque<TurnState> queue;
  std::stop_source cancel;   // of the turn in front
  bool cancellable = false;  // that turn waits for its start, or thinks
};

// Holds what was accepted until it is answered. Lanes appear with their first message and go with
// their last.
class Mailbox {
 public:
  Mailbox(std::size_t lane_max, std::size_t waiting_max)
      : lane_max_(lane_max), waiting_max_(waiting_max) {}

  // kExhausted when the conversation's lane or the whole mailbox is full.
  [[nodiscard]] Result<void> room_for(const Conversation& conversation) const;
  // Queues without asking for room (it was asked before, or the message was accepted by an earlier
  // process). True when the lane is new: somebody must run it. The Lane stays where it is until
  // remove().
  std::pair<Lane*, bool> push(TurnState turn);
  void pop(Lane& lane);     // the front one is answered
  void remove(Lane& lane);  // with whatever it still holds
  [[nodiscard]] Lane* find(const Conversation& conversation);
  [[nodiscard]] std::vector<Lane*> lanes();
  [[nodiscard]] std::size_t size() const {
    return size_;
  }  // messages in all lanes, those being answered included

 private:
  std::size_t lane_max_;
  std::size_t waiting_max_;
  std::size_t size_ = 0;
  std::map<Conversation, std::unique_ptr<Lane>> lanes_;
};

}  // namespace skep::agent
