// What a node's own process says of itself, for `skep status` of the main one.
#pragma once

#include <functional>

#include "skep/async/gate.h"
#include "skep/kernel/kernel.h"

namespace skep::kernel {

// Writes a file when it has changed, looking each second; once at the start.
// Loop thread only; close() before it dies.
class NodeStatusWriter {
 public:
  NodeStatusWriter(Loop& loop, std::string file, std::function<json::object()> status);
  Task<void> close();  // takes the file away

 private:
  Task<void> run(Ctx ctx);
  void write();

  std::string file_;
  std::function<json::object()> status_;
  std::string last_;
  Gate gate_;
};

inline constexpr const char *kStatusFile = "/status.json", *kUsageFile = "/usage.json";
// What a living process of that kind has written to one of them; nullopt: nothing, or it is dead.
std::optional<json::object> read_node_file(const std::string& home, NodeKind kind,
                                           std::string_view file);
// Of a living process of that kind: {"kind", "pid", …what it wrote}; nullopt: there is none.
std::optional<json::object> read_node_status(const std::string& home, NodeKind kind);
// The pid of the process that holds the folder's lock; nullopt: nobody does.
std::optional<int> node_pid(const std::string& home, NodeKind kind);
// SIGHUP to the process that has that folder, a home or a node's: it reads the configuration again.
void hang_up(const std::string& directory);

}  // namespace skep::kernel
