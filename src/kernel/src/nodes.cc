#include "skep/kernel/nodes.h"

#include <algorithm>

namespace skep::kernel {
namespace {

constexpr std::string_view kKinds[] = {"agent", "xmpp"};

NodesConfig::Where where_named(std::string_view place) {
  if (place == "process") return NodesConfig::Where::kProcess;
  return place == "by hand" ? NodesConfig::Where::kByHand : NodesConfig::Where::kInside;
}

}  // namespace

std::string_view kind_name(NodeKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::optional<NodeKind> kind_named(std::string_view name) {
  const auto* found = std::ranges::find(kKinds, name);
  if (found == std::end(kKinds)) return std::nullopt;
  return static_cast<NodeKind>(found - std::begin(kKinds));
}

NodesConfig NodesConfig::read(ConfigSection nodes) {
  NodesConfig config;
  const std::vector<std::string> places{"inside", "process", "by hand"};
  std::string agent = "inside", xmpp = "inside";
  nodes.read_choice("agent", places, agent);
  nodes.read_choice("xmpp", places, xmpp);
  config.agent = where_named(agent);
  config.xmpp = where_named(xmpp);
  nodes.read_duration("missing_kept_secs", std::chrono::seconds(1), config.missing_kept_max);
  if (config.missing_kept_max < std::chrono::seconds(1))
    nodes.problem("missing_kept_secs", "must be at least 1");
  return config;
}

std::string node_directory(const std::string& home, NodeKind kind) {
  return fmt::format("{}/nodes/{}", home, kind_name(kind));
}
std::string node_journal(const std::string& home, NodeKind kind) {
  return node_directory(home, kind) + "/journal";
}

}  // namespace skep::kernel
