// Manifests to begin with: data/agents/*.toml, inside the binary.
#pragma once

#include <span>
#include <string_view>

#include "skep/base/result.h"

namespace skep::kernel {

struct AgentTemplate {
  std::string_view name, toml;
};
std::span<const AgentTemplate> agent_templates();  // by name
// kNotFound with the nearest.
Result<std::string_view> agent_template(std::string_view name);

}  // namespace skep::kernel
