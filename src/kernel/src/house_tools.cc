#include "house_tools.h"

namespace skep::kernel {
namespace {

class Adding {
 public:
  Adding(tools::Toolbox& toolbox, const HouseTools& from) : toolbox_(toolbox), from_(from) {}

  Result<void> one(std::unique_ptr<tools::Tool> tool) {
    if (from_.wanted && !from_.wanted(tool->spec().name)) return {};
    return toolbox_.add(std::move(tool));
  }
  Result<void> all(std::vector<std::unique_ptr<tools::Tool>> tools) {
    for (std::unique_ptr<tools::Tool>& tool : tools) SKEP_TRY_VOID(one(std::move(tool)));
    return {};
  }
  [[nodiscard]] bool any(std::initializer_list<std::string_view> names) const {
    return !from_.wanted || std::ranges::any_of(names, from_.wanted);
  }

 private:
  tools::Toolbox& toolbox_;
  const HouseTools& from_;
};

// A single result may take three tenths of the model's window, at two bytes a token.
std::size_t result_bytes(const llm::Model& model) {
  const int window = model.driver().context_window_tokens();
  if (window <= 0) return tools::result_bytes_max;
  return static_cast<std::size_t>(window) * 6 / 10;
}

// The folder is made only for who can use it.
Result<void> add_workspace_tools(Adding& adding, const HouseTools& from) {
  const KernelConfig& config = from.config;
  const bool files =
      config.file_tools.enabled && adding.any({"file_read", "file_write", "file_list",
                                               "create_directory", "apply_patch", "image_analyze"});
  const bool programs = config.shell_tools.enabled && adding.any({"shell_exec", "process_start"});
  if (!files && !programs) return {};
  SKEP_TRY(const tools::WorkspacePtr workspace, open_workspace(config, from.folder));
  if (files) SKEP_TRY_VOID(adding.all(tools::make_file_tools(workspace, from.pool)));
  if (!programs) return {};
  return adding.all(tools::make_shell_tools(workspace, config.shell_tools));
}

// Each tool's description costs the main agent tokens in every turn, so that it has only what is
// turned on; others have what their manifests say.
Result<void> add_memory_tools(Adding& adding, const HouseTools& from) {
  const MemoryToolsConfig& on = from.config.memory_tools;
  const bool listed = static_cast<bool>(from.wanted);
  SKEP_TRY_VOID(adding.all(tools::make_memory_tools(from.remembered)));
  if (on.knowledge || listed)
    SKEP_TRY_VOID(adding.all(tools::make_knowledge_tools(from.remembered)));
  if (on.tasks || listed) SKEP_TRY_VOID(adding.all(tools::make_task_tools(from.remembered)));
  if (!on.events && !listed) return {};
  return adding.all(tools::make_event_tools(from.remembered));
}

}  // namespace

Result<tools::WorkspacePtr> open_workspace(const KernelConfig& config, std::string_view folder) {
  return tools::Workspace::open(fmt::format("{}/workspaces/{}", config.home, folder));
}

Result<void> add_house_tools(tools::Toolbox& toolbox, const HouseTools& from) {
  Adding adding(toolbox, from);
  SKEP_TRY_VOID(add_memory_tools(adding, from));
  SKEP_TRY_VOID(adding.one(tools::make_system_time(Clock::system())));
  if (from.config.web_fetch.enabled)
    SKEP_TRY_VOID(adding.one(tools::make_web_fetch(from.http, from.config.web_fetch)));
  if (from.config.web_search.enabled)
    SKEP_TRY_VOID(
        adding.one(tools::make_web_search(from.http, from.config.web_search, Clock::system())));
  if (from.config.location.enabled)
    SKEP_TRY_VOID(adding.one(tools::make_location_get(from.http, from.config.location)));
  SKEP_TRY_VOID(adding.one(tools::make_result_read(from.results)));
  if (toolbox.find("result_read") != nullptr)
    toolbox.keep_long_results(from.results, result_bytes(from.model));
  return add_workspace_tools(adding, from);
}

std::string folder_name(std::string_view agent, std::string_view hive) {
  const Name name = Name::from_label(NodeType::kAgent, agent, hive);
  constexpr std::string_view kType = "AI.";
  return std::string(name.base().substr(kType.size()));
}

}  // namespace skep::kernel
