// What a message in a room of several people carries beside its text.
#pragma once

#include <optional>
#include <string>

#include "skep/model/message.h"

namespace skep {

// Lives in Message::meta under "room". The channel writes it; agents read it. A message without it
// is one-to-one.
struct RoomTalk {
  std::string speaker;  // one line without ": "; different people have different ones
  std::string nick;     // what we are called there
  std::string subject;
  std::size_t people = 0;
  // Context only: it is noted, never answered, and no kReply comes.
  bool listen = false;
  // May use commands that change what is kept of the room.
  bool may_manage = false;
  bool operator==(const RoomTalk&) const = default;
};
void put_room_talk(Message& message, const RoomTalk& talk);
std::optional<RoomTalk> room_talk(const Message& message);

// How the sender of a line in a room's transcript is written: "ann@muc"; nullopt when `sender` is
// no such.
std::string room_sender(std::string_view speaker);
std::optional<std::string_view> speaker_of(std::string_view sender);

}  // namespace skep
