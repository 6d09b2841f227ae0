// Words for somebody who did not ask, on their way to a channel in another process.
#pragma once

#include <optional>

#include "skep/channels/xmpp_channel.h"
#include "skep/model/message.h"

namespace skep::channels {

// A kReply to nothing. Of an Unasked it carries id, from, behalf_of, to and text; the rest is as a
// new one has it.
Message unasked_message(const Unasked& unasked, const Name& channel, WallTime now);
// nullopt: it is another kind of message.
std::optional<Unasked> unasked_of(const Message& message);

}  // namespace skep::channels
