// What the configuration says about a conversation.
#pragma once

#include "skep/kernel/kernel.h"

namespace skep::kernel {

bool is_admin(const KernelConfig& config, const Conversation& conversation);
// Of a room: its persona and instructions. `xmpp`: the channel, which also knows rooms that it was
// invited to; null when it is in another process.
agent::ConversationSettings settings_of(const KernelConfig& config,
                                        const channels::XmppChannel* xmpp,
                                        const Conversation& conversation);

}  // namespace skep::kernel
