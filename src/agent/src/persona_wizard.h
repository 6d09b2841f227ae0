// Personas made by conversation: what is asked, and the words that answer it. Where a wizard stands
// is a small file beside the conversation's memory, so that a crash loses nothing of it.
#pragma once

#include "command_replies.h"

namespace skep::agent {

// What a wizard is about; one a conversation, of whoever began it.
enum class WizardKind : std::uint8_t { kCreate, kEdit, kDelete, kImport };

// The first question; `id` is empty for kImport.
std::string begin_wizard(const CommandScope& scope, WizardKind kind, const std::string& id);
// The next question, or what came of it.
std::string wizard_answer(const CommandScope& scope, std::string_view words);
// /cancel: true when one was open here.
bool end_wizard(const CommandScope& scope);
// Takes a persona out of TOML that somebody pasted or sent.
std::string import_persona(const CommandScope& scope, std::string_view toml);

// Words of whoever began the open wizard are its next answer. Before the message is journaled: it
// is one or the other for good.
void take_for_wizard(const AgentDeps& deps, const AgentConfig& config, Message& message);
bool is_for_wizard(const Message& message);

}  // namespace skep::agent
