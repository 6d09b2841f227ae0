#include "skep/agent/commands.h"
#include "xmpp_side.h"

namespace skep::kernel {

std::vector<channels::CommandSpec> command_specs(const KernelConfig& config) {
  std::vector<channels::CommandSpec> specs;
  for (const agent::CommandInfo& info : agent::commands()) {
    if (info.name == "tier" && config.tiers.models.empty()) continue;
    // Those few may type it; the list of commands is the same for all.
    if (info.whom == agent::CommandInfo::For::kDeveloper) continue;
    const auto action = agent::action_of(info);
    specs.push_back({.name = info.name,
                     .arguments = info.arguments,
                     .help = info.help,
                     .admin = info.whom == agent::CommandInfo::For::kAdmin || info.name == "config",
                     .least = action ? authority::minimum_role(*action) : Role::kViewer});
  }
  return specs;
}

}  // namespace skep::kernel
