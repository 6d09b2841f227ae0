// What the message of a sub-agent carries: whose part it is.
#pragma once

#include <optional>
#include <string>

#include "skep/authority/authority.h"
#include "skep/model/message.h"

namespace skep::agent {

// Lives in Message::meta under "sub_task". Such a message never leaves the agent that made it.
struct SubTask {
  std::string turn;          // of its parent
  std::string call;          // its place there: "0.1/toolu_x"
  std::string agent;         // in [llm.agents.*]; empty: none of them
  authority::Labels labels;  // of what its parent had read
  bool operator==(const SubTask&) const = default;
};
void put_sub_task(Message& message, const SubTask& task);
std::optional<SubTask> sub_task_of(const Message& message);

}  // namespace skep::agent
