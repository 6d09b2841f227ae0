// Starts, watches and ends the processes of a home's nodes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/kernel/nodes.h"

namespace skep::kernel {

// Loop thread only. A process that ends by itself is started again: at once, then after a pause
// that doubles from 100 ms to 30 s, and is short again once one has lived for 10 s. One that ends
// because trying again cannot help (its exit code says so: wrong usage, configuration, not allowed)
// stays away until `skep up` is started again. The processes outlive a killed `skep up`: the next
// one finds them by their lock and watches them on.
class NodeSupervisor {
 public:
  // `arguments`: behind "skep node KIND".
  NodeSupervisor(Loop& loop, std::string home, std::vector<std::string> arguments);
  ~NodeSupervisor();

  void start(NodeKind kind);
  // SIGTERM, and SIGKILL when the Ctx ends first. Nothing when it was not started here.
  Task<void> stop(NodeKind kind, Ctx ctx);
  Task<void> close();  // after stop() of all

  struct Status {
    std::string state;  // "running", "waiting" to start it again, "given up"
    int pid = 0;        // 0: not running
    std::uint64_t restarts = 0;
    std::string last_end;  // "exit code 1", "signal 9"; empty: it has not ended yet
  };
  [[nodiscard]] std::optional<Status> status(NodeKind kind) const;

 private:
  struct Child;
  Task<void> run(Ctx ctx, Child& child);
  Task<void> watch(Ctx ctx, Child& child);
  bool launch(Child& child);
  bool adopt(Child& child);

  Loop& loop_;
  std::string home_;
  std::vector<std::string> arguments_;
  std::map<NodeKind, std::unique_ptr<Child>> children_;
  Gate gate_;
};

}  // namespace skep::kernel
