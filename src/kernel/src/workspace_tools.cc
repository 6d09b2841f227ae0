#include "workspace_tools.h"

namespace skep::kernel {
namespace {

// The agent's name as its node carries it: no character that means something in a path.
std::string folder_name(const KernelConfig& config) {
  const Name name = Name::from_label(NodeType::kAgent, config.agent.name, config.hive);
  constexpr std::string_view kType = "AI.";
  return std::string(name.base().substr(kType.size()));
}

Result<void> add_all(tools::Toolbox& toolbox, std::vector<std::unique_ptr<tools::Tool>> tools) {
  for (std::unique_ptr<tools::Tool>& tool : tools) SKEP_TRY_VOID(toolbox.add(std::move(tool)));
  return {};
}

}  // namespace

Result<tools::WorkspacePtr> open_workspace(const KernelConfig& config) {
  return tools::Workspace::open(config.home + "/workspaces/" + folder_name(config));
}

Result<void> open_workspace_tools(tools::Toolbox& toolbox, const KernelConfig& config, Pool& pool) {
  if (!config.file_tools.enabled && !config.shell_tools.enabled) return {};
  SKEP_TRY(const tools::WorkspacePtr workspace, open_workspace(config));
  if (config.file_tools.enabled)
    SKEP_TRY_VOID(add_all(toolbox, tools::make_file_tools(workspace, pool)));
  if (!config.shell_tools.enabled) return {};
  return add_all(toolbox, tools::make_shell_tools(workspace, config.shell_tools));
}

}  // namespace skep::kernel
