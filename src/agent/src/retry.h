// /retry: the last question once more.
#pragma once

#include <string>
#include <vector>

#include "skep/agent/agent.h"

namespace skep::agent {

// "/retry" becomes the last thing that its writer asked in the conversation; without one it stays
// as it is. Before the message is journaled: it is one or the other for good.
void take_as_retry(const AgentDeps& deps, Message& message);
bool is_retry(const Message& message);
// That question and what it was answered with, so that the answer now does not lean on the one
// then.
void drop_last_exchange(std::vector<memory::TranscriptEntry>& history, const std::string& text);

}  // namespace skep::agent
