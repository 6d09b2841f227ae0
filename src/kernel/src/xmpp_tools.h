// The tools that act on XMPP.
#pragma once

#include "skep/async/pool.h"
#include "skep/kernel/kernel.h"
#include "skep/tools/channel_tools.h"
#include "xmpp_side.h"

namespace skep::kernel {

// A file into a conversation over XMPP; kUnsupported in others, and without `xmpp`.
Task<Result<void>> send_into(XmppSide* xmpp, Ctx ctx, Conversation conversation, std::string turn,
                             tools::FileToSend file);
// react, and send_file where the agent has a workspace. The XMPP side outlives the toolbox's calls.
Result<void> open_xmpp_tools(tools::Toolbox& toolbox, const KernelConfig& config, Pool& pool,
                             XmppSide& xmpp);

}  // namespace skep::kernel
