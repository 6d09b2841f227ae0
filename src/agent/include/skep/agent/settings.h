// What one conversation has of its own.
#pragma once

#include <string>

namespace skep::agent {

// What one conversation has beside the common configuration.
struct ConversationSettings {
  std::string personality;       // replaces the workspace's; empty: that one
  std::string instructions;      // behind the workspace's
  int history_token_budget = 0;  // 0: [llm] history_token_budget
  std::string context;           // one line about the person now, of foreign text
};

}  // namespace skep::agent
