// What the agent answers to /memory.
#pragma once

#include <string>
#include <string_view>

#include "command_replies.h"

namespace skep::agent {

// list [words], del KEY; without: what there is, and how to ask.
std::string answer_memory(std::string_view arguments, const CommandScope& scope);

}  // namespace skep::agent
