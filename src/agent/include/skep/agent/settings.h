// What one conversation has of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace skep::agent {

// What one conversation has beside the common configuration.
struct ConversationSettings {
  std::string personality;       // replaces the workspace's; empty: that one
  std::string instructions;      // behind the workspace's
  int history_token_budget = 0;  // 0: [llm] history_token_budget
  std::string context;           // one line about the person now, of foreign text

  // Of the persona in use.
  std::string identity;       // replaces the workspace's; empty: that one
  std::string workspace;      // replaces the workspace's instructions; empty: those
  std::string persona;        // a section of its own, behind all instructions
  std::string tier;           // that it would like
  int answer_tokens_max = 0;  // 0: the model's
  // Of the agent's tools only these, names or globs; none: all of them.
  std::optional<std::vector<std::string>> tools;
};

}  // namespace skep::agent
