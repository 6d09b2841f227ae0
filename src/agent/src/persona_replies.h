// /persona.
#pragma once

#include "command_replies.h"

namespace skep::agent {

std::string persona_reply(std::string_view arguments, const CommandScope& scope);

}  // namespace skep::agent
