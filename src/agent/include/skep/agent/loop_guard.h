// Notices a model that goes round in circles.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "skep/base/config.h"
#include "skep/model/part.h"

namespace skep::agent {

// [agent.loop_guard]
struct LoopGuardConfig {
  int warn = 3;           // the same call so often in a turn: its result carries a note
  int block = 5;          // so often: it is not run any more
  int end = 30;           // calls in one turn, blocked ones too; one more ends the turn
  int failed_rounds = 3;  // rounds in a row in which every call failed: the turn ends

  static LoopGuardConfig read(ConfigSection section);
};

// One turn's. Two calls are the same when tool and arguments are, whatever the order of members.
// Calls that only look how something is doing (process_poll, a shell command that lists jobs) may
// come three times as often. Two or three calls in turn, three times over, are blocked likewise.
class LoopGuard {
 public:
  enum class Do { kRun, kWarn, kBlock, kEnd };
  struct Verdict {
    Do what = Do::kRun;
    std::string note;  // for the model; kEnd: for the person
  };

  explicit LoopGuard(LoopGuardConfig config) : config_(config) {}
  // Counts the call. Ask once for each, in the order of the calls.
  Verdict check(const ToolCall& call);

 private:
  [[nodiscard]] bool alternates(std::size_t period) const;

  LoopGuardConfig config_;
  int total_ = 0;
  std::map<std::string, int> counts_;  // by fingerprint
  std::vector<std::string> recent_;    // fingerprints, the newest last
};

// "name {sorted arguments}": equal for the same calls.
std::string fingerprint(const ToolCall& call);
// True for calls that wait for something by asking again and again.
bool is_poll(const ToolCall& call);

}  // namespace skep::agent
