#include "skep/fabric/router.h"

#include <cassert>
#include <optional>

#include "attached_nodes.h"
#include "glob.h"

namespace skep::fabric {

using detail::Node;

namespace {

constexpr std::uint8_t kSystemTtl = 16;

struct Failed {
  Drop drop;
  Error error;
};

std::string destination_text(const Destination& dst) {
  if (const auto* name = std::get_if<Name>(&dst)) return name->str();
  if (const auto* id = std::get_if<NodeId>(&dst)) return id->uuid.str();
  return std::holds_alternative<Broadcast>(dst) ? "broadcast" : "null";
}

Failed not_found(const Destination& dst) {
  return {Drop::kNodeNotFound,
          {Code::kNotFound, fmt::format("no node \"{}\" is attached", destination_text(dst))}};
}

}  // namespace

std::string_view drop_reason(Drop drop) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"NODE_NOT_FOUND", "TTL_EXCEEDED", "REFUSED", "NO_TARGET", "NOT_ALLOWED", "VPN_BLOCKED",
       "BACKPRESSURE", "PEER_UNAVAILABLE", "GATEWAY_UNAVAILABLE", "WAN_UNAVAILABLE", "OPA_ERROR",
       "OPA_NO_TARGET", "SPOOFED", "MALFORMED", "ROUTE_DROP", "DUPLICATE", "FOREIGN"});
  static_assert(kNames.size() == static_cast<std::size_t>(Drop::kCount));
  return drop < Drop::kCount ? kNames[static_cast<std::size_t>(drop)] : "UNKNOWN";
}

struct Router::Impl {
  std::string hive;
  std::optional<Name> default_target;
  NodeId id;
  Name name;
  AttachedNodes table;
  RouterStats stats;
  int nesting = 0;

  std::expected<void, Failed> route(const Node& from, Message message);
  void return_failure(NodeId to, const Message& cause, const Failed& failed);

 private:
  std::expected<void, Failed> unicast(Node* to, Message message);
  std::expected<void, Failed> broadcast(const Node& from, Message message);
  std::expected<void, Failed> hand_over(Inbox& inbox, Message message);
};

// The way of every message: stamp, find, hand on.
std::expected<void, Failed> Router::Impl::route(const Node& from, Message message) {
  message.src = from.id;
  if (message.src_name != from.name) message.src_name = from.name;
  if (message.ttl == 0) {
    return std::unexpected(
        Failed{Drop::kTtlExceeded, {Code::kInvalid, "the message's ttl is used up"}});
  }
  if (const auto* l2 = std::get_if<Name>(&message.dst))
    return unicast(table.find(*l2), std::move(message));
  if (const auto* l1 = std::get_if<NodeId>(&message.dst))
    return unicast(table.find(*l1), std::move(message));
  if (std::holds_alternative<Broadcast>(message.dst)) return broadcast(from, std::move(message));
  if (!default_target) {
    return std::unexpected(Failed{
        Drop::kNoTarget, {Code::kNotFound, "no destination is given and there is no default"}});
  }
  message.dst = *default_target;
  return unicast(table.find(*default_target), std::move(message));
}

std::expected<void, Failed> Router::Impl::unicast(Node* to, Message message) {
  if (to == nullptr) return std::unexpected(not_found(message.dst));
  return hand_over(*to->inbox, std::move(message));
}

// A receiver that refuses, or that is gone by the time its turn comes, does not fail the broadcast.
std::expected<void, Failed> Router::Impl::broadcast(const Node& from, Message message) {
  const std::string target = std::get<Broadcast>(message.dst).target;
  const std::uint64_t sender = from.serial;  // `from` may die while its message is heard
  for (const Node& to : table.all()) {
    if (to.serial == sender || !(target.empty() || glob_matches(target, to.name.str()))) continue;
    const Node* now = table.find(to.id);
    if (now == nullptr || now->serial != to.serial) continue;
    auto handed = hand_over(*to.inbox, message);
    if (!handed) ++stats.dropped[static_cast<std::size_t>(handed.error().drop)];
  }
  return {};
}

std::expected<void, Failed> Router::Impl::hand_over(Inbox& inbox, Message message) {
  if (nesting == nesting_max) {
    return std::unexpected(
        Failed{Drop::kRefused, {Code::kExhausted, "inboxes answer each other without end"}});
  }
  ++nesting;
  Result<void> taken = inbox.deliver(std::move(message));
  --nesting;
  if (!taken) return std::unexpected(Failed{Drop::kRefused, std::move(taken).error()});
  ++stats.delivered;
  return {};
}

void Router::Impl::return_failure(NodeId to, const Message& cause, const Failed& failed) {
  Node* origin = table.find(to);
  if (origin == nullptr) return;
  const bool ttl = failed.drop == Drop::kTtlExceeded;
  Message report;
  report.id = MessageId(mint_ulid());
  report.trace = cause.trace;
  report.src = id;
  report.src_name = name;
  report.dst = to;
  report.ttl = kSystemTtl;
  report.kind = Kind::kSystem;
  report.action = ttl ? "TTL_EXCEEDED" : "UNREACHABLE";
  report.in_reply_to = cause.id;
  report.conversation = cause.conversation;
  report.meta["original_dst"] = destination_text(cause.dst);
  report.meta["reason"] = drop_reason(failed.drop);
  if (ttl) report.meta["last_hop"] = name.str();
  auto handed = hand_over(*origin->inbox, std::move(report));
  if (!handed) ++stats.dropped[static_cast<std::size_t>(handed.error().drop)];
}

Port::Port(Node& node) : node_(&node), id_(node.id), name_(node.name) { node.port = this; }

Port::Port(Port&& other) noexcept
    : node_(std::exchange(other.node_, nullptr)), id_(other.id_), name_(other.name_) {
  if (node_ != nullptr) node_->port = this;
}

Port& Port::operator=(Port&& other) noexcept {
  if (this == &other) return *this;
  leave();
  node_ = std::exchange(other.node_, nullptr);
  id_ = other.id_;
  name_ = other.name_;
  if (node_ != nullptr) node_->port = this;
  return *this;
}

Port::~Port() { leave(); }

void Port::leave() {
  if (Node* node = std::exchange(node_, nullptr)) node->router->table.remove(*node);
}

Result<void> Port::send(Message message) {
  if (node_ == nullptr) return fail(Code::kUnavailable, "this node is no longer on the fabric");
  Router::Impl& router = *node_->router;
  auto routed = router.route(*node_, std::move(message));
  if (routed) return {};
  ++router.stats.dropped[static_cast<std::size_t>(routed.error().drop)];
  return fail(std::move(routed).error().error);
}

void Port::post(Message message) {
  if (node_ == nullptr) return;
  Router::Impl& router = *node_->router;
  const NodeId self = id_;
  Message cause;  // what a report needs; the message itself moves on
  cause.id = message.id;
  cause.trace = message.trace;
  cause.dst = message.dst;
  cause.kind = message.kind;
  cause.conversation = message.conversation;
  auto routed = router.route(*node_, std::move(message));
  if (routed) return;
  ++router.stats.dropped[static_cast<std::size_t>(routed.error().drop)];
  if (cause.kind != Kind::kSystem) router.return_failure(self, cause, routed.error());
}

const Name& Port::name() const {
  assert(name_.has_value());
  return *name_;
}
const NodeId& Port::id() const { return id_; }

Router::Router(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Router::~Router() {
  assert(impl_->table.size() == 0 && "every Port must die before its Router");
  for (const Node& node : impl_->table.all()) node.port->node_ = nullptr;
  impl_->table.remove_all();
}

Result<std::unique_ptr<Router>> Router::open(RouterConfig config) {
  SKEP_TRY(Name name, Name::parse(config.name, config.hive));
  std::optional<Name> target;
  if (!config.default_target.empty()) {
    SKEP_TRY(target, Name::parse(config.default_target, config.hive));
  }
  auto impl = std::unique_ptr<Impl>(new Impl{.hive = std::move(config.hive),
                                             .default_target = std::move(target),
                                             .id = NodeId{Uuid::random()},
                                             .name = std::move(name)});
  return std::unique_ptr<Router>(new Router(std::move(impl)));
}

Result<Port> Router::attach(Name name, NodeId id, Inbox& inbox) {
  if (name.hive() != impl_->hive) {
    return fail(Code::kDenied,
                fmt::format("\"{}\" belongs to another hive than \"{}\"", name.str(), impl_->hive));
  }
  if (Node* before = impl_->table.find(id)) {
    before->port->node_ = nullptr;
    impl_->table.remove(*before);
  }
  return Port(impl_->table.add(Node{impl_.get(), nullptr, &inbox, id, std::move(name), 0}));
}

const std::string& Router::hive() const { return impl_->hive; }
std::shared_ptr<const RouteSnapshot> Router::snapshot() const { return impl_->table.snapshot(); }
RouterStats Router::stats() const { return impl_->stats; }

}  // namespace skep::fabric
