// What a person's role ([[users]]) lets them ask of the agent. Without [[users]] nothing here has a
// say.
#pragma once

#include <optional>
#include <string>

#include "command_replies.h"
#include "skep/agent/agent.h"

namespace skep::agent {

std::optional<Role> role_of(const AgentDeps& deps, const Message& message);

// Whether words for the model are answered. Pure.
bool may_chat(const AgentDeps& deps, const Message& message);
// The same as a question to the authority, which writes it down: what to tell the person instead of
// an answer, or nothing.
std::optional<std::string> why_no_chat(const AgentDeps& deps, const AgentConfig& config,
                                       const Message& message);

// Of a command, likewise.
std::optional<std::string> why_barred(const CommandInfo& info, const CommandScope& scope);
std::optional<std::string> why_refused(const CommandInfo& info, const CommandScope& scope);
// Of an act beside a command's own ("/usage all"); true without roles.
bool may_do(authority::Action action, const CommandScope& scope, std::string* why = nullptr);

}  // namespace skep::agent
