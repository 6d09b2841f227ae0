// /tier.
#pragma once

#include "command_replies.h"

namespace skep::agent {

// There is something to choose between.
bool has_tiers(const AgentDeps& deps);
std::string tier_reply(std::string_view arguments, const CommandScope& scope);

}  // namespace skep::agent
