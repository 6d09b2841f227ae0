// What is said to whoever asked for an execution. Pure.
#pragma once

#include "execution.h"

namespace skep::federation {

// A message to the asker, from the address that it wrote to.
xmpp::Element message_to(const Execution& e, std::string id);
// The first or final answer to the stanza that asked; a message when that has been answered.
xmpp::Element answer_to(const Execution& e, const xmpp::ExecResult& result);

// Its outputs for people who read bodies and notes: plain texts, else whatever there is; of what
// lies elsewhere the address.
std::string in_plain_words(const xmpp::ExecResult& result);

}  // namespace skep::federation
