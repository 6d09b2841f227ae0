// A node in this process: an inbox with a place in the core.
#pragma once

#include <mutex>
#include <unordered_map>

#include "acks.h"
#include "core.h"
#include "skep/fabric/texts.h"

namespace skep::fabric {

namespace detail {

// Owned by the router; its Port points at it and it points back, so that either can end the other.
struct Node final : Exit {
  Node(Router::Impl& r, Inbox& i, NodeId n) : router(&r), inbox(&i), id(n) {}
  Result<void> take(const Packet& packet) override;
  [[nodiscard]] std::size_t waiting() const override { return 0; }
  void evicted() override;
  [[nodiscard]] bool is_inbox() const override { return true; }
  [[nodiscard]] Origin origin();
  Result<void> hand_over(Message message);

  Router::Impl* router;
  Inbox* inbox;
  NodeId id;
  Port* port = nullptr;
  const NodeAt* at = nullptr;

 private:
  Result<void> take_frame(const Packet& packet);
  // `acknowledged`: the id that the sender waits to hear of; empty: none.
  Result<void> fetch(Message message, const std::string& acknowledged);
};

}  // namespace detail

// Where "dst: null" goes while nothing else decides.
class DefaultTarget final : public Resolver {
 public:
  explicit DefaultTarget(std::string name) : name_(std::move(name)) {}
  std::expected<std::string, Drop> resolve(const Packet&) override {
    if (name_.empty()) return std::unexpected(Drop::kNoTarget);
    return name_;
  }

 private:
  std::string name_;
};

struct Router::Impl {
  Impl(Core::Config config, std::string default_target)
      : core(std::move(config)), target(std::move(default_target)) {
    core.set_resolver(&target);
  }

  // To a node of this process, then ACK when the sender waits for one.
  Result<void> give(const NodeId& to, Message message, const std::string& acknowledged);
  void answer(const NodeId& from, Message answer);
  [[nodiscard]] const BlobStore* blobs() const {
    return texts == nullptr ? nullptr : &texts->store();
  }

  Core core;
  DefaultTarget target;
  Texts* texts = nullptr;  // FabricSide's
  std::unordered_map<NodeId, std::unique_ptr<detail::Node>> nodes;
  SeenIds seen;  // acknowledged messages that nodes in this process took
  int nesting = 0;
  std::mutex picturing;
  std::shared_ptr<const RouteSnapshot> picture;
};

}  // namespace skep::fabric
