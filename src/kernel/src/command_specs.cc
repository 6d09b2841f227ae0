#include "skep/agent/commands.h"
#include "xmpp_side.h"

namespace skep::kernel {

std::vector<channels::CommandSpec> command_specs() {
  std::vector<channels::CommandSpec> specs;
  for (const agent::CommandInfo& info : agent::commands()) {
    specs.push_back({.name = info.name,
                     .arguments = info.arguments,
                     .help = info.help,
                     .admin = info.whom == agent::CommandInfo::For::kAdmin});
  }
  return specs;
}

}  // namespace skep::kernel
