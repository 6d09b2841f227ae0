// How the parts of a home show themselves to people and programs.
#pragma once

#include "node_supervisor.h"
#include "skep/agent/agent.h"
#include "skep/attachments/attachments.h"
#include "skep/fabric/gateway.h"
#include "skep/memory/ledger.h"

namespace skep::kernel {

// [{hive, state, address, path, nodes, left_out, rejected: {reason: count}}]
json::array hives_of(const fabric::Gateway& gateway);
json::object gateway_json(const fabric::Gateway& gateway);
json::array routes_json(const fabric::Router& router);
json::object attachments_status(const attachments::AttachmentsStats& stats);
json::object agent_json(const agent::AgentStats& stats, const std::string& name);

// A node that is in a process of its own. What that says of its agent or channel goes into `status`
// under the kind's name.
json::object process_json(const std::string& home, NodeKind kind,
                          const std::optional<NodeSupervisor::Status>& watched,
                          json::object& status);

// {"total", "agents", "people", "models"}: calls, tokens and cost, today and this month.
json::object usage_json(memory::Ledger& ledger);
// Adds the sums of another process; rows of the same name become one.
void add_usage(json::object& sums, const json::value& more);

}  // namespace skep::kernel
