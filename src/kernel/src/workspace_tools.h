// The agent's workspace folder and the tools that work in it.
#pragma once

#include "skep/async/pool.h"
#include "skep/kernel/kernel.h"

namespace skep::kernel {

// <home>/workspaces/<agent>, made when missing.
Result<tools::WorkspacePtr> open_workspace(const KernelConfig& config);
// The folder, made when missing; the tools that the configuration turns on go into
// `toolbox`. Nothing is made when all are off.
Result<void> open_workspace_tools(tools::Toolbox& toolbox, const KernelConfig& config, Pool& pool);

}  // namespace skep::kernel
