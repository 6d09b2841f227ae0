// What the persona in use means for a turn.
#pragma once

#include <optional>

#include "skep/agent/agent.h"
#include "skep/memory/personas.h"

namespace skep::agent {

memory::PersonaPlace place_of(const AgentDeps& deps, const Conversation& conversation);

// The house's takes the place of the workspace's texts, but not of those that the conversation has
// of its own; a person's own one stands behind all instructions, and is marked as theirs.
void dress(const AgentDeps& deps, const Conversation& conversation, ConversationSettings& settings);

// Those of `tools` that the settings leave.
llm::ToolSpecs offered(const llm::ToolSpecs& tools, const ConversationSettings& settings);

}  // namespace skep::agent
