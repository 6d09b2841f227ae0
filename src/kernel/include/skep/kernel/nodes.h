// Which nodes of a home run in processes of their own, and where such a process keeps its things.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "skep/base/config.h"

namespace skep::kernel {

enum class NodeKind : std::uint8_t { kAgent, kXmpp };
inline constexpr NodeKind kNodeKinds[] = {NodeKind::kAgent, NodeKind::kXmpp};
std::string_view kind_name(NodeKind kind);  // "agent", "xmpp": what `skep node KIND` takes
std::optional<NodeKind> kind_named(std::string_view name);

// [nodes]
struct NodesConfig {
  enum class Where : std::uint8_t {
    kInside,   // in the process of `skep up`
    kProcess,  // `skep up` starts it, watches it, ends it
    kByHand,   // somebody else runs `skep node KIND`
  };
  Where agent = Where::kInside, xmpp = Where::kInside;
  // A message whose receiver's process is not there waits for it so long; then its sender is told.
  std::chrono::milliseconds missing_kept_max = std::chrono::hours(24);

  [[nodiscard]] Where where(NodeKind kind) const { return kind == NodeKind::kAgent ? agent : xmpp; }
  [[nodiscard]] bool all_inside() const {
    return agent == Where::kInside && xmpp == Where::kInside;
  }
  static NodesConfig read(ConfigSection nodes);
};

// <home>/nodes/<kind>: run/lock, journal/, status.json.
std::string node_directory(const std::string& home, NodeKind kind);
std::string node_journal(const std::string& home, NodeKind kind);

}  // namespace skep::kernel
