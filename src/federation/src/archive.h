// Results that were told, kept for exec-ids that come again. In the process's database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "execution.h"
#include "skep/store/db.h"

namespace skep::federation {

class Archive {
 public:
  static constexpr std::int64_t kResultsMax = 50'000;  // the oldest are forgotten
  static std::vector<store::Migration> migrations();

  Archive(store::Db& db, const Clock& clock, Millis kept_for)
      : db_(db), clock_(clock), kept_for_(kept_for) {}

  struct Kept {
    std::string digest;
    xmpp::ExecResult result;
  };
  // nullopt: never seen, or too long ago.
  Task<Result<std::optional<Kept>>> find(Ctx ctx, std::string peer, std::string exec_id);
  // Again with the same key replaces nothing.
  Task<Result<void>> put(Ctx ctx, const Execution& execution);

 private:
  store::Db& db_;
  const Clock& clock_;
  const Millis kept_for_;
};

}  // namespace skep::federation
