// Personas that come along: data/personas/*.toml, inside the binary.
#pragma once

#include <string_view>
#include <vector>

#include "skep/agent/sub_agents.h"
#include "skep/memory/personas.h"

namespace skep::kernel {

std::vector<std::string_view> built_in_personas();
// Their texts and those of the house, for [llm.agents.*]; `personas` outlives what it gives.
agent::PersonaText persona_texts(const memory::Personas& personas);

}  // namespace skep::kernel
