#include "core.h"

#include <algorithm>
#include <cassert>

#include "core_impl.h"
#include "frame_socket.h"

namespace skep::fabric {

Core::Core(Config config) : impl_(std::make_unique<Impl>(std::move(config))) {
  impl_->table.set_queue_length(
      [](void* exit) { return static_cast<const Exit*>(exit)->waiting(); });
}
Core::~Core() = default;

std::expected<void, Drop> Core::route(const Origin& from, Packet& packet) {
  const std::string_view name =
      from.node != nullptr ? std::string_view(from.node->name.str()) : packet.view().src_name;
  const std::size_t hop = impl_->hops.begin(name, packet.view());
  auto routed = impl_->route(from, packet);
  impl_->hops.end(hop, packet.way.row, packet.way.to, routed ? Drop::kCount : routed.error());
  if (!routed) impl_->count(routed.error());
  return routed;
}

void Core::report(const Origin& from, const Packet& packet, Drop why) {
  impl_->report(from, packet, why);
}

void Core::accept(const Origin& from, Packet& packet) {
  if (auto routed = route(from, packet); !routed) impl_->report(from, packet, routed.error());
}

void Core::send(Message message) {
  message.src = impl_->config.id;
  message.src_name = impl_->config.name;
  if (message.id.empty()) message.id = MessageId(mint_ulid());
  Packet packet(std::move(message));
  packet.stamp.src_name = impl_->config.name.str();
  Origin self{.system = true};
  Impl::Sender sender{.hive = impl_->config.hive, .system = true};
  auto sent = packet.view().to == EnvelopeView::To::kBroadcast
                  ? impl_->broadcast(self, sender, packet)
                  : impl_->unicast(self, sender, packet);
  if (!sent) impl_->count(sent.error());
}

Result<const NodeAt*> Core::join(NodeAt node) {
  const NodeId id = node.id;
  if (const NodeAt* before = impl_->table.find(id)) {
    Exit* old = before->where == NodeAt::Where::kHere ? exit_of(*before) : nullptr;
    const NodeAt gone = *before;
    impl_->table.remove(id);
    impl_->tell(NodeChange::What::kDown, gone);
    if (old != nullptr) old->evicted();
  }
  node.where = NodeAt::Where::kHere;
  node.since = next_since();
  SKEP_TRY(const NodeAt* joined, impl_->table.add(std::move(node)));
  impl_->tell(NodeChange::What::kUp, *joined);
  return joined;
}

void Core::leave(const NodeAt& node) {
  assert(impl_->table.find(node.id) == &node && "leaves twice, or after it was evicted");
  const bool told = !impl_->followers.empty();
  if (!told) {
    impl_->table.remove(NodeId(node.id));
    return;
  }
  const NodeAt gone = node;
  impl_->table.remove(gone.id);
  impl_->tell(NodeChange::What::kDown, gone);
}

void Core::Impl::tell(NodeChange::What what, const NodeAt& node) {
  if (followers.empty()) return;
  const NodeChange change{what, node};
  for (std::size_t i = 0; i < followers.size(); ++i) followers[i].second(change);
}

RouteTable& Core::table() { return impl_->table; }
const RouteTable& Core::table() const { return impl_->table; }
std::uint64_t Core::next_since() { return ++impl_->serial; }

Result<const NodeAt*> Core::hang(NodeAt node) {
  SKEP_TRY(const NodeAt* hung, impl_->table.add(std::move(node)));
  impl_->tell(NodeChange::What::kUp, *hung);
  return hung;
}

void Core::unhang(const NodeId& id) {
  const NodeAt* node = impl_->table.find(id);
  if (node == nullptr) return;
  const NodeAt gone = *node;
  impl_->table.remove(gone.id);
  impl_->tell(NodeChange::What::kDown, gone);
}

void Core::add_peer(Exit& exit, bool gateway) {
  impl_->peers.push_back({&exit, gateway});
  if (impl_->session_up) impl_->session_up(exit);
}

void Core::remove_peer(Exit& exit) {
  std::erase_if(impl_->peers, [&](const Impl::Peer& peer) { return peer.exit == &exit; });
  impl_->table.remove_exit(&exit);
}

void Core::add_hive(std::string hive, Exit& exit, std::vector<std::string> path) {
  remove_hive(hive, exit);
  const bool first =
      std::ranges::none_of(impl_->hives, [&](const Impl::Hive& one) { return one.exit == &exit; });
  impl_->hives.push_back({std::move(hive), &exit, std::move(path)});
  if (first && impl_->session_up) impl_->session_up(exit);
}

void Core::remove_hive(std::string_view hive, Exit& exit) {
  std::erase_if(impl_->hives,
                [&](const Impl::Hive& one) { return one.hive == hive && one.exit == &exit; });
  std::vector<NodeId> gone;
  impl_->table.each(NodeAt::Where::kHive, [&](const NodeAt& node) {
    if (node.exit == &exit && node.hive == hive) gone.push_back(node.id);
  });
  for (const NodeId& id : gone) unhang(id);
  const bool elsewhere =
      std::ranges::any_of(impl_->hives, [&](const Impl::Hive& one) { return one.hive == hive; });
  if (!elsewhere) impl_->table.set_hive_routes(hive, {});
}

void Core::set_gateway(bool here) { impl_->gateway_here = here; }
bool Core::is_gateway() const { return impl_->gateway_here; }

void Core::set_rules(Rules rules) {
  for (const NodeAt* node : impl_->table.set_rules(std::move(rules)))
    impl_->tell(NodeChange::What::kZone, *node);
}

void Core::set_resolver(Resolver* resolver) { impl_->resolver = resolver; }
void Core::set_thread_seq(std::function<Result<std::uint64_t>(std::string_view)> next) {
  impl_->thread_seq = std::move(next);
}

void Core::set_witness(Witness* witness) { impl_->witness = witness; }

void Core::on_control(std::string msg, Control handler) {
  if (handler) {
    impl_->controls[std::move(msg)] = std::move(handler);
  } else {
    impl_->controls.erase(msg);
  }
}

void Core::on_session(std::function<void(Exit&)> follower) {
  impl_->session_up = std::move(follower);
}

std::uint64_t Core::follow(std::function<void(const NodeChange&)> follower) {
  impl_->followers.emplace_back(++impl_->serial, std::move(follower));
  return impl_->serial;
}

void Core::unfollow(std::uint64_t follower) {
  std::erase_if(impl_->followers, [&](const auto& one) { return one.first == follower; });
}

const std::shared_ptr<FrameHub>& Core::frames(Loop& loop) {
  if (!impl_->frames) impl_->frames = FrameHub::make(loop);
  return impl_->frames;
}

const Hops& Core::hops() const { return impl_->hops; }
std::size_t Core::neighbours() const {
  std::vector<const Exit*> exits;
  for (const Impl::Hive& hive : impl_->hives) exits.push_back(hive.exit);
  std::ranges::sort(exits);
  const auto twice = std::ranges::unique(exits);
  return impl_->peers.size() + exits.size() - twice.size();
}
bool Core::beyond() const {
  return !impl_->hives.empty() || std::ranges::any_of(impl_->peers, &Impl::Peer::gateway);
}

void Core::count(Drop drop) { impl_->count(drop); }
RouterStats Core::stats() const { return impl_->stats; }
const Core::Config& Core::config() const { return impl_->config; }

}  // namespace skep::fabric
