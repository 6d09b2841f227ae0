// Where things lie below the root. Private to the room.
#pragma once

#include <string>
#include <string_view>

#include "skep/model/message.h"

namespace skep::memory {

// The directory of one session within the peer's: "" for the default one, "threads/<hash>/" for an
// XEP-0201 thread.
std::string session_prefix(const Conversation& conversation);

struct SessionPaths {
  std::string history;   // …/history.jsonl
  std::string archives;  // …/sessions
};
SessionPaths session_paths(const std::string& peer_directory, const Conversation& conversation);

}  // namespace skep::memory
