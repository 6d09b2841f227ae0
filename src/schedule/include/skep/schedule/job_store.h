// Jobs and their runs in state.db.
#pragma once

#include <vector>

#include "skep/schedule/job.h"
#include "skep/store/db.h"

namespace skep::schedule {

// Loop thread only. Every call is one transaction: when it returns ok, all of it is kept.
class JobStore {
 public:
  explicit JobStore(store::Db& db) : db_(db) {}
  static std::vector<store::Migration> migrations();

  struct Loaded {
    std::vector<Job> jobs;        // oldest first
    std::vector<Firing> firings;  // those without an end, oldest first
    std::vector<std::string> unreadable;
  };
  Task<Result<Loaded>> load(Ctx ctx);
  // Writes a job, new or not, with runs that begin. A run that is there already stays as it is.
  Task<Result<void>> save(Ctx ctx, Job job, std::vector<Firing> begun = {});
  // A run has ended. False: it had ended before, and nothing was changed.
  Task<Result<bool>> finish(Ctx ctx, Job job, std::string firing);
  Task<Result<void>> remove(Ctx ctx, std::string job);  // with its runs
  // Some time soon: what is lost is told by the journal.
  void delivered(const Firing& firing);

 private:
  store::Db& db_;
};

}  // namespace skep::schedule
