#include "attached_nodes.h"

#include <algorithm>
#include <tuple>

namespace skep::fabric {

using detail::Node;

Node& AttachedNodes::add(Node node) {
  std::scoped_lock lock(changing_);
  node.serial = ++serials_;
  auto owned = std::make_unique<Node>(std::move(node));
  Node& added = *owned;
  by_name_[added.name].push_back(&added);
  by_id_[added.id] = std::move(owned);
  ++version_;
  return added;
}

void AttachedNodes::remove(const Node& node) {
  std::scoped_lock lock(changing_);
  forget_name(node);
  by_id_.erase(NodeId(node.id));  // a copy: erasing destroys the node whose id it is
  ++version_;
}

void AttachedNodes::remove_all() {
  std::scoped_lock lock(changing_);
  by_name_.clear();
  by_id_.clear();
  ++version_;
}

void AttachedNodes::forget_name(const Node& node) {
  auto at = by_name_.find(node.name);
  std::erase(at->second, &node);
  if (at->second.empty()) by_name_.erase(at);
}

Node* AttachedNodes::find(const NodeId& id) const {
  auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second.get();
}

Node* AttachedNodes::find(const Name& name) const {
  auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second.front();
}

std::vector<Node> AttachedNodes::all() const {
  std::vector<Node> nodes;
  nodes.reserve(by_id_.size());
  for (const auto& [id, node] : by_id_) nodes.push_back(*node);
  std::ranges::sort(nodes, {}, &Node::serial);
  return nodes;
}

std::shared_ptr<const RouteSnapshot> AttachedNodes::snapshot() const {
  std::scoped_lock lock(changing_);
  if (snapshot_->version == version_) return snapshot_;
  auto fresh = std::make_shared<RouteSnapshot>();
  fresh->version = version_;
  fresh->routes.reserve(by_id_.size());
  for (const auto& [name, nodes] : by_name_) {
    for (const Node* node : nodes) fresh->routes.push_back({name, node->id, "connected"});
  }
  std::ranges::stable_sort(fresh->routes, {}, &RouteEntry::name);
  snapshot_ = std::move(fresh);
  return snapshot_;
}

}  // namespace skep::fabric
