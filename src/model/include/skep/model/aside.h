// What a channel tells an agent about a conversation without asking for an answer.
#pragma once

#include <optional>
#include <string>

#include "skep/model/message.h"

namespace skep {

// Lives in Message::meta under "aside". The channel writes it; agents read it. No kReply comes for
// a message that has one.
struct Aside {
  enum class What {
    kHeard,     // the person said it, too long ago to be answered
    kSaid,      // our side said it, through another device
    kCorrects,  // the parts take the place of those of a message that waits for its turn
    kRetracts,  // a message that waits for its turn gets none, and its words are forgotten
  };
  What what = What::kHeard;
  std::string about;  // kCorrects, kRetracts: the foreign_id of that message
  bool operator==(const Aside&) const = default;
};
void put_aside(Message& message, const Aside& aside);
std::optional<Aside> aside_of(const Message& message);  // nullopt: absent or unknown

}  // namespace skep
