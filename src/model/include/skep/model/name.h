// Names on the fabric. L2: "TYPE.part.part@hive", what people and routes use. L1: one UUID per
// running node.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "skep/base/id.h"
#include "skep/base/result.h"

namespace skep {

enum class NodeType { kRouter, kSystem, kChannel, kAgent, kWorkflow };  // RT SY IO AI WF
std::string_view node_type_prefix(NodeType type);                       // "RT", …

// A valid L2 name: at most 256 bytes of ASCII; a TYPE of the five, then 1 to 9 more dot-separated
// fields of 1 to 63 characters from [A-Za-z0-9_+-]; exactly one '@'; a hive of 1 to 64 characters
// from [A-Za-z0-9_-]. Compared exactly.
class Name {
 public:
  // "AI.support@lab". Without '@' the `local_hive` is appended.
  static Result<Name> parse(std::string_view text, std::string_view local_hive = {});
  // Builds TYPE.label@hive from any text: characters outside the set become '-', long labels are
  // cut. For agents and channels that people named freely.
  static Name from_label(NodeType type, std::string_view label, std::string_view hive);

  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] NodeType type() const { return type_; }
  [[nodiscard]] std::string_view base() const;  // before '@'
  [[nodiscard]] std::string_view hive() const;  // after '@'
  std::strong_ordering operator<=>(const Name& other) const { return text_ <=> other.text_; }
  bool operator==(const Name& other) const { return text_ == other.text_; }

 private:
  Name(std::string text, NodeType type) : text_(std::move(text)), type_(type) {}
  std::string text_;
  NodeType type_;
};

// L1. The UUID of one running node; a restarted node that keeps its state directory keeps it.
struct NodeId {
  Uuid uuid;
  auto operator<=>(const NodeId&) const = default;
};

// The identity of a party to conversations, human, agent or system: "ilk:<uuid>".
struct Ilk {
  Uuid uuid;
  static Result<Ilk> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  [[nodiscard]] bool is_nil() const { return uuid.is_nil(); }
  auto operator<=>(const Ilk&) const = default;
};

}  // namespace skep

template <>
struct std::hash<skep::Name> {
  std::size_t operator()(const skep::Name& n) const noexcept {
    return std::hash<std::string>{}(n.str());
  }
};
template <>
struct std::hash<skep::NodeId> {
  std::size_t operator()(const skep::NodeId& n) const noexcept {
    return std::hash<skep::Uuid>{}(n.uuid);
  }
};
template <>
struct std::hash<skep::Ilk> {
  std::size_t operator()(const skep::Ilk& i) const noexcept {
    return std::hash<skep::Uuid>{}(i.uuid);
  }
};
