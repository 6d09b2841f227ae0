// What the model is given: the system text, the history within its budget, the newest message.
#pragma once

#include <string>
#include <vector>

#include "skep/agent/agent.h"
#include "skep/authority/authority.h"
#include "skep/base/clock.h"
#include "skep/llm/driver.h"
#include "skep/memory/memory.h"
#include "skep/model/attached.h"
#include "skep/model/room_talk.h"

namespace skep::agent {

struct PromptInput {
  std::string agent_name;
  memory::WorkspaceTexts texts;
  llm::ToolSpecs tools;
  std::vector<memory::TranscriptEntry> history;  // oldest first, without the newest message
  std::vector<Part> newest;                      // what is being answered
  std::vector<AttachedFile> files;               // and what came with it
  WallTime now{};
  std::string time_zone;
  std::string channel;  // "xmpp", "cli": for the facts about the channel
  std::string peer;
  std::optional<RoomTalk> room;  // the newest message was said in a room
  ConversationSettings settings = {};
  int history_token_budget = 50'000;
};

// Stable first, so that providers can cache: platform rules, identity, personality, instructions
// (a persona's instead, or a built-in default when all three are absent), tool guidance that names
// only tools that exist, profile, memory.md. What changes with every turn (date, time, zone,
// channel) goes into the newest user turn, in front of its text, marked as context. History is cut
// from the oldest whole turn on, by tokens; a summary stays. The first replayed turn is a user
// turn; neighbours of the same role are merged.
struct Prompt {
  std::string system;
  std::vector<llm::ChatMessage> messages;
  std::size_t cached_messages = 0;
  std::size_t dropped_turns = 0;  // left out by the budget
  authority::Labels labels;       // of the history that is in it
};
Prompt assemble(const PromptInput& input);

}  // namespace skep::agent
