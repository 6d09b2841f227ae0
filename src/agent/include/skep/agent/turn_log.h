// What each turn did, in the order it did it: for `skep trace` and `skep replay`.
//
//   <directory>/<YYYYMMDD>.jsonl   one line a turn, written when its answer is out
//   <directory>/tools/<hash>.json  the tool definitions a turn was offered
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "skep/base/clock.h"
#include "skep/base/config.h"
#include "skep/base/json.h"
#include "skep/llm/driver.h"

namespace skep::agent {

// [trace]
struct TurnLogConfig {
  bool enabled = true;
  int keep_days = 14;     // older files go
  std::string directory;  // <home>/turns
  static TurnLogConfig read(ConfigSection section, const std::string& home);
};

// Loop thread only. One write(2) a turn. A line that cannot be written costs the record, not the
// answer.
class TurnLog {
 public:
  static constexpr std::size_t line_bytes_max = 1u << 20;  // longer results are cut to fit

  static Result<std::unique_ptr<TurnLog>> open(TurnLogConfig config, const Clock& clock);
  virtual ~TurnLog() = default;
  virtual Result<void> append(std::string_view turn) = 0;  // a JSON object
  // The name under which the definitions are kept (16 hex digits).
  virtual Result<std::string> keep_tools(const llm::ToolSpecs& tools) = 0;
};

// The turn with that id: of the question, of its answer, or the trace's. Needs no running daemon.
// kNotFound when there is none (any more), kInvalid when it is no id.
Result<json::object> find_turn(const std::string& directory, std::string_view id);
// What sub-agents did in the turn of that id, as turns of their own with "parent", "call" (their
// place in it) and "sub_agent" (their name).
std::vector<json::object> find_parts(const std::string& directory, std::string_view id);
// The definitions of that name. kNotFound, kCorrupt.
Result<llm::ToolSpecs> read_tools(const std::string& directory, std::string_view name);

}  // namespace skep::agent
