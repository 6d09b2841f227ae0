// Who pays for a model's calls, and how the ledger hears of them.
#pragma once

#include <expected>
#include <string>

#include "skep/agent/agent.h"

namespace skep::agent {

// The person whose message is answered; in a room each speaker has an account of their own.
memory::Payer payer_of(const AgentDeps& deps, const AgentConfig& config, const Message& message);

// Sets aside what the call may come to at most. kExhausted with the sentence for the person.
Result<memory::Ledger::Hold> reserve_for(AgentDeps& deps, const AgentConfig& config,
                                         const Message& message, const llm::Request& request);
// What it came to. A failure to write the ledger is logged: it costs the record, not the answer.
PicoUsd settle_call(AgentDeps& deps, const AgentConfig& config, const Message& message,
                    memory::Ledger::Hold hold,
                    const std::expected<llm::Response, llm::Failure>& outcome);

// The answer to /usage; `everybody`: with the sums of all people.
std::string usage_text(const AgentDeps& deps, const AgentConfig& config, const Message& message,
                       bool everybody);

}  // namespace skep::agent
