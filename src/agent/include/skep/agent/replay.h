// Runs a recorded turn once more, with the model's answers and the tools' results of then.
#pragma once

#include <string>
#include <vector>

#include "skep/agent/agent.h"

namespace skep::agent {

struct ReplayReport {
  std::size_t model_calls = 0, tool_calls = 0;
  std::string text;  // the answer it comes to now
  // What is not as it was, in words; empty: the turn runs as it did.
  std::vector<std::string> differences;
};

// Offline: no model is asked, no tool is run, nothing of the home is written. The conversation
// before the turn comes from its transcript, so a turn of a forgotten one is kNotFound. `turn` is
// find_turn()'s, `tools` read_tools(). Runs a loop of its own; blocks until done. kUnsupported for
// a turn that another process began.
Result<ReplayReport> replay_turn(const json::object& turn, const llm::ToolSpecs& tools,
                                 AgentConfig config, memory::Memory& memory);

}  // namespace skep::agent
