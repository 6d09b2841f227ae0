// Makes any history acceptable to every provider.
#pragma once

#include <vector>

#include "skep/llm/driver.h"

namespace skep::agent {

struct RepairStats {
  int orphan_results = 0, missing_results = 0, duplicate_results = 0, blank_messages = 0,
      merged = 0, leading_dropped = 0, renamed_ids = 0;
  bool operator==(const RepairStats&) const = default;
};
// Pure and idempotent. Afterwards: starts with a user turn, roles alternate, no message is blank,
// each tool call of an assistant turn has exactly one result in the user turn right after it (a
// synthetic error "interrupted; it may or may not have happened" where it was lost), and no result
// stands without its call. Calls are paired inside each assistant/user pair, since providers reuse
// ids; then no two calls share one.
RepairStats repair(std::vector<llm::ChatMessage>& messages);

}  // namespace skep::agent
