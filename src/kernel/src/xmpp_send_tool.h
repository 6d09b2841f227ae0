// xmpp_send, with this process' XMPP nodes, its authority and its questions to people.
#pragma once

#include "skep/identity/contacts.h"
#include "skep/kernel/kernel.h"
#include "xmpp_side.h"

namespace skep::kernel {

// Nothing happens unless [skills.xmpp_send] is enabled. What it is given outlives the toolbox.
Result<void> open_xmpp_send(tools::Toolbox& toolbox, const KernelConfig& config, XmppSide& xmpp,
                            AuthoritySide& authority, identity::Contacts& contacts);

}  // namespace skep::kernel
