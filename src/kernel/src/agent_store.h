// The registry's table in state.db.
#pragma once

#include <vector>

#include "skep/kernel/agents.h"

namespace skep::kernel {

// Loop thread only. Every call is one transaction.
class AgentStore {
 public:
  explicit AgentStore(store::Db& db) : db_(db) {}
  static std::vector<store::Migration> migrations();

  Task<Result<std::vector<AgentEntry>>> load(Ctx ctx);
  Task<Result<void>> insert(Ctx ctx, AgentEntry entry);
  Task<Result<void>> insert_all(Ctx ctx, std::vector<AgentEntry> entries);  // or none
  Task<Result<void>> update(Ctx ctx, AgentEntry entry);  // all but id and created_at
  // The row goes; its children have no parent any more.
  Task<Result<void>> remove(Ctx ctx, Uuid id);
  void touch(const AgentEntry& entry);  // last_active, some time soon

 private:
  store::Db& db_;
};

}  // namespace skep::kernel
