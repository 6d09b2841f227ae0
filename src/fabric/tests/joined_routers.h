// Routers in one process joined by links that carry frames, as sockets do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core.h"

namespace skep::fabric {

struct Pipe final : Exit {
  Core* far = nullptr;
  Pipe* back = nullptr;
  Origin::By by = Origin::By::kPeer;
  std::string hive;     // of the near end, as the far end knows it
  bool system = false;  // what the far end lets this hive say
  std::uint64_t frames = 0;
  bool open = false;  // until then what is taken waits, as on a socket
  std::vector<std::string> held;

  Result<void> take(const Packet& packet) override {
    std::string bytes;
    SKEP_TRY_VOID(packet.append(bytes, true));
    ++frames;
    if (open) return arrive(bytes);
    held.push_back(std::move(bytes));
    return {};
  }
  Result<void> arrive(std::string_view bytes) {
    SKEP_TRY(const EnvelopeView view, read_envelope(bytes.substr(kFrameHeaderBytes)));
    Packet arrived(view);
    far->accept({.by = by, .exit = back, .hive = hive, .system = system}, arrived);
    return {};
  }
  void flow() {
    open = true;
    for (const std::string& bytes : std::exchange(held, {})) (void)arrive(bytes);
  }
  [[nodiscard]] std::size_t waiting() const override { return 0; }
};

// What two routers know of each other while they are joined.
class Joint {
 public:
  enum class As : std::uint8_t { kPeers, kHives };
  // `a_believes_b`: b's hive may say privileged things to a.
  Joint(Router& a, Router& b, As as, bool a_believes_b = true, bool b_believes_a = true)
      : a_(a.core()), b_(b.core()), as_(as) {
    const auto by = as == As::kPeers ? Origin::By::kPeer : Origin::By::kHive;
    to_b.far = &b_, to_b.back = &to_a, to_b.by = by, to_b.hive = a.hive();
    to_a.far = &a_, to_a.back = &to_b, to_a.by = by, to_a.hive = b.hive();
    to_b.system = b_believes_a, to_a.system = a_believes_b;
    hang(a_, to_b, b.hive());
    hang(b_, to_a, a.hive());
    tell_nodes(a_, b_, to_a, a.hive());
    tell_nodes(b_, a_, to_b, b.hive());
    to_b.flow();
    to_a.flow();
  }
  ~Joint() {
    unhang(a_, to_b, to_a.hive);
    unhang(b_, to_a, to_b.hive);
  }
  Joint(const Joint&) = delete;
  Joint& operator=(const Joint&) = delete;

  Pipe to_a, to_b;

 private:
  void tell_nodes(Core& of, Core& to, Exit& exit, const std::string& hive) {
    std::vector<NodeAt> nodes;
    of.table().each(NodeAt::Where::kHere, [&](const NodeAt& node) { nodes.push_back(node); });
    for (NodeAt& node : nodes) {
      const bool peers = as_ == As::kPeers;
      node.where = peers ? NodeAt::Where::kPeer : NodeAt::Where::kHive;
      node.hive = peers ? "" : hive;
      node.path = peers ? 0 : 1;
      node.exit = &exit;
      node.since = to.next_since();
      (void)to.table().add(std::move(node));
    }
  }
  void hang(Core& core, Exit& exit, const std::string& hive) {
    as_ == As::kPeers ? core.add_peer(exit, false) : core.add_hive(hive, exit, {hive});
  }
  void unhang(Core& core, Exit& exit, const std::string& hive) {
    as_ == As::kPeers ? core.remove_peer(exit) : core.remove_hive(hive, exit);
  }
  Core &a_, &b_;
  As as_;
};

}  // namespace skep::fabric
