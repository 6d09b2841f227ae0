#include "local_node.h"

#include "from_afar.h"

namespace skep::fabric::detail {

// The node, even its router's other nodes, may be gone when the inbox returns.
Result<void> Node::take(const Packet& packet) {
  if (packet.is_frame()) return take_frame(packet);
  SKEP_TRY(Message message, packet.take());
  return hand_over(std::move(message));
}

Result<void> Node::hand_over(Message message) {
  Router::Impl& r = *router;
  if (r.nesting == Router::nesting_max)
    return fail(Code::kExhausted, "inboxes answer each other without end");
  mark_from_afar(message, r.core.config().hive);
  ++r.nesting;
  Result<void> taken = inbox->deliver(std::move(message));
  --r.nesting;
  return taken;
}

// Of a message that wants one, the sender keeps it until it has an answer: this process answers for
// the inbox.
Result<void> Node::take_frame(const Packet& packet) {
  Router::Impl& r = *router;
  const NodeId sender = packet.view().src;
  const std::string acknowledged(packet.view().ack ? packet.view().id : std::string_view());
  if (!acknowledged.empty() && r.seen.contains(sender, acknowledged)) {
    r.answer(id, ack_of(acknowledged, sender));
    return {};
  }
  SKEP_TRY(Message message, packet.take());
  message.meta.erase("ack");
  if (r.texts != nullptr && r.texts->concerns(message))
    return fetch(std::move(message), acknowledged);
  return r.give(id, std::move(message), acknowledged);
}

Result<void> Node::fetch(Message message, const std::string& acknowledged) {
  Router::Impl& r = *router;
  const NodeId sender = message.src;
  if (!acknowledged.empty() && r.texts->holds(sender, acknowledged)) return {};
  return r.texts->fetch(std::move(message),
                        [&r, self = id, sender, acknowledged](Result<Message> whole) {
                          Result<void> given = whole ? r.give(self, *std::move(whole), acknowledged)
                                                     : Result<void>(fail(std::move(whole).error()));
                          if (given) return;
                          r.core.count(Drop::kRefused);
                          if (!acknowledged.empty())
                            r.answer(self, nack_of(acknowledged, sender, given.error()));
                        });
}

Origin Node::origin() {
  const NodeType type = at->name.type();
  return {
      .node = at, .exit = this, .system = type == NodeType::kSystem || type == NodeType::kRouter};
}

}  // namespace skep::fabric::detail

namespace skep::fabric {

// By its id, since it may be gone by now: then the sender hears nothing, and asks again.
Result<void> Router::Impl::give(const NodeId& to, Message message,
                                const std::string& acknowledged) {
  const auto node = nodes.find(to);
  if (node == nodes.end()) return {};
  const NodeId self = to;
  const NodeId sender = message.src;
  SKEP_TRY_VOID(node->second->hand_over(std::move(message)));
  if (acknowledged.empty()) return {};
  seen.add(sender, acknowledged);
  answer(self, ack_of(acknowledged, sender));
  return {};
}

void Router::Impl::answer(const NodeId& from, Message answer) {
  const auto node = nodes.find(from);
  if (node == nodes.end()) return;
  answer.src = from;
  Packet packet(std::move(answer));
  (void)core.route(node->second->origin(), packet);
}

}  // namespace skep::fabric
