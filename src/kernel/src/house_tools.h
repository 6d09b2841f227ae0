// The tools that every agent of the house may have.
#pragma once

#include <functional>
#include <string>

#include "skep/async/pool.h"
#include "skep/kernel/kernel.h"
#include "skep/tools/memory_tools.h"
#include "skep/tools/result_store.h"
#include "skep/tools/toolbox.h"

namespace skep::kernel {

struct HouseTools {
  const KernelConfig& config;
  net::HttpClient& http;
  Pool& pool;
  const tools::ResultStore& results;  // outlives the toolbox
  const llm::Model& model;            // that reads the results
  std::string folder;                 // under <home>/workspaces
  tools::MemoryToolDeps remembered;   // of this agent
  // Which of them are added; empty: all that the configuration allows.
  std::function<bool(std::string_view tool)> wanted = {};
};
// <home>/workspaces/<folder>, made when missing.
Result<tools::WorkspacePtr> open_workspace(const KernelConfig& config, std::string_view folder);
Result<void> add_house_tools(tools::Toolbox& toolbox, const HouseTools& from);

// An agent's name as its node carries it: no character that means something in a path.
std::string folder_name(std::string_view agent, std::string_view hive);

}  // namespace skep::kernel
