#include "skep/fabric/router.h"

#include <algorithm>
#include <cassert>

#include "local_node.h"

namespace skep::fabric {

using detail::Node;

namespace {

std::string destination_text(const Destination& dst) {
  if (const auto* name = std::get_if<Name>(&dst)) return name->str();
  if (const auto* id = std::get_if<NodeId>(&dst)) return id->uuid.str();
  return std::holds_alternative<Broadcast>(dst) ? "broadcast" : "null";
}

// What the sender in this process is told; `to` as text is made for failures alone.
Error error_of(Drop drop, const std::string& to) {
  switch (drop) {
    case Drop::kNodeNotFound:
      return {Code::kNotFound, fmt::format("no node \"{}\" is attached", to)};
    case Drop::kNoTarget:
      return {Code::kNotFound, "no destination is given and there is no default"};
    case Drop::kTtlExceeded:
      return {Code::kInvalid, "the message's ttl is used up"};
    case Drop::kNotAllowed:
    case Drop::kVpnBlocked:
    case Drop::kSpoofed:
    case Drop::kForeign:
      return {Code::kDenied,
              fmt::format("this node may not send that to \"{}\": {}", to, drop_reason(drop))};
    case Drop::kRouteDrop:
    case Drop::kDuplicate:
      return {Code::kDenied,
              fmt::format("dropped on the way to \"{}\": {}", to, drop_reason(drop))};
    default:
      return {Code::kUnavailable, fmt::format("\"{}\" cannot be reached now: {}; try again later",
                                              to, drop_reason(drop))};
  }
}

// What a report needs; the message itself moves on.
Message cause_of(const Message& message) {
  Message cause;
  cause.id = message.id;
  cause.trace = message.trace;
  cause.dst = message.dst;
  cause.kind = message.kind;
  cause.conversation = message.conversation;
  return cause;
}

void stamp(Message& message, const Node& from) {
  message.src = from.id;
  if (message.src_name != from.at->name) message.src_name = from.at->name;
}

RouteEntry entry_of(const NodeAt& node) {
  RouteEntry entry{node.name.str(), node.id, "connected", node.zone.value_or(0), {}};
  if (node.where == NodeAt::Where::kPeer) entry.why = "peer";
  if (node.where == NodeAt::Where::kHive) {
    entry.why = "hive";
    entry.to = node.hive;
  }
  return entry;
}

RouteEntry entry_of(const StaticRoute& route) {
  constexpr std::string_view kActions[] = {"drop", "redirect ", "fallback "};
  std::string to(kActions[static_cast<std::size_t>(route.action)]);
  return {route.pattern.text, {}, "static", 0, to + route.to};
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

void Node::evicted() {
  port->node_ = nullptr;
  router->nodes.erase(NodeId(id));  // destroys this
}

Port::Port(Node& node) : node_(&node), id_(node.id), name_(node.at->name) { node.port = this; }

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
  Node* node = std::exchange(node_, nullptr);
  if (node == nullptr) return;
  Router::Impl& router = *node->router;
  router.core.leave(*node->at);
  router.nodes.erase(NodeId(node->id));
}

Result<void> Port::send(Message message) {
  if (node_ == nullptr) return fail(Code::kUnavailable, "this node is no longer on the fabric");
  stamp(message, *node_);
  const Destination asked = message.dst;
  Core& core = node_->router->core;
  Packet packet(std::move(message));
  packet.blobs = node_->router->blobs();
  auto routed = core.route(node_->origin(), packet);
  if (routed) return {};
  if (packet.refusal) return fail(std::move(*packet.refusal));
  return fail(error_of(routed.error(), destination_text(asked)));
}

void Port::post(Message message) {
  if (node_ == nullptr) return;
  stamp(message, *node_);
  const NodeId self = id_;
  Router::Impl& router = *node_->router;
  Message cause = cause_of(message);
  Packet packet(std::move(message));
  packet.blobs = router.blobs();
  auto routed = router.core.route(node_->origin(), packet);
  if (routed) return;
  cause.src = self;
  Packet about(std::move(cause));
  about.refusal = std::move(packet.refusal);
  router.core.report({}, about, routed.error());
}

const Name& Port::name() const {
  assert(name_.has_value());
  return *name_;
}
const NodeId& Port::id() const { return id_; }

Router::Router(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Router::~Router() {
  assert(impl_->nodes.empty() && "every Port must die before its Router");
  for (const auto& [id, node] : impl_->nodes) node->port->node_ = nullptr;
}

Result<std::unique_ptr<Router>> Router::open(RouterConfig config) {
  SKEP_TRY(Name name, Name::parse(config.name, config.hive));
  std::string target;
  if (!config.default_target.empty()) {
    SKEP_TRY(Name parsed, Name::parse(config.default_target, config.hive));
    target = parsed.str();
  }
  Core::Config core{std::move(config.hive), std::move(name), NodeId{Uuid::random()}};
  return std::unique_ptr<Router>(
      new Router(std::make_unique<Impl>(std::move(core), std::move(target))));
}

Result<Port> Router::attach(Name name, NodeId id, Inbox& inbox) {
  if (name.hive() != hive()) {
    return fail(Code::kDenied,
                fmt::format("\"{}\" belongs to another hive than \"{}\"", name.str(), hive()));
  }
  auto node = std::make_unique<Node>(*impl_, inbox, id);
  NodeAt at{.id = id, .name = std::move(name)};
  at.exit = static_cast<Exit*>(node.get());
  at.own_user = true;
  SKEP_TRY(node->at, impl_->core.join(std::move(at)));
  Node& attached = *node;
  impl_->nodes[id] = std::move(node);
  return Port(attached);
}

const std::string& Router::hive() const { return impl_->core.config().hive; }
void Router::set_texts(Texts* texts) { impl_->texts = texts; }
Core& Router::core() { return impl_->core; }
RouterStats Router::stats() const { return impl_->core.stats(); }

std::shared_ptr<const RouteSnapshot> Router::snapshot() const {
  std::scoped_lock lock(impl_->picturing);
  const RouteTable& table = impl_->core.table();
  if (impl_->picture && impl_->picture->version == table.version()) return impl_->picture;
  auto fresh = std::make_shared<RouteSnapshot>();
  const RouteTable::Picture now = table.picture();
  fresh->version = now.version;
  for (const StaticRoute& route : now.routes) fresh->routes.push_back(entry_of(route));
  std::vector<RouteEntry> nodes;
  nodes.reserve(now.nodes.size());
  for (const NodeAt& node : now.nodes) nodes.push_back(entry_of(node));
  std::ranges::stable_sort(nodes, {}, &RouteEntry::name);
  std::ranges::move(nodes, std::back_inserter(fresh->routes));
  impl_->picture = std::move(fresh);
  return impl_->picture;
}

}  // namespace skep::fabric
