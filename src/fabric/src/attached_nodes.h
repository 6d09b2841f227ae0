// Who is attached, by NodeId and by Name.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "skep/fabric/router.h"

namespace skep::fabric {

namespace detail {

// One attached node. Owned by the table; its Port points at it and it points back, so that either
// can end the other.
struct Node {
  Router::Impl* router;
  Port* port;
  Inbox* inbox;
  NodeId id;
  Name name;
  std::uint64_t serial;  // ascends with each attach
};

}  // namespace detail

// The loop thread alone changes and reads it without a lock; snapshot() may come from any thread,
// so changes exclude it.
class AttachedNodes {
 public:
  detail::Node& add(detail::Node node);
  void remove(const detail::Node& node);
  void remove_all();

  [[nodiscard]] detail::Node* find(const NodeId& id) const;
  [[nodiscard]] detail::Node* find(const Name& name) const;  // the first attached
  // Who is attached now, in order of arrival, as copies: a broadcast outlives changes made by its
  // receivers.
  [[nodiscard]] std::vector<detail::Node> all() const;
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] std::shared_ptr<const RouteSnapshot> snapshot() const;

 private:
  void forget_name(const detail::Node& node);

  std::unordered_map<NodeId, std::unique_ptr<detail::Node>> by_id_;
  std::unordered_map<Name, std::vector<detail::Node*>> by_name_;  // each in order of arrival
  std::uint64_t serials_ = 0;
  mutable std::mutex changing_;
  std::uint64_t version_ = 0;
  mutable std::shared_ptr<const RouteSnapshot> snapshot_ = std::make_shared<const RouteSnapshot>();
};

}  // namespace skep::fabric
