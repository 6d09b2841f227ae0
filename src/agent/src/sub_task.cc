#include "sub_task.h"

#include "skep/base/json.h"

namespace skep::agent {

void put_sub_task(Message& message, const SubTask& task) {
  message.meta["sub_task"] = json::object{{"turn", task.turn},
                                          {"call", task.call},
                                          {"agent", task.agent},
                                          {"labels", task.labels.bits}};
}

std::optional<SubTask> sub_task_of(const Message& message) {
  const json::value* found = message.meta.if_contains("sub_task");
  if (found == nullptr || !found->is_object()) return std::nullopt;
  SubTask task{.turn = std::string(get_string(*found, "turn")),
               .call = std::string(get_string(*found, "call")),
               .agent = std::string(get_string(*found, "agent"))};
  task.labels.bits = static_cast<std::uint8_t>(get_int(*found, "labels").value_or(0));
  return task;
}

}  // namespace skep::agent
