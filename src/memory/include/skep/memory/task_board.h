// Work that agents leave for each other. The board is the house's: every agent sees it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/memory/tables.h"

namespace skep::memory {

struct BoardTask {
  std::string id;  // a ULID
  std::string title, description;
  std::string status = "pending";  // "pending", "claimed", "completed"
  std::int64_t priority = 0;       // the higher the sooner
  std::string assigned_to;         // an agent's name; empty: whoever comes
  std::string created_by, person;  // who posted it, and for whom
  std::string taint;
  WallTime created{};
  std::string claimed_by;
  std::string result;
  bool operator==(const BoardTask&) const = default;
};
inline constexpr std::size_t task_title_bytes_max = 256;
inline constexpr std::size_t task_text_bytes_max = 16'384;  // description, result
inline constexpr std::size_t tasks_open_max = 1000;         // posted and not completed
inline constexpr std::size_t tasks_listed_max = 100;

struct BoardConfig {
  // [memory] claim_mins: a task that was claimed and is not completed by then is free again.
  std::chrono::milliseconds claim{3'600'000};
};

// Loop thread only; several processes may use one board. Failures beside the file's own: kInvalid,
// kTooLarge, kExhausted for the limits above, kNotFound, kDenied, kConflict.
class TaskBoard {
 public:
  TaskBoard(LazyDb& db, BoardConfig config, const Clock& clock)
      : db_(db), config_(config), clock_(clock) {}

  // Its id. Fields from `status` on are not looked at but priority, assigned_to, created_by,
  // person and taint. The oldest completed ones make room.
  Task<Result<std::string>> post(Ctx ctx, BoardTask task);
  // The most urgent, then the oldest free one that is for `agent` or for anybody; nobody else gets
  // it. Nothing: there is none.
  Task<Result<std::optional<BoardTask>>> claim(Ctx ctx, std::string agent);
  // By whoever has claimed it, else kDenied; kConflict when it is completed already.
  Task<Result<BoardTask>> complete(Ctx ctx, std::string id, std::string agent, std::string result);
  // Newest first; `status` empty: of any.
  Task<Result<std::vector<BoardTask>>> list(Ctx ctx, std::string status);

 private:
  LazyDb& db_;
  BoardConfig config_;
  const Clock& clock_;
};

}  // namespace skep::memory
