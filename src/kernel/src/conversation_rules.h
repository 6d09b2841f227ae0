// What the configuration says about a conversation, whether or not the XMPP channel is in this
// process.
#pragma once

#include "skep/kernel/kernel.h"

namespace skep::kernel {

class XmppSide;

// "IO.xmpp", "IO.xmpp.<id>": the name of that one's node, without the hive.
std::string xmpp_node_name(const channels::XmppChannelConfig& config);
// Of all that are configured.
std::vector<std::string> xmpp_node_names(const KernelConfig& config);
// Whether what is said to `entrypoint` comes to that one.
bool answers_at(const channels::XmppChannelConfig& config, const std::string& entrypoint);

// `xmpp`: the channels, which also know what has changed since the start; null when they are in
// another process.
bool is_admin(const KernelConfig& config, const XmppSide* xmpp, const Conversation& conversation);
// The role of who wrote it, where there are [[users]]: as the message says it, else by where it was
// said. None: there are no users, or no person stands behind it (the house's own schedule, another
// program of this machine). The terminal is its owner's unless a user is named so.
std::optional<Role> role_of(const KernelConfig& config, const Message& message);
// Of a room: its persona and instructions. Of a person: what they say of themselves now.
agent::ConversationSettings settings_of(const KernelConfig& config, const XmppSide* xmpp,
                                        const Conversation& conversation);

// Who may talk to the agent and who administers, of a configuration that was read again.
void take_allow_lists(KernelConfig& config, const KernelConfig& fresh);

}  // namespace skep::kernel
