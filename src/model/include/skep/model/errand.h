// What an agent is told about a task that another program or the house's own schedule gave it, and
// what it tells with the answer.
#pragma once

#include <optional>

#include "skep/model/message.h"
#include "skep/model/money.h"

namespace skep {

// Lives in Message::meta under "errand". Whoever brings the task writes it; agents read it.
struct Errand {
  std::int64_t tokens_max = 0;  // all model calls of the turn together; 0: no limit
  PicoUsd cost_max = 0;         // likewise
  // The person of ours who is asked, over XMPP, where somebody must be; empty: then it is a no.
  std::string owner;
  // The house's own words, which nobody outside has written: a job's.
  bool own = false;
  bool operator==(const Errand&) const = default;
};
void put_errand(Message& message, const Errand& errand);
std::optional<Errand> errand_of(const Message& message);

// Lives in the kReply to a message that has an errand, under "outcome".
struct Outcome {
  bool failed = false;       // the text says why
  bool over_budget = false;  // because what it may spend was spent
  Usage usage;
  PicoUsd cost = 0;
  bool operator==(const Outcome&) const = default;
};
void put_outcome(Message& reply, const Outcome& outcome);
std::optional<Outcome> outcome_of(const Message& reply);

}  // namespace skep
