// /sessions, /resume, /context.
#pragma once

#include "command_replies.h"

namespace skep::agent {

std::string sessions_reply(const CommandScope& scope);
std::string resume_reply(std::string_view arguments, const CommandScope& scope);
std::string context_reply(std::string_view arguments, const CommandScope& scope);

}  // namespace skep::agent
