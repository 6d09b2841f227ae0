// Which model answers a turn, and why that one.
#pragma once

#include <memory>
#include <string>

#include "skep/agent/agent.h"
#include "skep/tools/toolbox.h"

namespace skep::agent {

struct TurnState;

struct TierChoice {
  llm::ModelRef model;
  std::string tier;  // empty: there are no tiers
  std::string why;   // "chosen with /tier", "score 12"; empty: the usual one
};
struct TierQuestion {
  const Conversation& conversation;
  std::string persona_tier;  // what its persona would like; empty: nothing
  llm::Effort effort;
  bool pictures = false;  // there are some in it
};
// In this order: what the person chose with /tier, [llm.router] stable, the persona, the router,
// [llm] default. Pictures go to the tier "vision" where the chosen model cannot see them.
TierChoice choose_tier(const AgentDeps& deps, const TierQuestion& question);

// Without the tool `escalate` where there is nothing to escalate to. A turn that is replayed has
// the tools that it had.
llm::ToolSpecs escalation_checked(llm::ToolSpecs tools, const AgentDeps& deps);

// The tier that a turn goes on with once its model has asked for a stronger one; null: it has not,
// or there is none.
llm::Model* stronger_model(const AgentDeps& deps, const TurnState& turn);

}  // namespace skep::agent
