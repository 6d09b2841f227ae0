// What the model has of all this.
#pragma once

#include "catalogues.h"
#include "delegations.h"

namespace skep::federation {

// The result for a model: words of others as data.
tools::ToolOutput in_words(std::string_view from, const xmpp::ExecResult& result);

// remote_agents {agent?}: who may be asked for what. delegate {agent, task | skill, input}: asks
// and waits for the result.
std::vector<std::unique_ptr<tools::Tool>> make_tools(Catalogues& catalogues,
                                                     Delegations& delegations,
                                                     const FederationConfig& config);

}  // namespace skep::federation
