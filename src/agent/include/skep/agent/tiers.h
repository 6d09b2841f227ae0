// Models of different strength, as an agent uses them: docs/models.md.
#pragma once

#include <memory>
#include <string_view>

#include "skep/llm/tiers.h"
#include "skep/tools/toolbox.h"

namespace skep::agent {

inline constexpr std::string_view kEscalate = "escalate";
// The tool with which a model hands its turn to the tier of [llm.router] complex. It is offered in
// turns where may_escalate().
std::unique_ptr<tools::Tool> make_escalate();
// Not where there is no such tier, where it answers anyway, or where the tier is pinned.
bool may_escalate(llm::Models& models);

}  // namespace skep::agent
