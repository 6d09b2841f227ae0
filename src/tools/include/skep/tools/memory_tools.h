// What an agent remembers, knows and leaves for other agents, as tools.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/clock.h"
#include "skep/memory/graph.h"
#include "skep/memory/memory.h"
#include "skep/memory/search.h"
#include "skep/memory/shared_values.h"
#include "skep/memory/task_board.h"
#include "skep/tools/toolbox.h"

namespace skep::tools {

// Everything outlives the tools.
struct MemoryToolDeps {
  memory::Memory& memory;
  const Clock& clock;
  std::string agent = {};                  // whose tools these are
  memory::SharedValues* shared = nullptr;  // none: the agent has notes only
  memory::Graph* graph = nullptr;
  memory::TaskBoard* board = nullptr;
  memory::Search* search = nullptr;
  std::string index = {};  // folder of this agent's indexes
  // Tells all nodes of the fabric.
  std::function<Result<void>(std::string action, json::object payload, const ToolContext& context)>
      tell = {};
  // An agent's name as it writes it itself; none: there is no such agent. Empty: nobody knows.
  std::function<std::optional<std::string>(std::string_view name)> agent_named = {};
};

// memory_store, memory_recall and, where there is a search, memory_search. A key is about the
// person, or with `shared.` in front for everybody. What was written in a turn that had read words
// from outside says so, and its reader has read them too.
std::vector<std::unique_ptr<Tool>> make_memory_tools(const MemoryToolDeps& deps);
// knowledge_add_entity, knowledge_add_relation, knowledge_query.
std::vector<std::unique_ptr<Tool>> make_knowledge_tools(const MemoryToolDeps& deps);
// task_post, task_claim, task_complete, task_list.
std::vector<std::unique_ptr<Tool>> make_task_tools(const MemoryToolDeps& deps);
// event_publish: a word to everything on the fabric.
std::vector<std::unique_ptr<Tool>> make_event_tools(const MemoryToolDeps& deps);

// Labels as they are kept with a text, and back: those that a later reader must know of.
std::string taint_of(authority::Labels labels);
authority::Labels labels_of(std::string_view taint);

}  // namespace skep::tools
