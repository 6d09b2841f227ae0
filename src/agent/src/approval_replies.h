// What people say to questions of ours: /confirm, /deny, and yes or no.
#pragma once

#include "command_replies.h"

namespace skep::agent {

// The answer to "/confirm [id] [always]" (kYes) or "/deny …" (kNo).
std::string answer_question(std::string_view arguments, authority::Verdict verdict,
                            const CommandScope& scope);
// "yes" where exactly one question waits for this person's answer is that command; anything else
// stays as it is. Before the message is journaled: it is one or the other for good.
void take_as_answer(const AgentDeps& deps, const AgentConfig& config, Message& message);
// "Helper: yes" in a room where we are called Helper is "yes".
std::string_view without_nick(std::string_view text, const Message& message);
// What a person reads when they are asked.
std::string question_text(const authority::Approval& approval, std::string_view why);

}  // namespace skep::agent
