// The tools that act on XMPP.
#pragma once

#include "skep/async/pool.h"
#include "skep/kernel/kernel.h"
#include "xmpp_side.h"

namespace skep::kernel {

// react, and send_file where the agent has a workspace. The XMPP side outlives the toolbox's calls.
Result<void> open_xmpp_tools(tools::Toolbox& toolbox, const KernelConfig& config, Pool& pool,
                             XmppSide& xmpp);

}  // namespace skep::kernel
