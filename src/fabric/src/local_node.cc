#include "local_node.h"

#include "from_afar.h"

namespace skep::fabric::detail {

// The node, even its router's other nodes, may be gone when the inbox returns.
Result<void> Node::take(const Packet& packet) {
  if (packet.is_frame() && packet.view().ack) return take_acknowledged(packet);
  Router::Impl& r = *router;
  if (r.nesting == Router::nesting_max)
    return fail(Code::kExhausted, "inboxes answer each other without end");
  SKEP_TRY(Message message, packet.take());
  mark_from_afar(message, r.core.config().hive);
  ++r.nesting;
  Result<void> taken = inbox->deliver(std::move(message));
  --r.nesting;
  return taken;
}

// The sender keeps it until it hears of it: this process answers for the inbox.
Result<void> Node::take_acknowledged(const Packet& packet) {
  Router::Impl& r = *router;
  const NodeId self = id;
  const NodeId sender = packet.view().src;
  const std::string message_id(packet.view().id);
  if (!r.seen.contains(sender, message_id)) {
    SKEP_TRY(Message message, packet.take());
    mark_from_afar(message, r.core.config().hive);
    SKEP_TRY_VOID(inbox->deliver(std::move(message)));
    r.seen.add(sender, message_id);
  }
  const auto now = r.nodes.find(self);
  if (now == r.nodes.end()) return {};
  Message ack = ack_of(message_id, sender);
  ack.src = self;
  Packet answer(std::move(ack));
  (void)r.core.route(now->second->origin(), answer);
  return {};
}

Origin Node::origin() {
  const NodeType type = at->name.type();
  return {
      .node = at, .exit = this, .system = type == NodeType::kSystem || type == NodeType::kRouter};
}

}  // namespace skep::fabric::detail
