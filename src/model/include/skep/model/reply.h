// The one answer to a message, as whoever answers makes it.
#pragma once

#include <string>

#include "skep/model/message.h"

namespace skep {

// A kReply under `id` with `text`, in the conversation and trace of `asked`, for the address it
// came from. What the channel noted in `asked` under its own name goes back with it. `dst` is the
// caller's to set.
Message reply_to(const Message& asked, MessageId id, WallTime now, std::string text);

}  // namespace skep
